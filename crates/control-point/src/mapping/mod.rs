//! Port mappings: asking for them, and proving that they are there.

mod protocol;

pub use protocol::Protocol;
