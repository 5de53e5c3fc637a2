//! What the engine is told of the WAN link.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_engine::LinkReport;
use portreeve_netlink::route::{Address, Link, Snapshot};

use super::Mode;
use super::choose::LOOPBACK;
use crate::config::ExternalIp;

/// The WAN link as it is now. In a trial without a WAN, loopback stands for it, so that there is something to try.
pub fn link_report(wan: Option<&str>, mode: Mode, external: ExternalIp, snapshot: &Snapshot) -> LinkReport {
    let reported_address = match external {
        ExternalIp::Auto => None,
        ExternalIp::Fixed(address) => Some(address),
    };
    let Some(name) = wan else {
        let stands_in = mode == Mode::Trial;
        return LinkReport {
            configured: stands_in,
            carrier: stands_in,
            addresses: if stands_in { vec![LOOPBACK] } else { Vec::new() },
            reported_address,
            ..LinkReport::default()
        };
    };
    let link = snapshot.link_named(name);
    LinkReport {
        configured: true,
        carrier: link.is_some_and(Link::is_usable),
        addresses: link.map(|link| ipv4(link, snapshot)).unwrap_or_default(),
        ipv6: link.and_then(|link| ipv6(link, snapshot)),
        reported_address,
        bit_rate: link.and_then(bit_rate),
    }
}

fn ipv4(link: &Link, snapshot: &Snapshot) -> Vec<Ipv4Addr> {
    let usable = snapshot
        .addresses_of(link.index)
        .filter(|address| !address.flags.is_tentative());
    usable
        .filter_map(|address| match address.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })
        .collect()
}

/// A global unicast address (2000::/3), a permanent one before a temporary one.
fn ipv6(link: &Link, snapshot: &Snapshot) -> Option<Ipv6Addr> {
    let fits = |address: &&Address| !address.flags.is_tentative() && !address.flags.is_deprecated();
    let global = |address: &Address| match address.address {
        IpAddr::V6(own) if own.segments()[0] & 0xe000 == 0x2000 => Some((address.flags.is_secondary(), own)),
        _ => None,
    };
    let addresses = snapshot.addresses_of(link.index).filter(fits).filter_map(global);
    addresses.min_by_key(|(temporary, _)| *temporary).map(|(_, own)| own)
}

/// Bits per second, where the driver knows: in the file are megabits, or -1, or an error.
fn bit_rate(link: &Link) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{}/speed", link.name)).ok()?;
    let megabits: u64 = text.trim().parse().ok()?;
    Some(megabits * 1_000_000)
}
