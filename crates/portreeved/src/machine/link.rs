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

#[cfg(test)]
mod tests {
    use super::super::fixture::{LO, TEMPORARY, UP, add_address, machine};
    use super::*;

    fn report(wan: Option<&str>, mode: Mode, snapshot: &Snapshot) -> LinkReport {
        link_report(wan, mode, ExternalIp::Auto, snapshot)
    }

    #[test]
    fn the_wan_is_reported_as_it_is() {
        let mut router = machine(&[LO, ("wan0", UP, "11.11.11.2")], Some("wan0"));
        for (address, flags) in [("fe80::1", 0), ("2001:db8:113::7", TEMPORARY), ("2001:db8:113::2", 0)] {
            add_address(&mut router, 2, address, flags);
        }
        let now = report(Some("wan0"), Mode::Gateway, &router);
        assert!(now.configured && now.carrier);
        assert_eq!(now.addresses, [Ipv4Addr::new(11, 11, 11, 2)]);
        assert_eq!(now.ipv6, Some("2001:db8:113::2".parse().unwrap()));

        let fixed = ExternalIp::Fixed(Ipv4Addr::new(11, 11, 11, 99));
        let reported = link_report(Some("wan0"), Mode::Gateway, fixed, &router).reported_address;
        assert_eq!(reported, Some(Ipv4Addr::new(11, 11, 11, 99)));
    }

    #[test]
    fn a_cable_that_is_out_and_an_interface_that_is_gone_are_a_link_that_is_down() {
        const NO_CARRIER: u32 = 0x1;
        for unplugged in [
            machine(&[LO, ("wan0", NO_CARRIER, "11.11.11.2")], None),
            machine(&[LO], None),
        ] {
            let now = report(Some("wan0"), Mode::Gateway, &unplugged);
            assert!(now.configured && !now.carrier, "{now:?}");
        }
    }

    #[test]
    fn loopback_stands_in_only_for_a_trial() {
        let alone = machine(&[LO], None);
        assert_eq!(report(None, Mode::Trial, &alone).addresses, [Ipv4Addr::LOCALHOST]);
        assert_eq!(report(None, Mode::Gateway, &alone), LinkReport::default());
    }
}
