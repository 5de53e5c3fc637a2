//! The firewall for IPv6: sets of pinholes, and a chain that packets meet before the filters of others.
//!
//! The sets are looked up for every packet of connections that began outside, not for the first only. So what an element
//! counts is all that came in through it, and its end, be it by the lease alone, is the end of its connections. Answers
//! to what the LAN began need no pinhole, and are most of what comes in: they pass before any look-up. What belongs to a
//! connection without being of it passes too: errors about its packets, which tell of narrow paths, and connections that
//! it announced. These are related with their first packet only, have a status that stays, and inherit the mark.

use std::fmt::Write;

use portreeve_netlink::nftables::{
    BaseChain, ByteOrder, Chain, ChainKind, CtKey, Expression, Hook, MetaKey, Operator, Policy, Register, Set,
    set_flags, types,
};

use super::row::{Map, Remote};
use super::rule::{
    ACCEPT, DESTINATION_PORT, DROP, FIRST, IPV6, SOURCE_PORT, compare, connection, has_bits, is, jump, meta, network,
    of_protocol, port, transport, within,
};
use super::skeleton::LAN;
use super::{Ipv6Firewall, Settings};

/// Where packets that pass through come from.
const FORWARD: &str = "forward_ipv6";

/// What comes in for the LAN from anywhere else: IPv6 may have another uplink than the WAN, a tunnel for instance.
const INBOUND: &str = "inbound_ipv6";

/// Before the filters of others, which see the mark then.
const BEFORE_FILTERS: i32 = -10;

/// As many elements as there can be pinholes (`A_ARG_TYPE_UniqueID` has 65,536 values), twice, because those that
/// expired count until the kernel has collected them.
const SIZE: u32 = 2 * 65_536 + 1024;

/// First byte of the addresses in an IPv6 header, and how many they are.
const SOURCE_ADDRESS: u32 = 8;
const DESTINATION_ADDRESS: u32 = 24;
const ADDRESS_LEN: u32 = 16;

/// IANA number, place of the type in the header, and the types that pass: the errors, and what a ping asks.
const ICMPV6: u8 = 58;
const ICMPV6_TYPE: u32 = 0;
const FIRST_ERROR: u8 = 1;
const LAST_ERROR: u8 = 4;
const ECHO_REQUEST: u8 = 128;

/// `NF_CT_STATE_BIT(IP_CT_RELATED)`.
const STATE_RELATED: u32 = 0x4;

/// `IPS_EXPECTED`: a connection that another one announced.
const STATUS_EXPECTED: u32 = 0x1;

/// `IP_CT_DIR_REPLY`.
const REPLY: u8 = 1;

/// The sets of pinholes.
pub(super) fn sets() -> impl Iterator<Item = Set> {
    Remote::ALL.into_iter().map(|remote| Set {
        name: Map::Pinholes(remote).name().to_owned(),
        flags: set_flags::TIMEOUT,
        key_type: types::concat(&key_types(remote)),
        key_order: ByteOrder::Network,
        key_len: key_types(remote).into_iter().map(field_len).sum(),
        data: None,
        each: Some(Expression::Counter),
        size: Some(SIZE),
    })
}

/// The chains, whatever the firewall is.
pub(super) fn chains() -> [Chain; 2] {
    [
        Chain {
            name: INBOUND.to_owned(),
            base: None,
        },
        Chain {
            name: FORWARD.to_owned(),
            base: Some(BaseChain {
                kind: ChainKind::Filter,
                hook: Hook::Forward,
                priority: BEFORE_FILTERS,
                policy: Policy::Accept,
            }),
        },
    ]
}

/// The rules, each with its chain.
pub(super) fn rules(firewall: Ipv6Firewall) -> Vec<(&'static str, Vec<Expression>)> {
    let (through_pinhole, end) = match firewall {
        Ipv6Firewall::None => return Vec::new(),
        Ipv6Firewall::Own => (vec![ACCEPT], own_end()),
        Ipv6Firewall::Other { mark } => (set_mark(mark), vec![left_over(mark)]),
    };
    let mut inbound = vec![vec![connection(CtKey::Direction), is(&[REPLY]), ACCEPT]];
    inbound.extend(Remote::ALL.map(|remote| [key(remote), through_pinhole.clone()].concat()));
    inbound.push([has_bits(CtKey::State, STATE_RELATED).as_slice(), &[ACCEPT]].concat());
    inbound.push([has_bits(CtKey::Status, STATUS_EXPECTED).as_slice(), &[ACCEPT]].concat());
    inbound.extend(end);
    let inbound = inbound.into_iter().map(|rule| (INBOUND, rule));
    inbound.chain(forward().map(|rule| (FORWARD, rule))).collect()
}

/// The sets as nft text.
pub(super) fn sets_text(text: &mut String) {
    for remote in Remote::ALL {
        let name = Map::Pinholes(remote).name();
        let fields: Vec<_> = key_types(remote).into_iter().map(type_name).collect();
        let fields = fields.join(" . ");
        let _ = write!(
            text,
            "\tset {name} {{\n\t\ttype {fields}\n\t\tsize {SIZE}\n\t\tflags timeout\n\t\tcounter\n\t}}\n\n"
        );
    }
}

/// The chains as nft text.
pub(super) fn chains_text(settings: &Settings, text: &mut String) {
    let _ = writeln!(text, "\n\tchain {INBOUND} {{");
    match settings.ipv6 {
        Ipv6Firewall::None => {}
        Ipv6Firewall::Own => {
            let end = format!(
                "icmpv6 type {FIRST_ERROR}-{LAST_ERROR} accept
		icmpv6 type echo-request accept
		counter packets 0 bytes 0 drop"
            );
            inbound_text("accept", &end, text);
        }
        Ipv6Firewall::Other { mark } => inbound_text(
            &format!("ct mark set ct mark | {mark:#010x} accept"),
            &format!("ct mark & {mark:#010x} != 0x00000000 counter packets 0 bytes 0 drop"),
            text,
        ),
    }
    let _ = writeln!(
        text,
        "\t}}\n\n\tchain {FORWARD} {{\n\t\ttype filter hook forward priority filter - 10; policy accept;"
    );
    if settings.ipv6 != Ipv6Firewall::None {
        let _ = writeln!(
            text,
            "\t\tiifname @{LAN} accept\n\t\tmeta nfproto ipv6 oifname @{LAN} jump {INBOUND}"
        );
    }
    text.push_str("\t}\n");
}

fn inbound_text(through_pinhole: &str, end: &str, text: &mut String) {
    text.push_str("\t\tct direction reply accept\n");
    for remote in Remote::ALL {
        let name = Map::Pinholes(remote).name();
        let from = match remote {
            Remote::Any => "",
            Remote::Host => " . ip6 saddr",
            Remote::Port => " . th sport",
            Remote::Socket => " . ip6 saddr . th sport",
        };
        let _ = writeln!(
            text,
            "\t\tip6 daddr . meta l4proto . th dport{from} @{name} {through_pinhole}"
        );
    }
    let _ = writeln!(
        text,
        "\t\tct state related accept\n\t\tct status expected accept\n\t\t{end}"
    );
}

/// Only what comes from the LAN is spared, so that an interface which nobody thought of is not open.
fn forward() -> [Vec<Expression>; 2] {
    let from_lan = vec![meta(MetaKey::InputInterface, FIRST), within(LAN), ACCEPT];
    let mut for_lan = of_protocol(IPV6).to_vec();
    for_lan.extend([meta(MetaKey::OutputInterface, FIRST), within(LAN), jump(INBOUND)]);
    [from_lan, for_lan]
}

/// Goes on only with packets that have a pinhole of this kind.
fn key(remote: Remote) -> Vec<Expression> {
    let mut rule = of_protocol(IPV6).to_vec();
    rule.extend([
        network(DESTINATION_ADDRESS, ADDRESS_LEN, FIRST),
        meta(MetaKey::TransportProtocol, Register::word(4)),
        port(DESTINATION_PORT, Register::word(5)),
    ]);
    match remote {
        Remote::Any => {}
        Remote::Host => rule.push(network(SOURCE_ADDRESS, ADDRESS_LEN, Register::word(6))),
        Remote::Port => rule.push(port(SOURCE_PORT, Register::word(6))),
        Remote::Socket => rule.extend([
            network(SOURCE_ADDRESS, ADDRESS_LEN, Register::word(6)),
            port(SOURCE_PORT, Register::word(10)),
        ]),
    }
    rule.push(within(Map::Pinholes(remote).name()));
    rule
}

/// Sets the bit of the connection's mark and lets the packet go on to the filters of others.
fn set_mark(mark: u32) -> Vec<Expression> {
    vec![
        connection(CtKey::Mark),
        Expression::Bits {
            register: FIRST,
            mask: !mark,
            flip: mark,
        },
        Expression::SetCt {
            key: CtKey::Mark,
            from: FIRST,
        },
        ACCEPT,
    ]
}

/// Ends connections that came through a pinhole which is gone.
fn left_over(mark: u32) -> Vec<Expression> {
    [has_bits(CtKey::Mark, mark).as_slice(), &[Expression::Counter, DROP]].concat()
}

/// What gets in of itself, and the end of everything else (RFC 4890 section 4.3, RFC 6092 section 2).
fn own_end() -> Vec<Vec<Expression>> {
    let icmpv6 = |comparisons: &[Expression]| {
        let mut rule = of_protocol(IPV6).to_vec();
        rule.extend([meta(MetaKey::TransportProtocol, FIRST), is(&[ICMPV6])]);
        rule.push(transport(ICMPV6_TYPE, 1, FIRST));
        rule.extend_from_slice(comparisons);
        rule.push(ACCEPT);
        rule
    };
    vec![
        icmpv6(&[
            compare(Operator::AtLeast, &[FIRST_ERROR]),
            compare(Operator::AtMost, &[LAST_ERROR]),
        ]),
        icmpv6(&[is(&[ECHO_REQUEST])]),
        vec![Expression::Counter, DROP],
    ]
}

fn key_types(remote: Remote) -> Vec<u32> {
    use types::{IPV6, PORT, PROTOCOL};
    let from: &[u32] = match remote {
        Remote::Any => &[],
        Remote::Host => &[IPV6],
        Remote::Port => &[PORT],
        Remote::Socket => &[IPV6, PORT],
    };
    [&[IPV6, PROTOCOL, PORT], from].concat()
}

const fn field_len(field: u32) -> u32 {
    match field {
        types::IPV6 => ADDRESS_LEN,
        _ => 4,
    }
}

const fn type_name(field: u32) -> &'static str {
    match field {
        types::IPV6 => "ipv6_addr",
        types::PROTOCOL => "inet_proto",
        _ => "inet_service",
    }
}
