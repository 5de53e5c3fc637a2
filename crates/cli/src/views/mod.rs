//! What commands tell: each view is the JSON of one command (see JSON.md) and renders itself for people.
//!
//! Views are plain data, made from the library's types by the commands, so that rendering is pure.

mod call;
mod discover;
mod doctor;
mod gateway;
mod link;
mod list;
mod map;
mod pinhole;
mod stability;
mod status;
mod unmap;
mod watch;

pub(crate) use call::{Action, Actions, Argument, Called, Service, Services};
pub(crate) use discover::{Connection, Discovered, Found};
pub(crate) use doctor::{Diagnosis, Outcome, Skipped, Step};
pub(crate) use gateway::{AddressKind, Gateway, address_in_words};
pub(crate) use link::LinkRequested;
pub(crate) use list::{Listed, Row};
pub(crate) use map::{Ending, MapEvent, Mapped, Mapping, Note};
pub(crate) use pinhole::{
    Pinhole, PinholeChecked, PinholeDeleted, PinholeEvent, PinholePackets, PinholeUpdated, PinholesKept,
    Traffic as PinholeTraffic,
};
pub(crate) use stability::{Dependability, Outage, Sample, Stretch};
pub(crate) use status::{Firewall, Link, Reading, StatusEvent, Traffic, Unusable};
pub(crate) use unmap::{Removed, Unmapped};
pub(crate) use watch::{Learnt, Means, Reason, WatchEvent, Watched, WatchedService, Words};
