//! Random requests of four protocols from several hosts, with expiry, restarts and refusals, against a model: who has been
//! promised what. A row of the table is there while anybody has been promised it, and as long as the longest promise.

mod promises;
mod requests;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use portreeve_wire::{Quirk, Quirks};
use proptest::prelude::*;

use self::promises::{Claim, Kind, Model, Promise, Row, RowKey, STATIC, leads_to};
use self::world::World;
use super::*;

const CLIENTS: [&str; 3] = ["192.168.77.11", "192.168.77.12", "192.168.77.13"];
const REMOTES: [&str; 3] = ["", "11.11.11.7", "11.11.11.8"];
const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];
const TABLE: usize = 14;
const QUOTA: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Upnp {
        version: u8,
        any: bool,
        asked: Asked,
    },
    UpnpDelete {
        client: usize,
        remote: usize,
        port: u16,
        protocol: usize,
    },
    UpnpDeleteRange {
        client: usize,
        protocol: usize,
    },
    NatPmp {
        asked: Asked,
    },
    /// Internal port 0 is every port.
    NatPmpDelete {
        client: usize,
        protocol: usize,
        internal_port: u16,
    },
    Pcp {
        asked: Asked,
        nonce: u8,
        prefer_failure: bool,
        filters: Vec<usize>,
    },
    PcpDelete {
        client: usize,
        protocol: usize,
        internal_port: u16,
        nonce: u8,
    },
    /// With a lease of 0, its end.
    Peer {
        asked: Asked,
        nonce: u8,
    },
    /// Which of the two static mappings there are.
    Statics([bool; 2]),
    Pass {
        seconds: u64,
    },
    Restart,
    /// The next this many changes are refused by the backend.
    Refuse {
        changes: u32,
    },
    StoreWorks(bool),
}

#[derive(Clone, Debug)]
struct Asked {
    client: usize,
    /// Of [`REMOTES`]; UPnP only.
    remote: usize,
    protocol: usize,
    internal_port: u16,
    external_port: u16,
    enabled: bool,
    lease: u32,
}

fn asked() -> impl Strategy<Value = Asked> {
    let parts = (
        0..3usize,
        0..5usize,
        0..2usize,
        1023..1027u16,
        1022..1030u16,
        0..5u8,
        1..30u32,
    );
    parts.prop_map(
        |(client, remote, protocol, internal_port, external_port, enabled, lease)| Asked {
            client,
            // Mostly anywhere.
            remote: if remote < 3 { remote } else { 0 },
            protocol,
            internal_port,
            external_port,
            enabled: enabled > 0,
            lease,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    // A filter of 0 clears all.
    let filters = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(0..3usize, 1..4)];
    prop_oneof![
        6 => (1..3u8, any::<bool>(), asked()).prop_map(|(version, any, asked)| Step::Upnp { version, any, asked }),
        2 => (0..3usize, 0..3usize, 1022..1030u16, 0..2usize)
            .prop_map(|(client, remote, port, protocol)| Step::UpnpDelete { client, remote, port, protocol }),
        1 => (0..3usize, 0..2usize).prop_map(|(client, protocol)| Step::UpnpDeleteRange { client, protocol }),
        6 => asked().prop_map(|asked| Step::NatPmp { asked }),
        2 => (0..3usize, 0..2usize, prop_oneof![Just(0), 1023..1027u16])
            .prop_map(|(client, protocol, internal_port)| Step::NatPmpDelete { client, protocol, internal_port }),
        8 => (asked(), 0..3u8, 0..4u8, filters).prop_map(|(asked, nonce, prefer, filters)| Step::Pcp {
            asked,
            nonce,
            prefer_failure: prefer == 0,
            filters,
        }),
        2 => (0..3usize, 0..2usize, prop_oneof![Just(0), 1023..1027u16], 0..3u8).prop_map(
            |(client, protocol, internal_port, nonce)| Step::PcpDelete { client, protocol, internal_port, nonce }
        ),
        3 => (asked(), 0..3u8, any::<bool>()).prop_map(|(asked, nonce, ends)| {
            let lease = if ends { 0 } else { asked.lease };
            let remote = asked.remote.max(1);
            Step::Peer { asked: Asked { remote, lease, ..asked }, nonce }
        }),
        1 => any::<[bool; 2]>().prop_map(Step::Statics),
        3 => (1..10u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
        1 => (1..4u32).prop_map(|changes| Step::Refuse { changes }),
        1 => any::<bool>().prop_map(Step::StoreWorks),
    ]
}

/// A static mapping on a port that no rule gives, and one on a port that everybody wants.
fn statics(which: [bool; 2]) -> Vec<Arc<Mapping>> {
    let all = [static_mapping(1023, 1024), static_mapping(1025, 1025)];
    all.into_iter()
        .zip(which)
        .filter_map(|(mapping, there)| there.then_some(mapping))
        .collect()
}

impl Asked {
    fn rows(&self, remotes: &[usize]) -> Vec<Row> {
        let row = |remote: &usize| Row {
            protocol: self.protocol,
            remote: *remote,
            client: self.client,
            internal_port: self.internal_port,
            enabled: true,
        };
        remotes.iter().map(row).collect()
    }
}

/// A row in the words of the model.
fn seen(mapping: &Mapping, now: portreeve_engine::Time) -> (u16, Row, u64, Kind) {
    let place = |texts: &[&str], text: String| texts.iter().position(|known| *known == text).unwrap();
    let row = Row {
        protocol: PROTOCOLS
            .iter()
            .position(|known| *known == mapping.key.protocol)
            .unwrap(),
        remote: place(&REMOTES, mapping.key.remote_host.to_string()),
        client: place(&CLIENTS, mapping.internal_client.to_string()),
        internal_port: mapping.internal_port.get(),
        enabled: mapping.enabled,
    };
    let left = match mapping.expiry {
        Expiry::At(end) => end.since(now).as_secs(),
        Expiry::Never => STATIC,
    };
    let kind = match mapping.origin {
        Origin::Upnp(_) => Kind::Upnp,
        Origin::NatPmp(_) => Kind::NatPmp,
        Origin::Pcp(origin) if origin.opcode == PcpOpcode::Peer => Kind::Peer,
        Origin::Pcp(_) => Kind::Pcp,
        Origin::Static => Kind::Static,
    };
    (mapping.key.external_port.get(), row, left, kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_gives_one_port_to_two_owners_or_breaks_a_promise(
        steps in prop::collection::vec(step(), 1..80),
        tolerant in any::<bool>(),
    ) {
        let quirks = match tolerant {
            true => Quirks::default(),
            false => Quirks::default().without(Quirk::PcpFreshNonce),
        };
        let mut world = World::new(quirks);
        for step in steps {
            world.take(step)?;
        }
    }
}
