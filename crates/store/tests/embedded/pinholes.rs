//! Pinholes on the disk.

use std::net::Ipv6Addr;

use portreeve_engine::{Origin, PinholeKey, Transport};

use super::*;

/// A pinhole of this name to this port of the first LAN host, that ends in an hour.
pub(crate) fn pinhole(port: u16, id: u16) -> Arc<Pinhole> {
    let internal_client = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0x10);
    Arc::new(Pinhole {
        key: PinholeKey {
            internal_client,
            internal_port: NonZeroU16::new(port).unwrap(),
            transport: Transport::Udp,
            remote_host: None,
            remote_port: None,
        },
        id: UniqueId(id),
        expiry: NOW.boot + Duration::from_secs(3600),
        origin: Origin::Upnp(internal_client.into()),
    })
}

#[test]
fn pinholes_are_there_after_reopening_and_so_is_the_name_given_last() {
    let scratch = Scratch::new();
    let mut store = open(&scratch.file());
    let change = |before: Option<&Arc<Pinhole>>, after: Option<&Arc<Pinhole>>| Change::Pinhole {
        before: before.cloned(),
        after: after.cloned(),
    };
    let (first, second) = (pinhole(8080, 1), pinhole(8081, 2));
    let opened = [change(None, Some(&first)), change(None, Some(&second))];
    store.commit(&opened, 0, NOW).unwrap();
    store.commit(&[change(Some(&second), None)], 0, NOW).unwrap();
    drop(store);
    let stored = load(&scratch.file());
    assert_eq!((stored.pinholes, stored.last_unique_id), (vec![first], UniqueId(2)));
    let later = Clocks {
        boot: NOW.boot + Duration::from_secs(3600),
        ..NOW
    };
    let mut store = open(&scratch.file());
    let stored = store.load(later).unwrap();
    assert_eq!((stored.pinholes, stored.expired), (vec![], 1));
    drop(store);
    assert_eq!(load(&scratch.file()).last_unique_id, UniqueId(2));
}
