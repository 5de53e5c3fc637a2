//! The little XML that UPnP needs: a writer that cannot produce ill-formed text, and a reader with limits.

mod frame;
mod reader;
mod writer;

pub(crate) use reader::namespace;
pub use reader::{
    Ampersands, Element, MAX_DEPTH, MAX_ELEMENTS, XmlError, decode, decode_leniently, parse, parse_cut_off,
};
pub use writer::{XmlWriter, escape};
