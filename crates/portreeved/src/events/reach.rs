//! Where event messages may go: to hosts of the LAN, and by its interface only (CallStranger, CVE-2020-12695).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use portreeve_wire::Url;

use crate::machine::{Lan, LanAddress};

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

    /// Whether `client`, who asks at our address `local`, may have messages sent there: to any host of that LAN, for
    /// hosts have several addresses; and to this machine only if it is this machine that asks.
    pub(super) fn may_subscribe(&self, callback: &Url, client: IpAddr, local: IpAddr) -> bool {
        let asked_at = self
            .lans
            .iter()
            .find(|lan| lan.addresses.iter().any(|own| own.address == local));
        let (Some(lan), IpAddr::V4(host)) = (asked_at, callback.host()) else {
            return false;
        };
        match lan.addresses.iter().any(|own| is_host_of(*own, host)) {
            true if self.is_ours(callback.host()) => {
                self.is_ours(client) && callback.authority().port() != self.http_port
            }
            on_link => on_link,
        }
    }

    /// How a callback is reached; `None` if it is not on a LAN any more.
    pub(super) fn way(&self, callback: &Url) -> Option<Way> {
        let IpAddr::V4(host) = callback.host() else { return None };
        let lan = self
            .lans
            .iter()
            .find(|lan| lan.addresses.iter().any(|own| is_host_of(*own, host)))?;
        match self.is_ours(callback.host()) {
            true if callback.authority().port() == self.http_port => None,
            true => Some(Way::Here),
            false => Some(Way::Through(lan.interface.clone())),
        }
    }

    fn is_ours(&self, host: IpAddr) -> bool {
        let mut own = self.lans.iter().flat_map(|lan| &lan.addresses);
        host.is_loopback() || own.any(|own| own.address == host)
    }
}

/// Whether this is an address in the network, and of one host.
fn is_host_of(own: LanAddress, host: Ipv4Addr) -> bool {
    own.network.contains(host) && Some(host) != own.network.broadcast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lan(interface: &str, address: &str, network: &str) -> Lan {
        let near = LanAddress {
            address: address.parse().unwrap(),
            network: network.parse().unwrap(),
        };
        Lan {
            interface: interface.to_owned(),
            index: 2,
            addresses: vec![near],
        }
    }

    fn two_lans() -> Reach {
        let lans = [
            lan("lan0", "192.168.77.1", "192.168.77.0/24"),
            lan("lan1", "192.168.78.1", "192.168.78.0/24"),
        ];
        Reach::new(Arc::new(lans), 5000)
    }

    fn may(reach: &Reach, callback: &str, client: &str, local: &str) -> bool {
        let callback = Url::parse(callback).unwrap();
        reach.may_subscribe(&callback, client.parse().unwrap(), local.parse().unwrap())
    }

    #[test]
    fn messages_stay_on_the_lan_on_which_they_were_asked_for() {
        let reach = two_lans();
        let asked = |callback| may(&reach, callback, "192.168.77.11", "192.168.77.1");
        assert!(asked("http://192.168.77.11:4004/"));
        assert!(asked("http://192.168.77.12/"), "any host of the LAN");
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
            "http://[fd77::11]/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(!asked(elsewhere), "{elsewhere}");
        }
        assert!(
            asked("http://[::ffff:192.168.77.11]/"),
            "the same host in another spelling"
        );
        assert!(!may(&reach, "http://192.168.77.11/", "192.168.77.11", "11.11.11.2"));
    }

    #[test]
    fn a_program_of_this_machine_may_be_told_but_we_are_not() {
        let reach = two_lans();
        let own = |callback| may(&reach, callback, "192.168.77.1", "192.168.77.1");
        assert!(own("http://192.168.77.1:4004/") && !own("http://192.168.77.1:5000/"));
        let trial = Reach::new(Arc::new([lan("lo", "127.0.0.1", "127.0.0.0/8")]), 5000);
        let trying = |callback| may(&trial, callback, "127.0.0.1", "127.0.0.1");
        assert!(trying("http://127.0.0.1:4004/") && trying("http://127.0.0.2:4004/"));
        assert!(!trying("http://127.0.0.2:5000/") && !trying("http://192.168.77.11/"));
    }

    #[test]
    fn the_way_follows_the_lans_of_the_day() {
        let url = |text| Url::parse(text).unwrap();
        let reach = two_lans();
        let through = |interface: &str| Some(Way::Through(interface.to_owned()));
        assert_eq!(reach.way(&url("http://192.168.77.11/")), through("lan0"));
        assert_eq!(reach.way(&url("http://192.168.78.11/")), through("lan1"));
        assert_eq!(reach.way(&url("http://192.168.77.1/")), Some(Way::Here));
        assert_eq!(reach.way(&url("http://192.168.77.1:5000/")), None);
        assert_eq!(reach.way(&url("http://11.11.11.101/")), None);
        assert_eq!(
            Reach::new(Arc::default(), 5000).way(&url("http://192.168.77.11/")),
            None
        );
    }
}
