//! Port mappings: asking for them, and proving that they are there.

mod candidates;
mod carry_out;
mod entry;
mod lessons;
mod made;
mod note;
mod plan;
mod protocol;
mod request;
mod unmap;
mod wanted;

pub(crate) use candidates::Random;
pub(crate) use carry_out::{carry_out, random_seed, read, unhurried};
pub(crate) use entry::Relation;
pub(crate) use lessons::Memory;
pub(crate) use made::remove;
pub use made::{External as ExternalEnd, Mapping};
pub use note::{Note, Verification};
pub(crate) use plan::{Made, Purpose};
pub use protocol::Protocol;
pub use request::MapRequest;
#[cfg(test)]
pub(crate) use wanted::{Description, LeaseSeconds};
pub(crate) use wanted::{External, Wanted};
