//! Port mappings: asking for them, and proving that they are there.

mod by_port_control;
mod by_upnp;
mod candidates;
mod carry_out;
mod entry;
mod lessons;
mod made;
mod note;
mod plan;
mod protocol;
mod request;
#[cfg(test)]
mod tests;
mod unmap;
mod wanted;

pub(crate) use by_upnp::{random_seed, read, unhurried};
pub(crate) use candidates::Random;
pub(crate) use carry_out::{Asked, carry_out, remove};
pub(crate) use entry::Relation;
pub(crate) use lessons::Memory;
pub use made::{External as ExternalEnd, Mapping};
pub use note::{Note, Verification};
pub(crate) use plan::{Entry, Made, Purpose};
pub use protocol::Protocol;
pub use request::MapRequest;
#[cfg(test)]
pub(crate) use wanted::{Description, LeaseSeconds};
pub(crate) use wanted::{External, Wanted};
