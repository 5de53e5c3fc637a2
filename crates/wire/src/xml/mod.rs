//! The little XML that UPnP needs: a writer that cannot produce ill-formed text, and a reader with limits.

mod frame;
mod reader;
mod writer;

pub(crate) use reader::namespace;
pub use reader::{Ampersands, Element, MAX_DEPTH, MAX_ELEMENTS, XmlError, decode, parse};
pub use writer::{XmlWriter, escape};
