//! By which protocol a mapping is made, against the simulated gateway on paused time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use portreeve_wire::{nat_pmp, pcp};
use tokio::time::Instant;

use crate::network::simulated::{Simulated, Speaks};
use crate::{Carrier, Conversation, Error, Gateway, Mapping, Note, Protocol, Unusable, Verification};

/// A network whose gateway speaks UPnP, or not, and this.
fn network(igd: bool, speaks: Speaks) -> Simulated {
    let network = Simulated::new();
    network.gateway().igd = igd;
    network.gateway().port_server.speaks = speaks;
    network
}

async fn found(network: &Simulated, order: &[Carrier]) -> Gateway {
    network.discover().protocol_order(order).await.unwrap()
}

const UPNP_FIRST: [Carrier; 3] = [Carrier::Igd, Carrier::Pcp, Carrier::NatPmp];
const PCP_FIRST: [Carrier; 3] = [Carrier::Pcp, Carrier::NatPmp, Carrier::Igd];

async fn mapped(network: &Simulated, order: &[Carrier]) -> Result<Mapping, Error> {
    found(network, order).await.map(Protocol::Tcp, 8080).once().await
}

#[tokio::test(start_paused = true)]
async fn the_order_decides_among_what_the_gateway_speaks() {
    for (igd, speaks, order, carrier) in [
        (true, Speaks::Both, UPNP_FIRST, Carrier::Igd),
        (true, Speaks::Both, PCP_FIRST, Carrier::Pcp),
        (true, Speaks::NatPmp, PCP_FIRST, Carrier::NatPmp),
        (true, Speaks::Nothing, PCP_FIRST, Carrier::Igd),
        (true, Speaks::Silence, PCP_FIRST, Carrier::Igd),
        (false, Speaks::Both, UPNP_FIRST, Carrier::Pcp),
        (false, Speaks::NatPmp, UPNP_FIRST, Carrier::NatPmp),
        (false, Speaks::NatPmpDeaf, UPNP_FIRST, Carrier::NatPmp),
    ] {
        let network = network(igd, speaks);
        let mapping = mapped(&network, &order).await.unwrap();
        let shown = format!("{igd} {speaks:?} {order:?}");
        assert_eq!(mapping.carrier(), carrier, "{shown}");
        assert_eq!(mapping.external().to_string(), "11.11.11.1:8080", "{shown}");
        assert_eq!(mapping.lease(), Some(Duration::from_secs(3600)), "{shown}");
        assert_eq!(
            (mapping.verification(), mapping.notes()),
            (&Verification::Proven, &[][..]),
            "{shown}"
        );
        assert!(mapping.gateway().carriers().contains(&carrier), "{shown}");
        mapping.remove().await.unwrap();
        assert!(network.gateway().mappings().is_empty(), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_without_upnp_is_found_soon_and_one_with_it_as_soon_as_ever() {
    for (igd, speaks, order, milliseconds) in [
        (true, Speaks::Silence, UPNP_FIRST, 0..50),
        (true, Speaks::Both, UPNP_FIRST, 0..50),
        (true, Speaks::Both, PCP_FIRST, 0..10),
        (false, Speaks::Both, UPNP_FIRST, 250..300),
        (false, Speaks::Both, PCP_FIRST, 0..10),
        (false, Speaks::NatPmp, PCP_FIRST, 0..20),
    ] {
        let network = network(igd, speaks);
        let start = Instant::now();
        found(&network, &order).await;
        let took = start.elapsed().as_millis();
        assert!(milliseconds.contains(&took), "{igd} {speaks:?} {order:?}: {took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_gateway_without_upnp_does_not_have_is_said() {
    let network = network(false, Speaks::Pcp);
    let gateway = found(&network, &UPNP_FIRST).await;
    assert_eq!(gateway.carriers(), [Carrier::Pcp]);
    assert_eq!(
        (gateway.name(), gateway.udn(), gateway.igd_version()),
        ("gateway without UPnP", "", 0)
    );
    assert_eq!(gateway.location(), "pcp://192.168.77.1:5351");
    assert_eq!(
        (gateway.address(), gateway.interface()),
        (IpAddr::V4(Ipv4Addr::new(192, 168, 77, 1)), "lan0")
    );
    assert!(gateway.connections().is_empty());
    let no_upnp = Error::from(Unusable::NoUpnp);
    assert_eq!(gateway.connection().err(), Some(Unusable::NoUpnp));
    assert_eq!(gateway.mappings().await.err(), Some(no_upnp.clone()));
    assert_eq!(gateway.unmap(Protocol::Tcp, 80).await.err(), Some(no_upnp));
    assert!(gateway.call("WANIPConnection", "GetStatusInfo", &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_one_protocol_has_no_words_for_is_asked_for_by_the_next() {
    let remote: IpAddr = Ipv4Addr::new(11, 11, 11, 9).into();
    let network = network(true, Speaks::Both);
    let gateway = found(&network, &[Carrier::NatPmp, Carrier::Pcp, Carrier::Igd]).await;
    let one_host = gateway
        .map(Protocol::Udp, 4000)
        .remote_host(remote)
        .once()
        .await
        .unwrap();
    assert_eq!(one_host.carrier(), Carrier::Pcp);
    let another = Ipv4Addr::new(192, 168, 77, 3).into();
    let other_host = gateway.map(Protocol::Udp, 4001).client(another).once().await.unwrap();
    assert_eq!(other_host.carrier(), Carrier::Igd);
    assert_eq!(other_host.notes(), [Note::ForAnotherHost]);

    let gateway = found(&network, &[Carrier::NatPmp]).await;
    for request in [
        gateway.map(Protocol::Udp, 4000).remote_host(remote),
        gateway.map(Protocol::Udp, 4000).client(another),
    ] {
        let error = request.once().await.unwrap_err();
        assert!(matches!(&error, Error::Conversation(Conversation::NotOffered(what)) if what.contains("NAT-PMP")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_only_one_protocols_is_followed_by_the_next() {
    let network = network(true, Speaks::Both);
    network.gateway().port_server.pcp_refuses = Some(pcp::ResultCode::NotAuthorized.into());
    let mapping = mapped(&network, &PCP_FIRST).await.unwrap();
    assert_eq!(mapping.carrier(), Carrier::NatPmp);
    network.gateway().port_server.nat_pmp_refuses = Some(nat_pmp::ResultCode::NotAuthorized);
    let gateway = found(&network, &[Carrier::Pcp, Carrier::Igd]).await;
    let mapping = gateway.map(Protocol::Tcp, 81).once().await.unwrap();
    assert_eq!(mapping.carrier(), Carrier::Igd);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_everybodys_is_told() {
    let network = network(true, Speaks::Both);
    network.gateway().port_server.pcp_refuses = Some(pcp::ResultCode::UserExQuota.into());
    let error = mapped(&network, &PCP_FIRST).await.unwrap_err();
    assert!(
        matches!(&error, Error::PortControl(refusal) if refusal.carrier == Carrier::Pcp),
        "{error}"
    );
    assert_eq!(network.gateway().calls("AddPortMapping"), 0);
    assert_eq!(network.gateway().port_server.requests("map"), 0);

    network.gateway().port_server.pcp_refuses = None;
    network.gateway().give_away(4000);
    let gateway = found(&network, &PCP_FIRST).await;
    let error = gateway
        .map(Protocol::Udp, 4000)
        .external(4000)
        .once()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::PortControl(_)), "{error}");
    let another = gateway.map(Protocol::Udp, 4000).once().await.unwrap();
    assert_eq!(
        another.notes(),
        [Note::AnotherPort {
            wanted: 4000,
            given: 4001
        }]
    );
}

#[tokio::test(start_paused = true)]
async fn a_private_address_is_refused_by_every_protocol_and_nothing_is_left() {
    for (speaks, order) in [
        (Speaks::Pcp, PCP_FIRST),
        (Speaks::NatPmp, PCP_FIRST),
        (Speaks::Both, UPNP_FIRST),
    ] {
        let network = network(true, speaks);
        network.gateway().external_address = "192.168.178.20".to_owned();
        let error = mapped(&network, &order).await.unwrap_err();
        assert!(matches!(error, Error::Unusable(Unusable::DoubleNat(_))), "{error}");
        assert!(network.gateway().mappings().is_empty());
        let gateway = found(&network, &order).await;
        let despite = gateway.map(Protocol::Tcp, 8080).despite_status().once().await.unwrap();
        assert_eq!(despite.external().to_string(), "192.168.178.20:8080");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shorter_lease_than_the_one_that_was_wanted_is_told() {
    let network = network(false, Speaks::Pcp);
    network.gateway().port_server.longest = 600;
    let mut mapping = mapped(&network, &UPNP_FIRST).await.unwrap();
    let (asked, shown) = (Duration::from_secs(3600), Duration::from_secs(600));
    assert_eq!(mapping.notes(), [Note::LeaseChanged { asked, shown }]);
    assert_eq!(mapping.lease(), Some(shown));
    mapping.renew().await.unwrap();
    assert_eq!(mapping.carrier(), Carrier::Pcp);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_again_for_the_same_port_gets_the_same_mapping() {
    let network = network(false, Speaks::Pcp);
    let (first, second) = (mapped(&network, &UPNP_FIRST).await, mapped(&network, &UPNP_FIRST).await);
    assert_eq!(first.unwrap().external(), second.unwrap().external());
    assert_eq!(network.gateway().mappings().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn over_ipv6_alone_a_gateway_without_upnp_is_found_and_has_no_mappings() {
    let network = Simulated::new().with_ipv6(&["2001:db8:77::2"]).without_ipv4();
    network.gateway().igd = false;
    network.gateway().port_server.speaks = Speaks::Both;
    let gateway = network.discover().await.unwrap();
    assert_eq!(gateway.carriers(), [Carrier::Pcp]);
    assert_eq!(gateway.address(), "fe80::1".parse::<IpAddr>().unwrap());
    let error = gateway.map(Protocol::Tcp, 80).once().await.unwrap_err();
    assert_eq!(error, Unusable::NoIpv4.into());
}

#[tokio::test(start_paused = true)]
async fn a_gateway_of_both_families_without_upnp_is_one() {
    let network = Simulated::new().with_ipv6(&["2001:db8:77::2"]);
    network.gateway().igd = false;
    network.gateway().port_server.speaks = Speaks::Both;
    let all = network.discover().all().await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    let over_ipv6 = network.discover().family(crate::Family::Ipv6).await.unwrap();
    let mapping = over_ipv6.map(Protocol::Tcp, 80).once().await.unwrap();
    assert_eq!(mapping.gateway().address(), IpAddr::V4(Ipv4Addr::new(192, 168, 77, 1)));
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_gateway_without_upnp_is_its_address() {
    for speaks in [Speaks::Pcp, Speaks::NatPmp] {
        let network = network(false, speaks);
        let status = found(&network, &UPNP_FIRST).await.status().await.unwrap();
        assert_eq!(status.external_address, "11.11.11.1".parse().ok(), "{speaks:?}");
        assert_eq!(
            (status.usable(), status.uptime, status.nat_enabled),
            (Ok(()), None, None)
        );
        assert!(network.gateway().mappings().is_empty(), "nothing is left of asking");
    }
}
