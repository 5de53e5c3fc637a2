//! PCP over IPv6: MAP and PEER as pinholes (RFC 6887 sections 11 and 12).

use std::net::{IpAddr, Ipv6Addr};

use portreeve_engine::{Origin, Pinhole, Reply, Transport};
use portreeve_wire::pcp::{self, Assigned, Filter, Map, Nonce, Operation, Peer, PortSet, ResultCode};
use portreeve_wire::{Quirk, Quirks};

use super::pcp_peer::{NONCE, OTHER, ask, map};
use super::pinholes::{ALICE_6, BOB_6, config_6};
use super::*;

const REMOTE: &str = "2001:db8::11";
const TCP: u8 = 6;

fn map_6() -> Map {
    map(Ipv6Addr::UNSPECIFIED.into())
}

fn peer_6() -> Peer {
    Peer {
        nonce: NONCE,
        protocol: TCP,
        internal_port: 8080,
        external_port: 0,
        external_address: Ipv6Addr::UNSPECIFIED.into(),
        remote_port: 443,
        remote_address: REMOTE.parse().unwrap(),
        third_party: None,
        description: None,
    }
}

fn from(address: &str, prefix: u8, port: u16) -> Filter {
    Filter {
        address: address.parse().unwrap(),
        prefix: Some(prefix),
        port,
    }
}

fn filtered(filters: &[Filter]) -> Map {
    Map {
        filters: filters.to_vec(),
        ..map_6()
    }
}

fn ask_map(gateway: &mut Gateway, lifetime: u32, map: Map) -> Result<u16, ResultCode> {
    ask(gateway, ALICE_6, lifetime, Operation::Map(map))
}

fn ask_peer(gateway: &mut Gateway, lifetime: u32, peer: Peer) -> Result<u16, ResultCode> {
    ask(gateway, ALICE_6, lifetime, Operation::Peer(peer))
}

/// All of the answer.
fn answer(gateway: &mut Gateway, lifetime: u32, map: Map) -> Result<Assigned, pcp::Refused> {
    let caller: IpAddr = ALICE_6.parse().unwrap();
    let request = pcp::Request {
        lifetime,
        client: caller,
        operation: Operation::Map(map),
    };
    match gateway.ask(Request::Pcp { caller, request }) {
        Reply::Pcp(answer) => answer.outcome,
        other => panic!("{other:?}"),
    }
}

/// The pinholes in force, as they print.
fn open_ones(gateway: &Gateway) -> Vec<String> {
    gateway.pinholes.keys().map(ToString::to_string).collect()
}

fn only(gateway: &Gateway) -> Pinhole {
    let mut all = gateway.pinholes.values();
    let only = all.next().expect("a pinhole");
    assert!(all.next().is_none());
    Pinhole::clone(only)
}

fn strict() -> Config {
    Config {
        quirks: Quirks::default().without(Quirk::PcpFreshNonce),
        ..config_6()
    }
}

#[test]
fn a_map_is_a_pinhole_to_the_hosts_own_address_and_port() {
    let mut gateway = Gateway::new(config_6());
    let assigned = answer(&mut gateway, 600, map_6()).unwrap();
    assert_eq!(assigned.lifetime, 600);
    assert_eq!(assigned.external, Some((ALICE_6.parse().unwrap(), 8080)));
    assert_eq!(assigned.port_set, None);
    assert_eq!(open_ones(&gateway), ["[fd77::11]:8080/TCP"]);
    // The host finds its name, by which UPnP manages it too.
    let id = only(&gateway).id;
    gateway.engine.handle_pinhole_packets(id, Some(7));
    let packets = gateway.call_6(ALICE_6, "GetPinholePackets", &[("UniqueID", &id.to_string())]);
    assert_eq!(packets.unwrap()["PinholePackets"], Value::Ui4(7));
    gateway.pass(Duration::from_secs(600));
    assert!(gateway.pinholes.is_empty());
}

#[test]
fn every_transport_with_ports_can_be_opened_and_no_other() {
    let mut gateway = Gateway::new(config_6());
    for transport in Transport::ALL {
        let asked = Map {
            protocol: transport.number(),
            ..map_6()
        };
        assert_eq!(ask_map(&mut gateway, 600, asked), Ok(8080), "{transport}");
    }
    assert_eq!(gateway.pinholes.len(), Transport::ALL.len());
    for (protocol, internal_port) in [(1, 8080), (58, 8080), (TCP, 0), (0, 0)] {
        let asked = Map {
            protocol,
            internal_port,
            ..map_6()
        };
        assert_eq!(ask_map(&mut gateway, 600, asked), Err(ResultCode::UnsuppProtocol));
    }
}

#[test]
fn addresses_that_the_internet_does_not_reach_are_not_authorized() {
    let mut gateway = Gateway::new(config_6());
    for caller in ["fe80::11", "fd78::11", "fd77::1"] {
        for operation in [Operation::Map(map_6()), Operation::Peer(peer_6())] {
            assert_eq!(
                ask(&mut gateway, caller, 600, operation),
                Err(ResultCode::NotAuthorized),
                "{caller}"
            );
        }
    }
    // A link-local caller may not speak for its other addresses either, as long as hosts speak for themselves.
    let for_other = Map {
        third_party: Some(ALICE_6.parse().unwrap()),
        ..map_6()
    };
    let refused = ask(&mut gateway, "fe80::11", 600, Operation::Map(for_other.clone()));
    assert_eq!(refused, Err(ResultCode::UnsuppOption));
    assert!(gateway.pinholes.is_empty());

    let mut open = config_6();
    open.policy.reach = Reach::Everyone;
    let mut gateway = Gateway::new(open);
    assert_eq!(ask(&mut gateway, "fe80::11", 600, Operation::Map(for_other)), Ok(8080));
    assert_eq!(open_ones(&gateway), ["[fd77::11]:8080/TCP"]);
}

#[test]
fn rules_hold_for_pinholes_by_pcp_too() {
    let mut gateway = Gateway::new(config_6());
    let privileged = Map {
        internal_port: 80,
        ..map_6()
    };
    assert_eq!(ask_map(&mut gateway, 600, privileged), Err(ResultCode::NotAuthorized));
    let own = Map {
        protocol: 17,
        internal_port: 5351,
        ..map_6()
    };
    assert_eq!(ask_map(&mut gateway, 600, own), Err(ResultCode::NotAuthorized));
}

#[test]
fn it_is_renewed_and_closed_by_its_nonce() {
    let mut gateway = Gateway::new(strict());
    let anothers = Map {
        nonce: OTHER,
        ..map_6()
    };
    ask_map(&mut gateway, 600, map_6()).unwrap();
    let id = only(&gateway).id;
    gateway.pass(Duration::from_secs(100));
    let refused = answer(&mut gateway, 900, anothers.clone()).unwrap_err();
    assert_eq!((refused.code, refused.lifetime), (ResultCode::NotAuthorized, Some(500)));
    ask_map(&mut gateway, 300, map_6()).unwrap();
    assert_eq!(
        (only(&gateway).id, only(&gateway).remaining_seconds(gateway.now)),
        (id, 300)
    );
    assert_eq!(ask_map(&mut gateway, 0, anothers), Err(ResultCode::NotAuthorized));
    assert_eq!(ask_map(&mut gateway, 0, map_6()), Ok(0));
    assert!(gateway.pinholes.is_empty());
    assert_eq!(
        ask_map(&mut gateway, 0, map_6()),
        Ok(0),
        "what is not there is closed already"
    );
}

#[test]
fn a_fresh_nonce_is_tolerated_to_renew_and_not_to_close() {
    let mut gateway = Gateway::new(config_6());
    let fresh = Map {
        nonce: OTHER,
        ..map_6()
    };
    ask_map(&mut gateway, 600, map_6()).unwrap();
    assert_eq!(ask_map(&mut gateway, 600, fresh.clone()), Ok(8080));
    assert_eq!(ask_map(&mut gateway, 0, map_6()), Err(ResultCode::NotAuthorized));
    assert_eq!(ask_map(&mut gateway, 0, fresh), Ok(0));
}

#[test]
fn all_ports_are_closed_together() {
    let mut gateway = Gateway::new(strict());
    let at = |protocol, internal_port, nonce: Nonce| Map {
        protocol,
        internal_port,
        nonce,
        ..map_6()
    };
    for (protocol, port, nonce) in [(6, 8080, NONCE), (6, 8081, NONCE), (17, 8080, NONCE), (6, 8082, OTHER)] {
        ask_map(&mut gateway, 600, at(protocol, port, nonce)).unwrap();
    }
    assert_eq!(ask_map(&mut gateway, 0, at(6, 0, NONCE)), Ok(0));
    assert_eq!(open_ones(&gateway), ["[fd77::11]:8080/UDP", "[fd77::11]:8082/TCP"]);
    assert_eq!(ask_map(&mut gateway, 0, at(0, 0, NONCE)), Ok(0));
    assert_eq!(open_ones(&gateway), ["[fd77::11]:8082/TCP"]);
    assert_eq!(
        ask_map(&mut gateway, 0, at(0, 0, NONCE)),
        Err(ResultCode::NotAuthorized)
    );
}

#[test]
fn filters_are_pinholes_each() {
    let mut gateway = Gateway::new(config_6());
    ask_map(&mut gateway, 600, map_6()).unwrap();
    // Filters close the port to all others.
    ask_map(
        &mut gateway,
        600,
        filtered(&[from(REMOTE, 128, 0), from(REMOTE, 128, 443)]),
    )
    .unwrap();
    let both = [
        "[fd77::11]:8080/TCP from 2001:db8::11",
        "[fd77::11]:8080/TCP from [2001:db8::11]:443",
    ];
    assert_eq!(open_ones(&gateway), both);
    // They stay without being named again, and others come in addition.
    ask_map(&mut gateway, 600, map_6()).unwrap();
    assert_eq!(open_ones(&gateway), both);
    ask_map(&mut gateway, 600, filtered(&[from("2001:db8::12", 128, 0)])).unwrap();
    assert_eq!(open_ones(&gateway).len(), 3);
    let clear = Filter {
        address: Ipv6Addr::UNSPECIFIED.into(),
        prefix: None,
        port: 0,
    };
    ask_map(&mut gateway, 600, filtered(&[clear, from("2001:db8::12", 128, 0)])).unwrap();
    assert_eq!(open_ones(&gateway), ["[fd77::11]:8080/TCP from 2001:db8::12"]);
    ask_map(&mut gateway, 600, filtered(&[clear])).unwrap();
    assert_eq!(open_ones(&gateway), ["[fd77::11]:8080/TCP"]);
}

#[test]
fn filters_that_cannot_be_are_refused() {
    let mut gateway = Gateway::new(config_6());
    let wide = filtered(&[from("2001:db8::", 64, 0)]);
    assert_eq!(ask_map(&mut gateway, 600, wide), Err(ResultCode::ExcessiveRemotePeers));
    let many: Vec<Filter> = (1..=9).map(|port| from(REMOTE, 128, port)).collect();
    assert_eq!(
        ask_map(&mut gateway, 600, filtered(&many)),
        Err(ResultCode::ExcessiveRemotePeers)
    );
    assert_eq!(ask_map(&mut gateway, 600, filtered(&many[1..])), Ok(8080));
    let other_family = filtered(&[from("11.11.11.11", 32, 0)]);
    assert_eq!(
        ask_map(&mut gateway, 600, other_family),
        Err(ResultCode::MalformedOption)
    );
    assert_eq!(gateway.pinholes.len(), 8);
}

#[test]
fn nothing_but_its_own_address_and_port_can_be_had() {
    let mut gateway = Gateway::new(config_6());
    let suggesting = |external_port, address: &str, prefer_failure| Map {
        external_port,
        external_address: address.parse().unwrap(),
        prefer_failure,
        ..map_6()
    };
    for (port, address) in [(8081, "::"), (8080, "fd77::12")] {
        let refused = ask_map(&mut gateway, 600, suggesting(port, address, true));
        assert_eq!(refused, Err(ResultCode::CannotProvideExternal));
        assert_eq!(ask_map(&mut gateway, 600, suggesting(port, address, false)), Ok(8080));
    }
    for address in ["::", ALICE_6] {
        assert_eq!(ask_map(&mut gateway, 600, suggesting(8080, address, true)), Ok(8080));
    }
}

#[test]
fn a_port_set_gets_what_there_is_room_for() {
    let mut limited = config_6();
    limited.firewall.pinholes_per_client = 20;
    let mut gateway = Gateway::new(limited);
    let set = |size| Map {
        port_set: Some(PortSet {
            size,
            first_internal_port: 8080,
            parity: false,
        }),
        ..map_6()
    };
    let granted = answer(&mut gateway, 600, set(50)).unwrap();
    assert_eq!(
        granted.port_set.map(|set| (set.first_internal_port, set.size)),
        Some((8080, 12))
    );
    assert_eq!(gateway.pinholes.len(), 12);
    assert_eq!(answer(&mut gateway, 600, set(1)).unwrap().port_set, None);
    assert_eq!(ask_map(&mut gateway, 0, set(12)), Ok(0));
    assert!(gateway.pinholes.is_empty());
}

#[test]
fn what_upnp_opened_is_prolonged_and_stays_upnps() {
    let mut gateway = Gateway::new(strict());
    let id = gateway.open(ALICE_6, &[("LeaseTime", "600")]).unwrap();
    ask_map(&mut gateway, 300, map_6()).unwrap();
    assert_eq!(only(&gateway).remaining_seconds(gateway.now), 600);
    ask_map(&mut gateway, 900, map_6()).unwrap();
    let pinhole = only(&gateway);
    assert_eq!((pinhole.id, pinhole.remaining_seconds(gateway.now)), (id, 900));
    assert!(matches!(pinhole.origin, Origin::Upnp(_)));
    let refused = answer(&mut gateway, 0, map_6()).unwrap_err();
    assert_eq!((refused.code, refused.lifetime), (ResultCode::NotAuthorized, Some(900)));
    assert_eq!(
        ask_map(
            &mut gateway,
            0,
            Map {
                internal_port: 0,
                ..map_6()
            }
        ),
        Ok(0)
    );
    assert_eq!(gateway.pinholes.len(), 1);
}

#[test]
fn what_pcp_opened_is_prolonged_by_upnp_and_stays_pcps() {
    let mut gateway = Gateway::new(strict());
    ask_map(&mut gateway, 600, map_6()).unwrap();
    let id = gateway.open(ALICE_6, &[("LeaseTime", "300")]).unwrap();
    assert_eq!(only(&gateway).remaining_seconds(gateway.now), 600);
    let arguments = |lease| [("UniqueID", id.to_string()), ("NewLeaseTime", lease)];
    for (lease, left) in [("60", 600), ("900", 900)] {
        let arguments = arguments(lease.to_owned());
        let arguments: Vec<_> = arguments.iter().map(|(name, value)| (*name, &**value)).collect();
        gateway.call_6(ALICE_6, "UpdatePinhole", &arguments).unwrap();
        assert_eq!(only(&gateway).remaining_seconds(gateway.now), left);
    }
    assert!(matches!(only(&gateway).origin, Origin::Pcp(origin) if origin.nonce == NONCE));
    // The host itself may close it whichever way it likes.
    gateway
        .call_6(ALICE_6, "DeletePinhole", &[("UniqueID", &id.to_string())])
        .unwrap();
    assert!(gateway.pinholes.is_empty());
}

#[test]
fn a_peer_is_a_pinhole_for_its_socket_alone() {
    let mut gateway = Gateway::new(strict());
    assert_eq!(ask_peer(&mut gateway, 600, peer_6()), Ok(8080));
    assert_eq!(open_ones(&gateway), ["[fd77::11]:8080/TCP from [2001:db8::11]:443"]);
    let anothers = Peer {
        nonce: OTHER,
        ..peer_6()
    };
    for lifetime in [600, 0] {
        assert_eq!(
            ask_peer(&mut gateway, lifetime, anothers.clone()),
            Err(ResultCode::NotAuthorized)
        );
    }
    // MAP does not manage it.
    assert_eq!(ask_map(&mut gateway, 600, map_6()), Ok(8080));
    assert_eq!(ask_map(&mut gateway, 0, map_6()), Ok(0));
    assert_eq!(gateway.pinholes.len(), 1);
    assert_eq!(ask_peer(&mut gateway, 0, peer_6()), Ok(0));
    assert!(gateway.pinholes.is_empty());
    let multicast = Peer {
        remote_address: "ff02::1".parse().unwrap(),
        ..peer_6()
    };
    assert_eq!(
        ask_peer(&mut gateway, 600, multicast),
        Err(ResultCode::MalformedRequest)
    );
    let other_family = Peer {
        remote_address: "11.11.11.11".parse().unwrap(),
        ..peer_6()
    };
    assert_eq!(
        ask_peer(&mut gateway, 600, other_family),
        Err(ResultCode::MalformedRequest)
    );
}

#[test]
fn without_a_firewall_everything_is_open_and_nothing_is_kept() {
    let mut open = config_6();
    open.firewall.enabled = false;
    let mut gateway = Gateway::new(open);
    assert_eq!(ask_map(&mut gateway, 600, map_6()), Ok(8080));
    assert_eq!(ask_peer(&mut gateway, 600, peer_6()), Ok(8080));
    assert_eq!(ask_map(&mut gateway, 0, map_6()), Ok(0));
    assert_eq!(ask_peer(&mut gateway, 0, peer_6()), Ok(0));
    assert!(gateway.pinholes.is_empty());
    assert_eq!(
        ask(&mut gateway, "fe80::11", 600, Operation::Map(map_6())),
        Err(ResultCode::NotAuthorized)
    );
}

#[test]
fn where_nobody_may_open_anything_it_is_not_authorized() {
    let mut closed = config_6();
    closed.firewall.pinholes_allowed = false;
    let mut gateway = Gateway::new(closed);
    assert_eq!(ask_map(&mut gateway, 600, map_6()), Err(ResultCode::NotAuthorized));
    assert_eq!(ask_peer(&mut gateway, 600, peer_6()), Err(ResultCode::NotAuthorized));
}

#[test]
fn without_room_nothing_is_opened() {
    let mut limited = config_6();
    limited.firewall.pinholes_per_client = 1;
    limited.firewall.pinholes = 2;
    let mut gateway = Gateway::new(limited);
    let two = filtered(&[from(REMOTE, 128, 1), from(REMOTE, 128, 2)]);
    assert_eq!(ask_map(&mut gateway, 600, two), Err(ResultCode::UserExQuota));
    assert!(gateway.pinholes.is_empty());
    assert_eq!(ask_map(&mut gateway, 600, map_6()), Ok(8080));
    assert_eq!(ask_map(&mut gateway, 600, map_6()), Ok(8080), "renewing takes no room");
    assert_eq!(ask(&mut gateway, BOB_6, 600, Operation::Map(map_6())), Ok(8080));
    assert_eq!(
        ask(&mut gateway, "fd77::13", 600, Operation::Map(map_6())),
        Err(ResultCode::NoResources)
    );

    gateway.refuse = Box::new(|_| Some(Refusal::NoRoom));
    assert_eq!(ask_map(&mut gateway, 900, map_6()), Err(ResultCode::NoResources));
    assert_eq!(ask_map(&mut gateway, 0, map_6()), Err(ResultCode::NoResources));
    gateway.refuse = Box::new(|_| None);
    gateway.store_works = false;
    assert_eq!(ask_map(&mut gateway, 900, map_6()), Err(ResultCode::NoResources));
}
