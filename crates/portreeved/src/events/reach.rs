//! Where event messages may go: to hosts of the LAN, and by its interface only (CallStranger, CVE-2020-12695).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use portreeve_wire::Url;

use crate::machine::{Door, Lan};

/// The LANs as they are now.
pub(super) struct Reach {
    lans: Arc<[Lan]>,
    http_port: u16,
}

/// How a host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Through this interface and no other.
    Through(String),
    /// It is this machine itself.
    Here,
}

impl Reach {
    pub(super) const fn new(lans: Arc<[Lan]>, http_port: u16) -> Self {
        Self { lans, http_port }
    }

    /// The callback as messages are sent to it, if `client`, who asks at `door`, may have them sent there: to any host
    /// of that LAN, for hosts have several addresses; and to this machine only if it is this machine that asks.
    ///
    /// A link-local callback is for the interface at which it was asked for, and leaves with that as its scope.
    pub(super) fn admit(&self, callback: Url, client: IpAddr, door: Door) -> Option<Url> {
        let lan = self.lan(door.link).filter(|lan| lan.owns(door.address))?;
        let callback = match is_link_local(callback.host()) {
            true => callback.with_scope(lan.index),
            false => callback,
        };
        let admitted = match is_ours(lan, callback.host()) {
            true => is_ours(lan, client) && callback.authority().port() != self.http_port,
            false => has_host(lan, callback.host()),
        };
        admitted.then_some(callback)
    }

    /// How a callback is reached; `None` if it is not on a LAN any more.
    pub(super) fn way(&self, callback: &Url) -> Option<Way> {
        let host = callback.host();
        let lan = match callback.authority() {
            SocketAddr::V6(to) if is_link_local(host) => self.lan(to.scope_id()).filter(|lan| has_host(lan, host)),
            _ => self.lans.iter().find(|lan| has_host(lan, host)),
        }?;
        match is_ours(lan, host) {
            true if callback.authority().port() == self.http_port => None,
            true => Some(Way::Here),
            false => Some(Way::Through(lan.interface.clone())),
        }
    }

    fn lan(&self, link: u32) -> Option<&Lan> {
        self.lans.iter().find(|lan| lan.index == link)
    }
}

/// Whether this is an address in one of the LAN's networks, and of one host.
fn has_host(lan: &Lan, host: IpAddr) -> bool {
    lan.addresses.iter().any(|own| {
        let all = own.network.broadcast().map(IpAddr::V4);
        let routers = own.network.routers().map(IpAddr::V6);
        own.network.contains(host) && Some(host) != all && Some(host) != routers
    })
}

/// Whether this is this machine, as seen from the LAN.
fn is_ours(lan: &Lan, host: IpAddr) -> bool {
    host.is_loopback() && has_host(lan, host) || lan.owns(host)
}

fn is_link_local(host: IpAddr) -> bool {
    matches!(host, IpAddr::V6(host) if host.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::LanAddress;

    fn lan(interface: &str, index: u32, addresses: &[(&str, &str)]) -> Lan {
        let own = |(address, network): &(&str, &str)| LanAddress {
            address: address.parse().unwrap(),
            network: network.parse().unwrap(),
        };
        let addresses: Vec<_> = addresses.iter().map(own).collect();
        Lan {
            interface: interface.to_owned(),
            index,
            own: addresses.iter().map(|own| own.address).collect(),
            addresses,
        }
    }

    /// Both have the same link-local address, as the LANs of many routers do.
    fn two_lans() -> Reach {
        let link_local = ("fe80::1", "fe80::/64");
        let lan0 = [
            ("192.168.77.1", "192.168.77.0/24"),
            ("fd77::1", "fd77::/64"),
            link_local,
        ];
        let lan1 = [
            ("192.168.78.1", "192.168.78.0/24"),
            ("fd78::1", "fd78::/64"),
            link_local,
        ];
        Reach::new(Arc::new([lan("lan0", 2, &lan0), lan("lan1", 3, &lan1)]), 5000)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn may(reach: &Reach, callback: &str, client: &str, (link, local): (u32, &str)) -> bool {
        let door = Door {
            link,
            address: local.parse().unwrap(),
        };
        reach.admit(url(callback), client.parse().unwrap(), door).is_some()
    }

    #[test]
    fn messages_stay_on_the_lan_on_which_they_were_asked_for() {
        let reach = two_lans();
        for (client, local) in [
            ("192.168.77.11", "192.168.77.1"),
            ("fd77::11", "fd77::1"),
            ("fe80::11", "fe80::1"),
        ] {
            let asked = |callback| may(&reach, callback, client, (2, local));
            for host in [
                "http://192.168.77.11:4004/",
                "http://192.168.77.12/",
                "http://[::ffff:192.168.77.11]/",
                "http://[fd77::11]:4004/",
                "http://[fd77::aaaa]/",
                "http://[fe80::11]/",
                "http://[fe80::11%25eth0]/",
            ] {
                assert!(asked(host), "{host} by {client}");
            }
            for elsewhere in [
                "http://11.11.11.101/",
                "http://192.168.78.11/",
                "http://192.168.77.1:80/",
                "http://192.168.77.1:5000/",
                "http://192.168.77.255/",
                "http://127.0.0.1:4004/",
                "http://0.0.0.0/",
                "http://255.255.255.255/",
                "http://239.255.255.250:1900/",
                "http://[2001:db8:113::7]/",
                "http://[fd78::11]/",
                "http://[fd77::1]:80/",
                "http://[fd77::]/",
                "http://[fe80::1]:80/",
                "http://[fe80::]/",
                "http://[ff02::1]/",
                "http://[::]/",
                "http://[::1]/",
                "http://[::ffff:127.0.0.1]/",
            ] {
                assert!(!asked(elsewhere), "{elsewhere} by {client}");
            }
        }
        assert!(!may(
            &reach,
            "http://192.168.77.11/",
            "192.168.77.11",
            (2, "11.11.11.2")
        ));
        assert!(!may(
            &reach,
            "http://192.168.77.11/",
            "192.168.77.11",
            (4, "192.168.77.1")
        ));
    }

    #[test]
    fn an_address_of_ours_that_is_not_served_is_ours() {
        let temporary = "fd77::aaaa";
        let mut lan0 = lan("lan0", 2, &[("fd77::1", "fd77::/64")]);
        lan0.own.push(temporary.parse().unwrap());
        let reach = Reach::new(Arc::new([lan0]), 5000);
        let asked = |port, client| may(&reach, &format!("http://[{temporary}]:{port}/"), client, (2, "fd77::1"));
        assert!(!asked(4004, "fd77::11"));
        assert!(asked(4004, temporary) && asked(4004, "fd77::1") && !asked(5000, temporary));
        let callback = url(&format!("http://[{temporary}]:4004/"));
        assert_eq!(reach.way(&callback), Some(Way::Here));
    }

    #[test]
    fn a_program_of_this_machine_may_be_told_but_we_are_not() {
        let reach = two_lans();
        for own in ["192.168.77.1", "[fd77::1]", "[fe80::1]"] {
            let client = own.trim_matches(['[', ']']);
            let asked = |port| may(&reach, &format!("http://{own}:{port}/"), client, (2, client));
            assert!(asked(4004) && !asked(5000), "{own}");
        }
        let loopback = [("127.0.0.1", "127.0.0.0/8"), ("::1", "::1/128")];
        let trial = Reach::new(Arc::new([lan("lo", 1, &loopback)]), 5000);
        let trying = |callback| may(&trial, callback, "127.0.0.1", (1, "127.0.0.1"));
        assert!(trying("http://127.0.0.1:4004/") && trying("http://127.0.0.2:4004/"));
        assert!(trying("http://[::1]:4004/") && !trying("http://[::1]:5000/"));
        assert!(!trying("http://127.0.0.2:5000/") && !trying("http://192.168.77.11/"));
    }

    #[test]
    fn the_way_follows_the_lans_of_the_day() {
        let reach = two_lans();
        let through = |interface: &str| Some(Way::Through(interface.to_owned()));
        assert_eq!(reach.way(&url("http://192.168.77.11/")), through("lan0"));
        assert_eq!(reach.way(&url("http://192.168.78.11/")), through("lan1"));
        assert_eq!(reach.way(&url("http://[fd78::11]/")), through("lan1"));
        assert_eq!(reach.way(&url("http://192.168.77.1/")), Some(Way::Here));
        assert_eq!(reach.way(&url("http://192.168.77.1:5000/")), None);
        assert_eq!(reach.way(&url("http://11.11.11.101/")), None);
        assert_eq!(
            Reach::new(Arc::default(), 5000).way(&url("http://192.168.77.11/")),
            None
        );
    }

    #[test]
    fn a_link_local_host_is_reached_through_the_interface_at_which_it_asked() {
        let reach = two_lans();
        for (link, interface) in [(2, "lan0"), (3, "lan1")] {
            let door = Door {
                link,
                address: "fe80::1".parse().unwrap(),
            };
            let client = "fe80::11".parse().unwrap();
            let admitted = reach.admit(url("http://[fe80::11]:4004/"), client, door).unwrap();
            assert_eq!(reach.way(&admitted), Some(Way::Through(interface.to_owned())));
            assert_eq!(admitted.authority(), format!("[fe80::11%{link}]:4004").parse().unwrap());
        }
        assert_eq!(reach.way(&url("http://[fe80::11]/").with_scope(4)), None);
    }
}
