//! Leads: descriptions that may be a gateway's, who told of them, and whether to follow them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use portreeve_wire::Url;

use super::super::origin::Origin;
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
    Answer(Ipv4Addr),
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

    /// Whether both have led to the same gateway.
    pub(super) fn is_same_gateway_as(&self, other: &Self) -> bool {
        let udn = |lead: &Self| match &lead.state {
            State::Gateway { udn, .. } => Some(udn.clone()),
            State::Waiting | State::Examining | State::Dead => None,
        };
        self.location.same_host(&other.location) && udn(self) == udn(other)
    }
}

/// Where a gateway stands whose description is on this host; refused if it is on a host that nobody but the responder
/// speaks for. A LOCATION may name another host of our networks (a second router, a floating address), but neither one
/// further away, nor this machine, whose services are for itself to name.
pub(super) fn place(
    origins: &[Origin],
    origin: usize,
    responder: Ipv4Addr,
    location: &Url,
) -> Result<Place, Conversation> {
    let leads_away = || Conversation::LeadsAway {
        from: responder.to_string(),
        to: location.to_string(),
    };
    let IpAddr::V4(host) = location.host() else {
        return Err(leads_away());
    };
    let own_words = host == responder;
    let at_home = origins.get(origin).is_some_and(|origin| origin.loopback) && responder.is_loopback();
    let here = host.is_loopback() || origins.iter().any(|origin| origin.address == host);
    if here && at_home {
        return Ok(Place::Loopback);
    }
    let nowhere = host.is_unspecified() || host.is_multicast() || host.is_broadcast();
    if nowhere || host.is_loopback() || (here && !own_words) {
        return Err(leads_away());
    }
    match place_of(origins, host) {
        Place::Beyond(_) if !own_words || !is_private(host) => Err(leads_away()),
        place => Ok(place),
    }
}

/// Where a host stands.
pub(super) fn place_of(origins: &[Origin], host: Ipv4Addr) -> Place {
    if host.is_loopback() {
        return Place::Loopback;
    }
    let find = |meant: fn(&Origin, Ipv4Addr) -> bool| origins.iter().position(|origin| meant(origin, host));
    if let Some(origin) = find(|origin, host| origin.gateway == Some(host)) {
        return Place::DefaultGateway(origin);
    }
    match find(|origin, host| !origin.loopback && origin.covers(host)) {
        Some(origin) => Place::OnLink(origin),
        None => Place::Beyond(0),
    }
}

/// Addresses that no host on the Internet has (RFC 1918, RFC 3927, RFC 6598).
fn is_private(address: Ipv4Addr) -> bool {
    address.is_private() || address.is_link_local() || (address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Vec<Origin> {
        let origin = |interface: &str, address: [u8; 4], prefix_len, gateway: Option<[u8; 4]>| Origin {
            interface: interface.to_owned(),
            address: address.into(),
            prefix_len,
            gateway: gateway.map(Ipv4Addr::from),
            loopback: interface == "lo",
            multicast: interface != "lo",
        };
        vec![
            origin("eth0", [192, 168, 77, 10], 24, Some([192, 168, 77, 1])),
            origin("eth1", [10, 0, 0, 10], 24, None),
            origin("lo", [127, 0, 0, 1], 8, None),
        ]
    }

    fn placed(origin: usize, responder: &str, location: &str) -> Option<Place> {
        let location = Url::parse(location).unwrap();
        place(&origins(), origin, responder.parse().unwrap(), &location).ok()
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
