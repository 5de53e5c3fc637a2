//! UPnP Internet Gateway Device, PCP and NAT-PMP on the wire: bytes to types and back, without I/O, clock or
//! randomness.
//!
//! The heart is [`service`]: one table per service, from which the SCPD, the validation of arguments, the dispatch in
//! the engine and the rendering of answers all follow.

pub mod call;
pub mod description;
pub mod dispatch;
pub mod error;
pub mod gena;
pub mod http;
pub mod nat_pmp;
pub mod offer;
pub mod pcp;
pub mod port_listing;
pub mod printable;
pub mod quirk;
pub mod resource;
pub mod scpd;
pub mod service;
pub mod soap;
pub mod ssdp;
pub mod url;
pub mod uuid;
pub mod value;
pub mod view;
pub mod xml;

pub use call::{Answer, Call};
pub use dispatch::dispatch;
pub use error::{ErrorCode, Fault};
pub use offer::Offer;
pub use printable::printable;
pub use quirk::{Quirk, Quirks};
pub use url::{Url, UrlError};
pub use uuid::Uuid;
pub use value::{DataType, Value};
pub use view::View;
