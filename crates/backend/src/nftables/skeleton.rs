//! What the table looks like, mappings aside.

use std::fmt::Write;
use std::net::Ipv4Addr;

use portreeve_netlink::nftables::{
    BaseChain, Batch, ByteOrder, Chain, ChainKind, CtKey, Data, Direction, Element, Expression, Hook, MetaKey, Policy,
    Register, Set, TableFlags, set_flags, types,
};

use super::row::Map;
use super::rule::{
    ACCEPT, DESTINATION_PORT, FIRST, IPV4, SOURCE_PORT, has_bits, is, jump, meta, network, of_protocol, port, within,
};
use super::{Ownership, Settings, firewall};
use crate::BackendError;

/// Set of the external addresses.
pub(super) const EXTERNAL: &str = "external";

/// Set of the LAN's interfaces.
pub(super) const LAN: &str = "lan";

/// Chain that leads packets to the client.
const TO_CLIENT: &str = "to_client";

/// Before other programs' chains, of which the first that translates a connection decides.
const DSTNAT: i32 = -100 - 10;
const SRCNAT: i32 = 100 - 10;

/// `IPS_DST_NAT`.
pub(super) const STATUS_DNAT: u32 = 0x20;

const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// First byte of the addresses in an IPv4 header.
const SOURCE_ADDRESS: u32 = 12;
const DESTINATION_ADDRESS: u32 = 16;

/// The table without its mappings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Skeleton {
    pub(super) flags: TableFlags,
    pub(super) sets: Vec<Set>,
    pub(super) chains: Vec<Chain>,
    /// Each with its chain, those of a chain in their order.
    pub(super) rules: Vec<(&'static str, Vec<Expression>)>,
    /// Content of the set [`LAN`].
    pub(super) lan: Vec<Element>,
}

/// The table as nft text, for people to read and to load with `nft -f`: a packet for an external address takes
/// the mapping for its source, else that for anybody; everything that was led to a client may pass; what a mapped socket
/// itself begins leaves by its external port; and what comes in for the LAN by IPv6 is looked up among the pinholes.
pub fn ruleset(settings: &Settings) -> String {
    let size = size(settings);
    let wan = &settings.wan;
    let mut text = format!("table inet {} {{\n", settings.table);
    let sets = [
        (
            "map",
            Map::AnyHost.name(),
            "inet_proto . inet_service : ipv4_addr . inet_service",
            true,
        ),
        (
            "map",
            Map::OneHost.name(),
            "inet_proto . inet_service . ipv4_addr : ipv4_addr . inet_service",
            true,
        ),
        (
            "map",
            Map::Outbound.name(),
            "inet_proto . ipv4_addr . inet_service : inet_service",
            true,
        ),
        ("set", EXTERNAL, "ipv4_addr", false),
    ];
    for (kind, name, types, expires) in sets {
        let _ = write!(text, "\t{kind} {name} {{\n\t\ttype {types}\n");
        if expires {
            let _ = write!(text, "\t\tsize {size}\n\t\tflags timeout\n");
        }
        text.push_str("\t}\n\n");
    }
    let _ = write!(text, "\tset {LAN} {{\n\t\ttype ifname\n");
    if !settings.lan.is_empty() {
        let names: Vec<_> = settings.lan.iter().map(|name| format!("\"{name}\"")).collect();
        let _ = writeln!(text, "\t\telements = {{ {} }}", names.join(",\n\t\t\t     "));
    }
    text.push_str("\t}\n\n");
    firewall::sets_text(&mut text);
    let _ = write!(
        text,
        "\tchain prerouting {{
		type nat hook prerouting priority dstnat - 10; policy accept;
		iifname \"{wan}\" ip daddr @{EXTERNAL} jump {TO_CLIENT}
		iifname @{LAN} ip daddr @{EXTERNAL} jump {TO_CLIENT}
	}}

	chain {TO_CLIENT} {{
		dnat ip to meta l4proto . th dport . ip saddr map @{one_host}
		dnat ip to meta l4proto . th dport map @{any_host}
	}}

	chain postrouting {{
		type nat hook postrouting priority srcnat - 10; policy accept;
		iifname @{LAN} oifname @{LAN} ct status dnat ct original ip daddr @{EXTERNAL} masquerade
		oifname \"{wan}\" meta l4proto tcp meta nfproto ipv4 masquerade to :meta l4proto . ip saddr . tcp sport map @{outbound}
		oifname \"{wan}\" meta l4proto udp meta nfproto ipv4 masquerade to :meta l4proto . ip saddr . udp sport map @{outbound}
",
        one_host = Map::OneHost.name(),
        any_host = Map::AnyHost.name(),
        outbound = Map::Outbound.name(),
    );
    if settings.masquerade {
        let _ = writeln!(text, "\t\toifname \"{wan}\" meta nfproto ipv4 masquerade");
    }
    text.push_str(
        "\t}

	chain forward {
		type filter hook forward priority filter; policy accept;
		ct status dnat accept
	}
",
    );
    firewall::chains_text(settings, &mut text);
    text.push_str("}\n");
    text
}

impl Skeleton {
    /// What these settings ask for.
    pub(super) fn new(settings: &Settings, ownership: Ownership) -> Result<Self, BackendError> {
        let wan = interface(&settings.wan)?;
        let mut chains = vec![
            base("prerouting", ChainKind::Nat, Hook::Prerouting, DSTNAT),
            Chain {
                name: TO_CLIENT.to_owned(),
                base: None,
            },
            base("postrouting", ChainKind::Nat, Hook::Postrouting, SRCNAT),
            base("forward", ChainKind::Filter, Hook::Forward, 0),
        ];
        chains.extend(firewall::chains());
        let mut rules = rules(&wan, settings.masquerade);
        rules.extend(firewall::rules(settings.ipv6));
        Ok(Self {
            flags: match ownership {
                Ownership::Owned => TableFlags::OWNED_PERSISTENT,
                Ownership::Shared => TableFlags::SHARED,
            },
            sets: sets(size(settings)),
            chains,
            rules,
            lan: settings
                .lan
                .iter()
                .map(|name| interface(name).map(Element::member))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Writes table, sets, chains and rules; mappings and addresses are the caller's.
    pub(super) fn create(&self, batch: &mut Batch) {
        batch.add_table(self.flags);
        for set in &self.sets {
            batch.add_set(set);
        }
        for chain in &self.chains {
            batch.add_chain(chain);
        }
        self.fill(batch);
    }

    /// Replaces the rules, and the LAN's interfaces, in chains and sets that are right.
    pub(super) fn refill(&self, batch: &mut Batch) {
        for chain in &self.chains {
            batch.flush_chain(&chain.name);
        }
        batch.flush_set(LAN);
        self.fill(batch);
    }

    fn fill(&self, batch: &mut Batch) {
        for (chain, expressions) in &self.rules {
            batch.add_rule(chain, expressions);
        }
        batch.add_elements(LAN, &self.lan);
    }
}

/// Replaces the content of a set.
pub(super) fn replace_set(batch: &mut Batch, set: &str, elements: &[Element]) {
    batch.flush_set(set);
    batch.add_elements(set, elements);
}

/// The content of the set [`EXTERNAL`].
pub(super) fn external_elements(addresses: &[Ipv4Addr]) -> Vec<Element> {
    let member = |&address| Element::member(Data::new().ipv4(address));
    addresses.iter().map(member).collect()
}

/// Twice the capacity, because elements that expired count until the kernel has collected them.
fn size(settings: &Settings) -> u32 {
    settings.capacity.saturating_mul(2).saturating_add(1024)
}

fn interface(name: &str) -> Result<Data, BackendError> {
    Data::interface(name).ok_or_else(|| BackendError::System {
        operation: format!("use the interface {name:?}"),
        cause: "a name has at most 15 bytes".to_owned(),
    })
}

fn base(name: &str, kind: ChainKind, hook: Hook, priority: i32) -> Chain {
    Chain {
        name: name.to_owned(),
        base: Some(BaseChain {
            kind,
            hook,
            priority,
            policy: Policy::Accept,
        }),
    }
}

fn sets(size: u32) -> Vec<Set> {
    use types::{INTERFACE, IPV4, PORT, PROTOCOL, concat};
    let map = |map: Map, key: &[u32], data: &[u32]| Set {
        name: map.name().to_owned(),
        key_order: ByteOrder::Network,
        flags: set_flags::MAP | set_flags::TIMEOUT,
        key_type: concat(key),
        key_len: 4 * u32::try_from(key.len()).expect("a few fields"),
        data: Some((concat(data), data_len(data))),
        each: None,
        size: Some(size),
    };
    let set = |name: &str, key_type, key_len, key_order| Set {
        name: name.to_owned(),
        flags: 0,
        key_order,
        key_type,
        key_len,
        data: None,
        each: None,
        size: None,
    };
    let mut sets = vec![
        map(Map::AnyHost, &[PROTOCOL, PORT], &[IPV4, PORT]),
        map(Map::OneHost, &[PROTOCOL, PORT, IPV4], &[IPV4, PORT]),
        map(Map::Outbound, &[PROTOCOL, IPV4, PORT], &[PORT]),
        set(EXTERNAL, IPV4, 4, ByteOrder::Network),
        set(LAN, INTERFACE, 16, ByteOrder::Host),
    ];
    sets.extend(firewall::sets());
    sets
}

/// Fields of a concatenation are padded to four bytes, a single field is not.
fn data_len(fields: &[u32]) -> u32 {
    match fields {
        [types::PORT] => 2,
        fields => 4 * u32::try_from(fields.len()).expect("a few fields"),
    }
}

fn rules(wan: &Data, masquerade: bool) -> Vec<(&'static str, Vec<Expression>)> {
    const SECOND: Register = Register::word(1);
    const THIRD: Register = Register::word(2);

    let address = |offset, into| network(offset, 4, into);
    let mapped = |map: Map| Expression::Lookup {
        set: map.name().to_owned(),
        key: FIRST,
        into: Some(FIRST),
    };
    let by_wan = |key| [meta(key, FIRST), is(wan.as_bytes())];
    let by_lan = |key| [meta(key, FIRST), within(LAN)];
    let ipv4 = || of_protocol(IPV4);
    let dnat = || Expression::Dnat {
        address: FIRST,
        port: SECOND,
    };
    let translated = || has_bits(CtKey::Status, STATUS_DNAT);
    let for_us = |from: [Expression; 2]| {
        [
            from.to_vec(),
            ipv4().to_vec(),
            vec![address(DESTINATION_ADDRESS, FIRST), within(EXTERNAL), jump(TO_CLIENT)],
        ]
        .concat()
    };

    let mut rules = vec![
        ("prerouting", for_us(by_wan(MetaKey::InputInterface))),
        ("prerouting", for_us(by_lan(MetaKey::InputInterface))),
        (
            TO_CLIENT,
            [
                ipv4().to_vec(),
                vec![
                    meta(MetaKey::TransportProtocol, FIRST),
                    port(DESTINATION_PORT, SECOND),
                    address(SOURCE_ADDRESS, THIRD),
                    mapped(Map::OneHost),
                    dnat(),
                ],
            ]
            .concat(),
        ),
        (
            TO_CLIENT,
            vec![
                meta(MetaKey::TransportProtocol, FIRST),
                port(DESTINATION_PORT, SECOND),
                mapped(Map::AnyHost),
                dnat(),
            ],
        ),
        (
            // A LAN host that reaches another through the external address has to see its answers come from there, and
            // so they have to pass through here.
            "postrouting",
            [
                by_lan(MetaKey::InputInterface).to_vec(),
                by_lan(MetaKey::OutputInterface).to_vec(),
                translated().to_vec(),
                vec![
                    Expression::Ct {
                        key: CtKey::Destination,
                        direction: Some(Direction::Original),
                        into: FIRST,
                    },
                    within(EXTERNAL),
                    Expression::Masquerade { port: None },
                ],
            ]
            .concat(),
        ),
    ];
    // One for each transport: nft takes a port to translate to only where one transport is meant.
    rules.extend([TCP, UDP].map(|transport| {
        let steps = [
            by_wan(MetaKey::OutputInterface).to_vec(),
            vec![meta(MetaKey::TransportProtocol, FIRST), is(&[transport])],
            ipv4().to_vec(),
            vec![
                meta(MetaKey::TransportProtocol, FIRST),
                address(SOURCE_ADDRESS, SECOND),
                port(SOURCE_PORT, THIRD),
                mapped(Map::Outbound),
                Expression::Masquerade { port: Some(FIRST) },
            ],
        ];
        ("postrouting", steps.concat())
    }));
    if masquerade {
        rules.push((
            "postrouting",
            [
                by_wan(MetaKey::OutputInterface).to_vec(),
                ipv4().to_vec(),
                vec![Expression::Masquerade { port: None }],
            ]
            .concat(),
        ));
    }
    rules.push(("forward", [translated().to_vec(), vec![ACCEPT]].concat()));
    rules
}
