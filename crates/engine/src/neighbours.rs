//! Which addresses belong to one device, as the kernel has learnt on the LAN (ARP, RFC 826, and neighbour discovery,
//! RFC 4861).

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Addresses of the LAN and the devices behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours(BTreeMap<IpAddr, Known>);

/// A network card on a link. The link is part of it, because anybody can give his card the address of one elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// Index of the gateway's interface.
    pub link: u32,
    /// Link-layer address.
    pub address: Box<[u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    One(Station),
    /// A link-local address means another device on each link, and a request does not tell by which it came.
    Several,
}

impl Neighbours {
    /// Whether both addresses are known to belong to one device.
    pub fn are_one_device(&self, one: IpAddr, other: IpAddr) -> bool {
        match (self.0.get(&one), self.0.get(&other)) {
            (Some(Known::One(one)), Some(Known::One(other))) => one == other,
            _ => false,
        }
    }
}

impl FromIterator<(IpAddr, Station)> for Neighbours {
    fn from_iter<I: IntoIterator<Item = (IpAddr, Station)>>(learnt: I) -> Self {
        let mut neighbours = Self::default();
        for (address, station) in learnt {
            let known = match neighbours.0.remove(&address) {
                Some(Known::One(before)) if before == station => Known::One(before),
                Some(_) => Known::Several,
                None => Known::One(station),
            };
            neighbours.0.insert(address, known);
        }
        neighbours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_a_card_on_a_link_and_an_address_on_two_links_is_nobodys() {
        let learnt = [
            ("192.168.77.10", 2, 1),
            ("fd77::10", 2, 1),
            ("fe80::10", 2, 1),
            ("fd77::20", 2, 2),
            // The same card address elsewhere, and the same link-local address.
            ("192.168.78.10", 3, 1),
            ("fe80::10", 3, 1),
        ];
        let neighbours: Neighbours = learnt
            .into_iter()
            .map(|(address, link, card)| {
                let station = Station {
                    link,
                    address: Box::new([2, 0, 0, 0, 0, card]),
                };
                (address.parse().unwrap(), station)
            })
            .collect();
        let one = |a: &str, b: &str| neighbours.are_one_device(a.parse().unwrap(), b.parse().unwrap());
        assert!(one("192.168.77.10", "fd77::10"));
        for other in ["fd77::20", "192.168.78.10", "fe80::10", "fd77::99"] {
            assert!(!one("fd77::10", other), "{other}");
        }
        assert!(!one("fe80::10", "fe80::10") && !one("fd77::99", "fd77::99"));
    }
}
