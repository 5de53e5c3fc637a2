//! A small control point for tests. It sends what it is told to send, byte for byte if need be, and hides nothing of
//! the answer.

mod control_point;
pub mod description;
pub mod gena;
pub mod http;
mod pinhole;
mod port_mapping;
pub mod soap;
pub mod ssdp;
pub mod xml;

pub use control_point::{ControlPoint, MICROSOFT};
pub use pinhole::Pinhole;
pub use port_mapping::PortMapping;
pub use soap::{Answer, Fault, refused};
