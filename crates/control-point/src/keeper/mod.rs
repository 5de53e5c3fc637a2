//! Keeping mappings: renewed in time, made again when they are lost, taken away when nobody wants them any more.
//!
//! All mappings kept on one gateway share one task ([`task`]), which carries out what a pure state machine
//! ([`keeping`]) orders.

mod change;
mod events;
mod keeping;
mod kept;
mod perform;
pub(crate) mod schedule;
mod task;
#[cfg(test)]
mod tests;
mod timetable;
mod wakefulness;

pub use change::{Change, Changes, State};
use keeping::MappingId;
pub(crate) use keeping::{is_absence, is_elsewhere};
pub use kept::KeptMapping;
pub(crate) use perform::find_again;
pub(crate) use task::KeeperSlot;
pub(crate) use wakefulness::Wakefulness;
