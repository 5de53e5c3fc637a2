//! Port mappings: asking for them, and proving that they are there.

mod candidates;
mod entry;
mod lessons;
mod note;
mod plan;
mod protocol;
mod wanted;

pub(crate) use lessons::Memory;
pub use note::{Note, Verification};
pub use protocol::Protocol;
