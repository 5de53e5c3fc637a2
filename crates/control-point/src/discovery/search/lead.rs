//! Leads: descriptions that may be a gateway's, who told of them, and whether to follow them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use portreeve_wire::Url;

use super::super::origin::{Family, Origin};
use super::super::rank::{GatewayRank, Place, Standing};
use super::super::target::Promise;
use crate::error::Conversation;
use crate::gateway::Heard;

/// A description that may be a gateway's.
#[derive(Clone, Debug)]
pub(super) struct Lead {
    pub(super) location: Url,
    pub(super) place: Place,
    pub(super) source: Source,
    pub(super) promise: Promise,
    pub(super) heard: Option<Heard>,
    pub(super) state: State,
}

/// Who told of a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// This host answered a search.
    Answer(IpAddr),
    /// We remember it; it is still the same gateway if it has this UDN.
    Memory { udn: String },
    /// The caller named it.
    Caller,
    /// We guess.
    Guess,
}

/// How far a lead has been followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not yet.
    Waiting,
    /// It is being examined.
    Examining,
    /// It is a gateway.
    Gateway {
        rank: GatewayRank,
        udn: String,
        since: Duration,
    },
    /// It is none, or none for us.
    Dead,
}

impl Lead {
    /// Whether it may still become a gateway.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting | State::Examining)
    }

    /// The rank, if it is a gateway.
    pub(super) fn rank(&self) -> Option<GatewayRank> {
        match self.state {
            State::Gateway { rank, .. } => Some(rank),
            State::Waiting | State::Examining | State::Dead => None,
        }
    }

    /// Whether it is a gateway on which mappings work.
    pub(super) fn is_good(&self) -> bool {
        self.rank().is_some_and(|rank| rank.standing() == Standing::UpPublic)
    }

    /// Whether it is worth telling what is wrong with it: it was named, or said to be a gateway, or stands where one
    /// should be. Every television answers when root devices are searched.
    pub(super) fn is_worth_telling(&self) -> bool {
        match self.source {
            Source::Answer(_) => {
                self.promise <= Promise::Gateway || matches!(self.place, Place::Asked | Place::DefaultGateway(_))
            }
            Source::Caller => true,
            Source::Memory { .. } | Source::Guess => false,
        }
    }

    /// Whether a gateway of this UDN may be the one that it leads to.
    pub(super) fn expects(&self, found: &str) -> bool {
        match &self.source {
            Source::Memory { udn } => udn == found,
            Source::Answer(_) | Source::Caller | Source::Guess => true,
        }
    }

    /// Whether it leads to the same host with better prospects.
    pub(super) fn promises_more_than(&self, other: &Self) -> bool {
        self.location.same_host(&other.location) && self.promise < other.promise
    }

    /// Whether both have led to the same gateway: to the same host, or to one of the same UDN by another of its addresses.
    /// Two hosts of IPv4 are two gateways, even if their maker gave both the same UDN.
    pub(super) fn is_same_gateway_as(&self, other: &Self) -> bool {
        let over_ipv6 = [self, other].iter().any(|lead| lead.location.host().is_ipv6());
        let same_udn = self.udn() == other.udn();
        let has_udn = self.udn().is_some_and(|udn| !udn.is_empty());
        same_udn && (self.location.same_host(&other.location) || (over_ipv6 && has_udn))
    }

    /// Whether it leads to the same gateway by the family that mappings are of, while the other does not.
    pub(super) fn maps_rather_than(&self, other: &Self) -> bool {
        let standing = |lead: &Self| lead.rank().map(|rank| rank.standing());
        self.location.host().is_ipv4() && other.location.host().is_ipv6() && standing(self) == standing(other)
    }

    fn udn(&self) -> Option<&str> {
        match &self.state {
            State::Gateway { udn, .. } => Some(udn),
            State::Waiting | State::Examining | State::Dead => None,
        }
    }
}

/// Where a gateway stands whose description is on this host; refused if it is on a host that nobody but the responder
/// speaks for. A LOCATION may name another host of our networks (a second router, a floating address), but neither one
/// further away, nor one of another family, nor this machine, whose services are for itself to name.
pub(super) fn place(
    origins: &[Origin],
    origin: usize,
    responder: IpAddr,
    location: &Url,
) -> Result<Place, Conversation> {
    let leads_away = || Conversation::LeadsAway {
        from: responder.to_string(),
        to: location.to_string(),
    };
    let host = location.host();
    if Family::of(host) != Family::of(responder) {
        return Err(leads_away());
    }
    let own_words = host == responder;
    let at_home = origins.get(origin).is_some_and(|origin| origin.loopback) && responder.is_loopback();
    let here = host.is_loopback() || origins.iter().any(|origin| origin.address == host);
    if here && at_home {
        return Ok(Place::Loopback);
    }
    let broadcast = matches!(host, IpAddr::V4(host) if host.is_broadcast());
    let nowhere = host.is_unspecified() || host.is_multicast() || broadcast;
    if nowhere || host.is_loopback() || (here && !own_words) {
        return Err(leads_away());
    }
    match place_of(origins, location.authority()) {
        Place::Beyond(_) if !own_words || !is_private(host) => Err(leads_away()),
        place => Ok(place),
    }
}

/// The same for an answer that has just been heard: who answers to a link-local address is on that link, whatever its own
/// address.
pub(super) fn place_of_answer(
    origins: &[Origin],
    origin: usize,
    responder: IpAddr,
    location: &Url,
) -> Result<Place, Conversation> {
    let on_link = origins.get(origin).is_some_and(Origin::is_link_local);
    let is_host = !responder.is_loopback() && !responder.is_unspecified() && !responder.is_multicast();
    match place(origins, origin, responder, location) {
        Err(_) if on_link && is_host && location.host() == responder => Ok(Place::OnLink(origin)),
        place => place,
    }
}

/// Where a host stands.
pub(super) fn place_of(origins: &[Origin], host: SocketAddr) -> Place {
    if host.ip().is_loopback() {
        return Place::Loopback;
    }
    if let Some(origin) = origins.iter().position(|origin| origin.leads_to(host)) {
        return Place::DefaultGateway(origin);
    }
    match origins
        .iter()
        .position(|origin| !origin.loopback && origin.reaches(host))
    {
        Some(origin) => Place::OnLink(origin),
        None => Place::Beyond(0),
    }
}

/// Addresses that no host on the Internet has (RFC 1918, RFC 3927, RFC 6598; RFC 4193, RFC 4291).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Vec<Origin> {
        let origin = |interface: &str, index, address: &str, prefix_len, gateway: Option<&str>| Origin {
            interface: interface.to_owned(),
            index,
            address: address.parse().unwrap(),
            prefix_len,
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            loopback: interface == "lo",
            multicast: interface != "lo",
        };
        vec![
            origin("eth0", 3, "192.168.77.10", 24, Some("192.168.77.1")),
            origin("eth1", 4, "10.0.0.10", 24, None),
            origin("lo", 1, "127.0.0.1", 8, None),
            origin("eth0", 3, "fe80::10", 64, Some("fe80::1")),
            origin("eth0", 3, "fd77::10", 64, None),
            origin("eth1", 4, "fe80::11", 64, None),
        ]
    }

    fn placed(origin: usize, responder: &str, location: &str) -> Option<Place> {
        let (origins, location) = (origins(), Url::parse(location).unwrap());
        let location = super::super::on_link(location, origins[origin].index);
        place_of_answer(&origins, origin, responder.parse().unwrap(), &location).ok()
    }

    #[test]
    fn r5_the_responder_speaks_for_itself() {
        let table = [
            ("192.168.77.1", Place::DefaultGateway(0)),
            ("192.168.77.9", Place::OnLink(0)),
            ("10.0.0.1", Place::OnLink(1)),
            ("172.16.0.1", Place::Beyond(0)),
            // A gateway on this machine.
            ("192.168.77.10", Place::OnLink(0)),
        ];
        for (host, place) in table {
            assert_eq!(placed(0, host, &format!("http://{host}:5000/d")), Some(place), "{host}");
        }
        for own in ["127.0.0.1", "127.7.7.7", "192.168.77.10"] {
            let location = format!("http://{own}:5000/d");
            assert_eq!(placed(2, "127.0.0.1", &location), Some(Place::Loopback), "{own}");
        }
    }

    #[test]
    fn r5_another_host_of_our_networks_may_be_named() {
        assert_eq!(
            placed(0, "192.168.77.9", "http://192.168.77.1/d"),
            Some(Place::DefaultGateway(0))
        );
        assert_eq!(
            placed(0, "192.168.77.9", "http://192.168.77.8/d"),
            Some(Place::OnLink(0))
        );
        assert_eq!(placed(0, "192.168.77.9", "http://10.0.0.8/d"), Some(Place::OnLink(1)));
    }

    #[test]
    fn a_gateway_of_ipv6_names_itself_or_a_host_of_our_networks() {
        for (origin, responder, location, place) in [
            (3, "fe80::1", "http://[fe80::1]:5000/d", Place::DefaultGateway(3)),
            (3, "fe80::9", "http://[fe80::9]:5000/d", Place::OnLink(3)),
            (3, "fe80::1", "http://[fd77::1]:5000/d", Place::OnLink(4)),
            (4, "fd77::1", "http://[fd77::1]:5000/d", Place::OnLink(4)),
            // The same address on another link is another host.
            (5, "fe80::1", "http://[fe80::1]:5000/d", Place::OnLink(5)),
            // Only a host of the link can answer to an address that means something there only.
            (3, "2001:db8::1", "http://[2001:db8::1]:5000/d", Place::OnLink(3)),
            (4, "fd99::1", "http://[fd99::1]:5000/d", Place::Beyond(0)),
        ] {
            assert_eq!(
                placed(origin, responder, location),
                Some(place),
                "{responder}: {location}"
            );
        }
    }

    #[test]
    fn nothing_leads_away_over_ipv6() {
        for (origin, responder, location) in [
            (4, "2001:db8::1", "http://[2001:db8::1]/d"),
            (3, "fe80::1", "http://[2001:db8::1]/d"),
            (3, "fe80::1", "http://[fd99::1]/d"),
            (3, "fe80::1", "http://192.168.77.1/d"),
            (3, "fe80::1", "http://[::1]:631/d"),
            (3, "fe80::1", "http://[fd77::10]:631/d"),
            (3, "fe80::1", "http://[fe80::10]:631/d"),
            (3, "fe80::1", "http://[ff02::c]/d"),
            (3, "fe80::1", "http://[::]/d"),
            (3, "::1", "http://[::1]/d"),
        ] {
            assert_eq!(placed(origin, responder, location), None, "{responder}: {location}");
        }
    }

    #[test]
    fn what_is_remembered_leads_no_further_than_an_answer_over_ipv4() {
        let location = Url::parse("http://[2001:db8::1]/d").unwrap();
        assert!(place(&origins(), 3, location.host(), &location).is_err());
    }

    #[test]
    fn r5_nothing_leads_away() {
        for (origin, responder, location) in [
            (0, "192.168.77.1", "http://8.8.8.8/d"),
            (0, "192.168.77.1", "http://172.16.0.1/d"),
            (0, "192.168.77.1", "http://[fd77::1]/d"),
            (0, "192.168.77.1", "http://255.255.255.255/d"),
            (0, "192.168.77.1", "http://239.255.255.250/d"),
            (0, "192.168.77.1", "http://0.0.0.0/d"),
            // This machine's own services are nobody's business.
            (0, "192.168.77.1", "http://127.0.0.1:631/d"),
            (0, "192.168.77.1", "http://192.168.77.10:631/d"),
            (0, "127.0.0.1", "http://127.0.0.1/d"),
            // Whoever answers from the Internet.
            (0, "8.8.8.8", "http://8.8.8.8/d"),
        ] {
            assert_eq!(placed(origin, responder, location), None, "{responder}: {location}");
        }
    }
}
