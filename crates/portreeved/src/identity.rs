//! Who this gateway is, over restarts: its UUID and the number of its start.

use std::time::{SystemTime, UNIX_EPOCH};

use portreeve_store::LeaseStore;
use portreeve_wire::description::Identity;
use portreeve_wire::service::WAN_IP_CONNECTION;
use portreeve_wire::uuid::Uuid;

use crate::config::Settings;
use crate::random;

/// Names of the notes in the store.
const UUID: &str = "uuid";
const BOOT_ID: &str = "boot-id";
/// BOOTID.UPNP.ORG has 31 bits.
const LARGEST_BOOT_ID: u32 = (1 << 31) - 1;
/// While it runs, the daemon may raise its BOOTID this often without writing it down.
const BOOT_IDS_PER_START: u32 = 1000;

/// What the store knows or now learns of this gateway.
#[derive(Clone, Debug)]
pub struct Known {
    /// The identity that descriptions show.
    pub identity: Identity,
    /// BOOTID.UPNP.ORG of this start, larger than those before (UDA 1.1 section 1.2.2).
    pub boot_id: u32,
    /// UDN of the WANConnectionDevice.
    pub connection_device: String,
}

/// Reads the identity from the store, or makes one and keeps it.
pub fn recall(settings: &Settings, store: &mut dyn LeaseStore) -> anyhow::Result<Known> {
    let kept = store.note(UUID)?.and_then(|text| text.parse().ok());
    let configured = settings.gateway.uuid.as_deref().and_then(|text| text.parse().ok());
    let uuid = match configured.or(kept) {
        Some(uuid) => uuid,
        None => Uuid::from_random(random::bits()?),
    };
    if kept.is_none() {
        store.set_note(UUID, &uuid.to_string())?;
    }
    let last = store.note(BOOT_ID)?.and_then(|text| text.parse::<u32>().ok());
    let boot_id = next_boot_id(last, SystemTime::now());
    store.set_note(BOOT_ID, &boot_id.to_string())?;
    let identity = Identity {
        uuid,
        friendly_name: settings.gateway.name.clone(),
        model_number: env!("CARGO_PKG_VERSION").to_owned(),
        serial_number: None,
    };
    // Every service of the tables is in the tree of devices, which a test of the wire crate holds.
    let connection_device = identity.udn_of(&WAN_IP_CONNECTION).unwrap_or_default();
    Ok(Known {
        identity,
        boot_id,
        connection_device,
    })
}

/// The time in seconds, or more if that is not more than the last one with all that it may have been raised by.
fn next_boot_id(last: Option<u32>, now: SystemTime) -> u32 {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = u32::try_from(seconds).unwrap_or(LARGEST_BOOT_ID);
    let after_last = last.map_or(1, |last| last.saturating_add(BOOT_IDS_PER_START));
    match seconds.max(after_last) {
        next if next <= LARGEST_BOOT_ID - BOOT_IDS_PER_START => next,
        // The largest has been reached: any other value tells clients as well that this is another start.
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portreeve_store::MemoryStore;

    use super::*;

    #[test]
    fn the_uuid_stays_and_the_boot_id_rises() {
        let mut store = MemoryStore::new("boot");
        let settings = Settings::default();
        let first = recall(&settings, &mut store).unwrap();
        let second = recall(&settings, &mut store).unwrap();
        assert_eq!(first.identity.uuid, second.identity.uuid);
        assert!(second.boot_id > first.boot_id);
        assert!(first.connection_device.starts_with("uuid:"));
        let mut configured = Settings::default();
        configured.gateway.uuid = Some("1f0e3dad-9990-4345-b743-9f8ffabdffc4".to_owned());
        let third = recall(&configured, &mut store).unwrap();
        assert_eq!(third.identity.uuid.to_string(), "1f0e3dad-9990-4345-b743-9f8ffabdffc4");
    }

    #[test]
    fn a_clock_that_runs_backwards_does_not_lower_the_boot_id() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(next_boot_id(None, now), 1_000_000);
        assert_eq!(next_boot_id(Some(2_000_000), now), 2_001_000);
        assert_eq!(next_boot_id(Some(LARGEST_BOOT_ID), now), 1);
    }
}
