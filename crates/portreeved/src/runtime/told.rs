//! What clients of PCP and NAT-PMP are told of the gateway, and how it is kept from one run of the daemon to the next.

use std::net::Ipv4Addr;

use portreeve_engine::{Engine, Epoch};
use portreeve_store::{Clocks, LeaseStore, StoreError};

/// The epoch, and the external address in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The epoch.
    pub(crate) epoch: Epoch,
    /// The external address, where there has been one.
    pub(crate) external_address: Option<Ipv4Addr>,
}

/// Name of the note in the store: by the calendar, in milliseconds, when the epoch began, and the external address.
const NOTE: &str = "epoch";

impl Told {
    /// What the engine has clients told.
    pub(super) fn by(engine: &Engine) -> Self {
        Self {
            epoch: engine.epoch(),
            external_address: engine.told_address(),
        }
    }

    /// What was told before. The epoch has gone on by the calendar. One begins now, and is kept, where the store is new,
    /// since clients have to ask again for what it lacks, and where the calendar has gone back, since nobody knows how far.
    pub(super) fn recall(store: &mut dyn LeaseStore, clocks: Clocks) -> Result<Self, StoreError> {
        let note = store.note(NOTE)?.unwrap_or_default();
        let (began, address) = note.split_once(' ').unwrap_or((&note, ""));
        let external_address = address.parse().ok();
        let began = began.parse().ok();
        let Some(passed) = began.and_then(|began| clocks.unix_millis.checked_sub(began)) else {
            let epoch = Epoch::begin(clocks.boot);
            let told = Self {
                epoch,
                external_address,
            };
            told.keep(store, clocks)?;
            return Ok(told);
        };
        let seconds = u32::try_from(passed / 1000).unwrap_or(u32::MAX);
        Ok(Self {
            epoch: Epoch::of(seconds, clocks.boot),
            external_address,
        })
    }

    /// Keeps it, durably.
    pub(super) fn keep(self, store: &mut dyn LeaseStore, clocks: Clocks) -> Result<(), StoreError> {
        let passed = u64::from(self.epoch.seconds(clocks.boot)) * 1000;
        let began = clocks.unix_millis.saturating_sub(passed);
        let address = self.external_address.map(|address| address.to_string());
        store.set_note(NOTE, format!("{began} {}", address.unwrap_or_default()).trim_end())
    }

    /// Has the next run begin an epoch, since nothing of what clients asked for is left.
    pub(super) fn forget(store: &mut dyn LeaseStore) -> Result<(), StoreError> {
        store.set_note(NOTE, "")
    }
}

#[cfg(test)]
mod tests {
    use portreeve_engine::Time;
    use portreeve_store::MemoryStore;

    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(11, 11, 11, 2);

    /// The boot clock and the calendar, in seconds.
    fn clocks(boot: u64, unix: u64) -> Clocks {
        Clocks {
            boot: Time::from_millis(boot * 1000),
            unix_millis: unix * 1000,
        }
    }

    fn seconds(store: &mut MemoryStore, now: Clocks) -> u32 {
        Told::recall(store, now).unwrap().epoch.seconds(now.boot)
    }

    #[test]
    fn the_epoch_counts_on_over_a_restart_of_the_daemon_and_of_the_machine() {
        let mut store = MemoryStore::new("one");
        let begun = clocks(500, 1_000_000);
        let told = Told {
            epoch: Epoch::begin(begun.boot),
            external_address: Some(ADDRESS),
        };
        told.keep(&mut store, clocks(560, 1_000_060)).unwrap();
        assert_eq!(seconds(&mut store, clocks(600, 1_000_100)), 100);
        let again = Told::recall(&mut store, clocks(600, 1_000_100)).unwrap();
        assert_eq!(again.external_address, Some(ADDRESS));
        assert_eq!(again.epoch.seconds(Time::from_millis(700_000)), 200);
        let mut store = store.rebooted("two");
        assert_eq!(seconds(&mut store, clocks(7, 1_000_300)), 300);
    }

    #[test]
    fn an_epoch_begins_where_nothing_is_known() {
        let mut store = MemoryStore::new("one");
        let now = clocks(500, 1_000_000);
        assert_eq!(seconds(&mut store, now), 0);
        let told = Told {
            epoch: Epoch::of(1000, now.boot),
            external_address: None,
        };
        told.keep(&mut store, now).unwrap();
        assert_eq!(seconds(&mut store, now), 1000);
        assert_eq!(seconds(&mut store, clocks(7, 50)), 0, "the calendar went back");
        Told::forget(&mut store).unwrap();
        assert_eq!(seconds(&mut store, now), 0);
        store.set_note(NOTE, "yesterday 1.2").unwrap();
        assert_eq!(Told::recall(&mut store, now).unwrap().external_address, None);
        assert_eq!(
            seconds(&mut store, clocks(530, 1_000_030)),
            30,
            "it is kept from its beginning"
        );
    }
}
