//! Which of several connections and gateways is the best, and how long to wait for a better one.

use std::cmp::Reverse;
use std::time::Duration;

use crate::status::AddressKind;

/// What a connection is good for, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Up, with a public address: mappings work.
    UpPublic,
    /// Up, with an address that others share: behind another router.
    UpPrivate,
    /// Up, without an address.
    Up,
    /// Down, or it does not say.
    Down,
}

/// Where a gateway stands, the best first. The numbers are those of the origins, which are in the order of the routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Where the caller said.
    Asked,
    /// At the end of a default route.
    DefaultGateway(usize),
    /// In one of our networks.
    OnLink(usize),
    /// Further away, but in a private network.
    Beyond(usize),
    /// On this machine.
    Loopback,
}

/// What the order of gateways follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GatewayRank {
    standing: Standing,
    place: Place,
    /// A gateway may show one view of itself for each version.
    version: Reverse<u8>,
}

/// What the order of the connections of one gateway follows (several WANDevices, or IP and PPP side by side).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionRank {
    pub(crate) standing: Standing,
    pub(crate) preference: Preference,
}

/// Which connection to prefer before anything is known of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Preference {
    /// The one that Layer3Forwarding names comes first.
    pub(crate) is_not_default: bool,
    /// WANIPConnection before WANPPPConnection: gateways without PPP list a dead one.
    pub(crate) is_ppp: bool,
    /// Position in the description.
    pub(crate) position: usize,
}

impl Standing {
    /// Of a connection that says so about itself. A vendor's status says neither yes nor no; then the address tells.
    pub(crate) fn of(passes_packets: Option<bool>, address: AddressKind) -> Self {
        match (passes_packets, address) {
            (Some(false), _) | (None, AddressKind::None) => Self::Down,
            (Some(true), AddressKind::None) => Self::Up,
            (_, AddressKind::Public) => Self::UpPublic,
            (_, AddressKind::Private | AddressKind::Shared) => Self::UpPrivate,
        }
    }
}

impl GatewayRank {
    /// Of a gateway whose best connection has this standing, and whose connection services are of this version.
    pub(crate) fn new(standing: Standing, place: Place, version: u8) -> Self {
        Self {
            standing,
            place,
            version: Reverse(version),
        }
    }

    /// The standing of its best connection.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// Where it stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }
}

/// How long after it was found to wait for a better gateway; `None`: until the time is over.
///
/// `alone` says that there is no network but loopback; `known` that this gateway was taken in this network before.
pub(crate) fn patience(rank: GatewayRank, alone: bool, known: bool) -> Option<Duration> {
    const AT_ONCE: Duration = Duration::ZERO;
    /// Answers to the same search come close together.
    const SHORT: Duration = Duration::from_millis(50);
    /// Longer than the first repetition.
    const LONG: Duration = Duration::from_millis(250);
    match (rank.standing, rank.place) {
        (Standing::UpPublic, Place::Asked | Place::DefaultGateway(0)) => Some(AT_ONCE),
        (_, Place::Asked) => Some(SHORT),
        (Standing::UpPublic, Place::Loopback) if alone => Some(AT_ONCE),
        (Standing::UpPublic, Place::Loopback) if known => Some(SHORT),
        (Standing::UpPublic, Place::Loopback) => Some(LONG),
        (Standing::UpPublic, Place::DefaultGateway(_)) if known => Some(AT_ONCE),
        // Whoever stands in another place may have pushed in before the router once, and shall not stay for ever.
        (Standing::UpPublic, _) => Some(SHORT),
        // Double NAT: another gateway that has none is unlikely.
        (Standing::UpPrivate | Standing::Up, Place::DefaultGateway(_)) => Some(LONG),
        // A gateway that is tried out on this machine has its address from the router before it, if any.
        (Standing::UpPrivate | Standing::Up, Place::Loopback) if alone => Some(LONG),
        // The whole time was waited for a better one when it was taken before.
        (Standing::UpPrivate | Standing::Up, _) if known => Some(LONG),
        (Standing::UpPrivate | Standing::Up | Standing::Down, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r19_the_state_of_a_connection_comes_before_everything_else() {
        let rank = |standing, is_not_default, is_ppp, position| ConnectionRank {
            standing,
            preference: Preference {
                is_not_default,
                is_ppp,
                position,
            },
        };
        let in_order = [
            rank(Standing::UpPublic, false, true, 3),
            rank(Standing::UpPublic, true, false, 1),
            rank(Standing::UpPublic, true, false, 2),
            rank(Standing::UpPublic, true, true, 0),
            rank(Standing::UpPrivate, false, false, 0),
            rank(Standing::Up, false, false, 0),
            rank(Standing::Down, false, false, 0),
            rank(Standing::Down, true, false, 0),
        ];
        assert!(in_order.is_sorted());
    }

    #[test]
    fn a_gateway_without_a_public_address_is_waited_upon_where_a_better_one_is_likely() {
        let waits = |place, alone, known| patience(GatewayRank::new(Standing::UpPrivate, place, 2), alone, known);
        let long = Some(Duration::from_millis(250));
        assert_eq!(waits(Place::OnLink(0), false, false), None);
        assert_eq!(waits(Place::Loopback, false, false), None);
        assert_eq!(waits(Place::Loopback, true, false), long);
        assert_eq!(waits(Place::Loopback, false, true), long);
        assert_eq!(waits(Place::OnLink(0), false, true), long);
        assert_eq!(waits(Place::DefaultGateway(0), false, false), long);
        let down = GatewayRank::new(Standing::Down, Place::Loopback, 2);
        assert_eq!(patience(down, true, true), None);
    }

    #[test]
    fn gateways_are_ordered_by_state_then_route_then_version() {
        let in_order = [
            GatewayRank::new(Standing::UpPublic, Place::DefaultGateway(0), 2),
            GatewayRank::new(Standing::UpPublic, Place::DefaultGateway(0), 1),
            GatewayRank::new(Standing::UpPublic, Place::DefaultGateway(1), 2),
            GatewayRank::new(Standing::UpPublic, Place::OnLink(0), 2),
            GatewayRank::new(Standing::UpPublic, Place::OnLink(1), 2),
            GatewayRank::new(Standing::UpPublic, Place::Beyond(0), 2),
            GatewayRank::new(Standing::UpPublic, Place::Loopback, 2),
            GatewayRank::new(Standing::UpPrivate, Place::DefaultGateway(0), 2),
            GatewayRank::new(Standing::Up, Place::DefaultGateway(0), 2),
            GatewayRank::new(Standing::Down, Place::DefaultGateway(0), 2),
        ];
        assert!(in_order.is_sorted());
    }
}
