//! With the real kernel, each test in a network namespace of its own.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use portreeve_engine::{
    Change, Expiry, Key, Mapping, Origin, Outbound, Pinhole, PinholeKey, Protocol, RemoteHost, Time, Transport,
    UniqueId,
};
use portreeve_netlink::nftables::{Element, Lifetime};

use super::row::{self, Map};
use super::*;

mod advice;
mod firewall;
mod maps;
mod pinholes;
mod table;
mod traffic;

const NOW: Time = Time::from_millis(1_000_000);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 11);
const OTHER_CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 12);
const CLIENT_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0x11);
const MARK: u32 = 0x1000_0000;

/// Runs a test in a thread with a network namespace of its own, which ends with the thread.
fn alone(test: &str, work: impl FnOnce() + Send + 'static) {
    let Some(()) = portreeve_testkit::require_root(test) else {
        return;
    };
    let outcome = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        work();
    })
    .join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn settings(ownership: Ownership) -> Settings {
    Settings {
        ownership,
        ..Settings::new("wan0", vec!["br0".to_owned(), "br1".to_owned()])
    }
}

fn open(settings: Settings) -> Nftables {
    Nftables::open(settings, |_| {}).unwrap()
}

/// Ends a backend as the end of its process does. A socket lives on for a moment where another test is just about to
/// start a program, which has every descriptor until then.
fn close(backend: Nftables) {
    let name = backend.table.clone();
    drop(backend);
    let mut connection = Connection::open().unwrap();
    assert!(portreeve_testkit::wait_until(Duration::from_secs(5), || {
        let found = connection.table(&name).unwrap();
        found.is_none_or(|found| found.owner.is_none())
    }));
}

/// As after a restart.
fn reopen(backend: Nftables, settings: Settings) -> Nftables {
    close(backend);
    open(settings)
}

/// With the changes by others that it notices.
fn open_watched(settings: Settings) -> (Nftables, Receiver<ForeignChange>) {
    let (sender, receiver) = channel();
    let backend = Nftables::open(settings, move |change| {
        let _ = sender.send(change);
    });
    (backend.unwrap(), receiver)
}

fn mapping(external_port: u16) -> Mapping {
    Mapping {
        key: Key {
            external_port: port(external_port),
            protocol: Protocol::Tcp,
            remote_host: RemoteHost::Any,
        },
        internal_client: CLIENT,
        internal_port: port(8080),
        enabled: true,
        description: "a test".into(),
        expiry: seconds(3600),
        origin: Origin::Static,
    }
}

fn udp(mapping: Mapping) -> Mapping {
    Mapping {
        key: Key {
            protocol: Protocol::Udp,
            ..mapping.key
        },
        ..mapping
    }
}

fn only_for(host: Ipv4Addr, mapping: Mapping) -> Mapping {
    Mapping {
        key: Key {
            remote_host: RemoteHost::Host(host),
            ..mapping.key
        },
        ..mapping
    }
}

fn outbound(external_port: u16, internal_port: u16) -> Outbound {
    Outbound {
        client: CLIENT,
        port: port(internal_port),
        protocol: Protocol::Udp,
        external_port: port(external_port),
        expiry: seconds(3600),
    }
}

fn outbound_tcp(external_port: u16, internal_port: u16) -> Outbound {
    Outbound {
        protocol: Protocol::Tcp,
        ..outbound(external_port, internal_port)
    }
}

/// To the first host of the LAN, from anywhere.
fn pinhole(transport: Transport, internal_port: u16) -> Pinhole {
    Pinhole {
        key: PinholeKey {
            internal_client: CLIENT_IPV6,
            internal_port: port(internal_port),
            transport,
            remote_host: None,
            remote_port: None,
        },
        id: UniqueId(internal_port),
        expiry: NOW + Duration::from_secs(3600),
        origin: Origin::Upnp(CLIENT_IPV6.into()),
    }
}

fn from(remote_host: Option<Ipv6Addr>, remote_port: Option<u16>, pinhole: &Pinhole) -> Pinhole {
    Pinhole {
        key: PinholeKey {
            remote_host,
            remote_port: remote_port.map(port),
            ..pinhole.key
        },
        ..pinhole.clone()
    }
}

fn lasting(seconds: u64, pinhole: &Pinhole) -> Pinhole {
    Pinhole {
        expiry: NOW + Duration::from_secs(seconds),
        ..pinhole.clone()
    }
}

fn opened(pinhole: &Pinhole) -> Change {
    Change::Pinhole {
        before: None,
        after: Some(Arc::new(pinhole.clone())),
    }
}

fn closed(pinhole: &Pinhole) -> Change {
    opened(pinhole).inverse()
}

fn prolonged(before: &Pinhole, after: &Pinhole) -> Change {
    Change::Pinhole {
        before: Some(Arc::new(before.clone())),
        after: Some(Arc::new(after.clone())),
    }
}

fn with_pinholes(pinholes: &[Pinhole]) -> Desired {
    Desired {
        pinholes: pinholes.iter().cloned().map(Arc::new).collect(),
        ..Desired::default()
    }
}

/// Seconds left of a pinhole according to the kernel, and the packets that it counted.
fn pinhole_in_force(backend: &mut Nftables, pinhole: &Pinhole) -> Option<(u64, u64)> {
    let (set, key) = row::pinhole_key(&pinhole.key);
    let table = backend.table.clone();
    let element = backend.connection.element(&table, set.name(), &key).unwrap()?;
    let Lifetime::Left(left) = element.lifetime else {
        panic!("a pinhole has an end");
    };
    let packets = backend.pinhole_packets(&pinhole.key).unwrap().unwrap();
    Some((left.as_millis().div_ceil(1000) as u64, packets))
}

fn port(port: u16) -> NonZeroU16 {
    NonZeroU16::new(port).unwrap()
}

fn seconds(seconds: u64) -> Expiry {
    Expiry::At(NOW + Duration::from_secs(seconds))
}

fn add(mapping: &Mapping) -> Change {
    Change::Mapping {
        before: None,
        after: Some(Arc::new(mapping.clone())),
    }
}

fn remove(mapping: &Mapping) -> Change {
    add(mapping).inverse()
}

fn replace(before: &Mapping, after: &Mapping) -> Change {
    Change::Mapping {
        before: Some(Arc::new(before.clone())),
        after: Some(Arc::new(after.clone())),
    }
}

fn desired(mappings: &[Mapping], outbound: &[Outbound]) -> Desired {
    Desired {
        mappings: mappings.iter().cloned().map(Arc::new).collect(),
        outbound: outbound.to_vec(),
        ..Desired::default()
    }
}

/// Where a mapping leads according to the kernel, and the seconds left.
fn in_force(backend: &mut Nftables, mapping: &Mapping) -> Option<(String, Option<u64>)> {
    let (protocol, port) = (mapping.key.protocol.number(), mapping.key.external_port.get());
    let (map, key) = match mapping.key.remote_host {
        RemoteHost::Any => (Map::AnyHost, row::any_host_key(protocol, port)),
        RemoteHost::Host(host) => (Map::OneHost, row::one_host_key(protocol, port, host)),
    };
    let table = backend.table.clone();
    let element: Element = backend.connection.element(&table, map.name(), &key).unwrap()?;
    let left = match element.lifetime {
        Lifetime::Permanent => None,
        Lifetime::Left(left) => Some(left.as_millis().div_ceil(1000) as u64),
    };
    Some((row::target(&element.value?)?.to_string(), left))
}

/// What this kernel can, and what older ones can.
fn every_kernel() -> [Features; 3] {
    let features = |destroys, refreshes| Features {
        ownership: Ownership::Shared,
        destroys,
        refreshes,
    };
    [features(true, true), features(true, false), features(false, false)]
}

fn open_as(features: Features) -> Nftables {
    Nftables::with_features(
        settings(Ownership::Shared),
        Connection::open().unwrap(),
        features,
        |_| {},
    )
    .unwrap()
}

fn count(backend: &mut Nftables) -> usize {
    Map::ALL.map(|map| backend.read(map).unwrap().len()).iter().sum()
}

fn nft(arguments: &str) -> String {
    let arguments: Vec<_> = arguments.split(' ').collect();
    run("nft", &arguments)
}

fn nft_load(text: &str) {
    run("nft", &[text]);
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
