//! What is heard on port 5350.

use portreeve_wire::nat_pmp;
use tokio::time::timeout;

use super::*;

/// What is heard within a second.
async fn heard(announcements: &mut PortAnnouncements) -> Option<Announced> {
    timeout(SECOND, announcements.next()).await.ok().map(Result::unwrap)
}

#[tokio::test(start_paused = true)]
async fn a_start_is_heard_once_however_often_it_is_told() {
    for (speaks, carrier) in [(Speaks::Pcp, Carrier::Pcp), (Speaks::NatPmp, Carrier::NatPmp)] {
        let network = network(speaks);
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let server = find(&network).await.unwrap();
        assert_eq!(server.carrier(), carrier);
        let mut announcements = PortAnnouncements::of(&server).unwrap();
        network.announce_ports();
        assert_eq!(heard(&mut announcements).await, None, "{carrier}: nothing is new");
        network.gateway().port_server.begin_epoch();
        for _ in 0..10 {
            network.announce_ports();
        }
        let told = heard(&mut announcements).await.unwrap();
        assert_eq!(told.epoch, Continuity::Lost, "{carrier}");
        assert_eq!(heard(&mut announcements).await, None, "{carrier}");
        assert_eq!(server.era(), 1);
        assert_eq!(server.look().await.unwrap().epoch, Continuity::Continues, "{carrier}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_external_address_is_heard_by_nat_pmp_whatever_is_spoken() {
    for carrier in [Carrier::Pcp, Carrier::NatPmp] {
        let network = network(Speaks::Both);
        let server = find_by(&network, &[carrier]).await.unwrap();
        server.external_address().await.unwrap();
        let mut announcements = PortAnnouncements::of(&server).unwrap();
        for address in ["11.11.11.7", ""] {
            network.gateway().external_address = address.to_owned();
            network.announce_ports();
            let told = heard(&mut announcements).await.unwrap();
            assert_eq!(told.epoch, Continuity::Continues, "{carrier}");
            assert_eq!(told.external_address, address.parse().ok(), "{carrier}");
            assert_eq!(heard(&mut announcements).await, None, "{carrier}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_gateway_is_heard_from_whatever_port() {
    let network = network(Speaks::Pcp);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let server = find(&network).await.unwrap();
    let mut announcements = PortAnnouncements::of(&server).unwrap();
    let began = pcp::announcement(0);
    for source in ["192.168.77.66:5351", "11.11.11.1:5351"] {
        network.announce_ports_as(source.parse().unwrap(), &began);
    }
    assert_eq!(heard(&mut announcements).await, None);
    assert_eq!(server.era(), 0);
    for nonsense in [&b""[..], b"\0", &[0; 12], &[2; 24], &[0xff; 1400], &began[..20]] {
        network.announce_ports_as(at(GATEWAY), nonsense);
    }
    // A request is no announcement, whoever sends it.
    network.announce_ports_as(at(GATEWAY), &[2, 0, 0, 0].repeat(6));
    assert_eq!(heard(&mut announcements).await, None);
    network.announce_ports_as("192.168.77.1:40000".parse().unwrap(), &began);
    assert!(heard(&mut announcements).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_epoch_of_the_other_protocol_is_not_judged() {
    let network = network(Speaks::Both);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let server = find(&network).await.unwrap();
    server.external_address().await.unwrap();
    let mut announcements = PortAnnouncements::of(&server).unwrap();
    network.announce_ports_as(at(GATEWAY), &nat_pmp::announcement(0, [11, 11, 11, 1].into()));
    assert_eq!(heard(&mut announcements).await, None);
    assert_eq!(server.era(), 0);
}

#[tokio::test(start_paused = true)]
async fn over_ipv6_the_router_is_heard_on_its_link() {
    let network = network(Speaks::Pcp).with_ipv6(&["2001:db8:77::2"]);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let server = find_v6(&network, "2001:db8:77::2").await.unwrap();
    let mut announcements = PortAnnouncements::of(&server).unwrap();
    network.gateway().port_server.begin_epoch();
    network.announce_ports();
    assert_eq!(heard(&mut announcements).await.unwrap().epoch, Continuity::Lost);
}
