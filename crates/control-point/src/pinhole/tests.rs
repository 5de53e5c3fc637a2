//! Pinholes over the whole stack: SOAP, HTTP and searches, against a simulated gateway on paused time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{KeptPinhole, Opened, Pinhole, PinholeState, Traffic, Transport};
use crate::discovery::Family;
use crate::error::{Error, Refusal, Unusable};
use crate::network::simulated::{Announced, Simulated};
use crate::{Gateway, Protocol};

const OURS: &str = "2001:db8:77::2";

/// A network of both families.
fn network() -> Simulated {
    Simulated::new().with_ipv6(&["fd77::2", OURS])
}

async fn gateway(network: &Simulated) -> Gateway {
    network.discover().await.unwrap()
}

async fn open(network: &Simulated) -> Pinhole {
    match gateway(network).await.pinhole(Protocol::Tcp, 8080).add().await {
        Ok(Opened::Pinhole(pinhole)) => pinhole,
        other => panic!("{other:?}"),
    }
}

async fn keep(network: &Simulated) -> KeptPinhole {
    gateway(network)
        .await
        .pinhole(Protocol::Tcp, 8080)
        .keep()
        .await
        .unwrap()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 200 s: {what}");
}

fn clients(network: &Simulated) -> Vec<String> {
    let pinholes = network.gateway().firewall.pinholes();
    pinholes.into_iter().map(|(_, client)| client).collect()
}

fn code(error: &Error) -> &'static str {
    error.explanation().code
}

#[tokio::test(start_paused = true)]
async fn it_leads_to_our_address_that_reaches_furthest() {
    let network = network();
    let pinhole = open(&network).await;
    assert_eq!(pinhole.internal().to_string(), format!("[{OURS}]:8080"));
    assert!(pinhole.is_global());
    assert_eq!(clients(&network), [OURS]);
    assert_eq!(network.searches_v6(), 0, "the gateway knows us over IPv4");
    assert_eq!(pinhole.packets().await, Ok(7));
    pinhole.delete().await.unwrap();
    assert_eq!(clients(&network), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_global_address_one_of_the_site_will_do() {
    let network = Simulated::new().with_ipv6(&["fd77::2"]);
    let pinhole = open(&network).await;
    assert_eq!(pinhole.internal().to_string(), "[fd77::2]:8080");
    assert!(!pinhole.is_global());
    let none = Simulated::new().with_ipv6(&[]);
    let refused = gateway(&none).await.pinhole(Protocol::Tcp, 8080).add().await;
    assert_eq!(refused.unwrap_err(), Unusable::NoIpv6.into());
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_know_us_over_ipv4_is_asked_over_ipv6_from_the_address_that_it_is_for() {
    let network = network();
    network.gateway().firewall.knows_neighbours = false;
    let gateway = gateway(&network).await;
    assert_eq!(Family::of(gateway.address()), Family::Ipv4);
    let opened = gateway.pinhole(Protocol::Tcp, 8080).add().await.unwrap();
    let Opened::Pinhole(pinhole) = opened else {
        panic!("{opened:?}")
    };
    assert_eq!(Family::of(pinhole.gateway().address()), Family::Ipv6);
    assert_eq!(network.last_peer(), Some(OURS.parse().unwrap()));
    assert_eq!(clients(&network), [OURS]);
    // And so is what is known by its number only.
    gateway
        .update_pinhole(pinhole.id(), Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(gateway.pinhole_packets(pinhole.id()).await, Ok(7));
    assert_eq!(gateway.check_pinhole(pinhole.id()).await, Ok(Traffic::NoneYet));
    assert_eq!(gateway.delete_pinhole(pinhole.id()).await, Ok(true));
    assert_eq!(gateway.delete_pinhole(pinhole.id()).await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_refuses_has_words() {
    let network = network();
    let gateway = gateway(&network).await;
    let other = network.gateway().firewall.open_for_another();
    let refused = gateway.delete_pinhole(other).await.unwrap_err();
    assert!(
        matches!(refused, Error::Refused(Refusal { code: 606, .. })),
        "{refused:?}"
    );
    let missing = gateway.pinhole_packets(99).await.unwrap_err();
    assert_eq!(code(&missing), "no-such-pinhole");
    let too_long = gateway
        .pinhole(Transport::of(132), 80)
        .lease(Duration::from_secs(90_000));
    assert_eq!(code(&too_long.add().await.unwrap_err()), "invalid-lease");
    network.gateway().firewall.pinholes_allowed = false;
    let forbidden = gateway.pinhole(Protocol::Tcp, 80).add().await.unwrap_err();
    assert_eq!(forbidden, Unusable::PinholesNotAllowed.into());
    assert_eq!(
        code(&gateway.pinhole_packets(1).await.unwrap_err()),
        "inbound-pinhole-not-allowed"
    );
}

#[tokio::test(start_paused = true)]
async fn where_the_firewall_is_off_there_is_nothing_to_open() {
    let network = network();
    network.gateway().firewall.enabled = false;
    let opened = gateway(&network)
        .await
        .pinhole(Protocol::Tcp, 8080)
        .add()
        .await
        .unwrap();
    assert!(matches!(opened, Opened::AlreadyReachable(_)), "{opened:?}");
    assert_eq!(opened.internal().to_string(), format!("[{OURS}]:8080"));
    assert_eq!(opened.explanation().unwrap().code, "firewall-disabled");

    let kept = keep(&network).await;
    assert_eq!((kept.state(), kept.id()), (PinholeState::NotNeeded, None));
    network.gateway().firewall.enabled = true;
    until("it is opened", || kept.state() == PinholeState::Open).await;
    assert_eq!(clients(&network), [OURS]);
    network.gateway().firewall.enabled = false;
    until("it is not needed", || kept.state() == PinholeState::NotNeeded).await;
}

#[tokio::test(start_paused = true)]
async fn kept_for_a_day_it_never_ends() {
    let network = network();
    network.gateway().firewall.knows_neighbours = false;
    let kept = keep(&network).await;
    let id = kept.id();
    for _ in 0..24 {
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(clients(&network), [OURS]);
    }
    assert_eq!((kept.id(), kept.state()), (id, PinholeState::Open));
    assert_eq!(network.gateway().firewall.expired, 0);
    assert_eq!(network.searches_v6(), 2, "once found, it is not searched again");
    kept.remove().await.unwrap();
    assert_eq!(clients(&network), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_it_is_opened_again_and_whoever_has_its_number_keeps_it() {
    for announced in [Announced::Yes, Announced::No] {
        let network = network();
        let kept = keep(&network).await;
        assert_eq!(kept.id(), Some(1));
        network.kill();
        network.restart(announced);
        let other = network.gateway().firewall.open_for_another();
        assert_eq!(other, 1);
        until("both are open", || network.gateway().firewall.pinholes().len() == 2).await;
        assert_eq!(kept.id(), Some(2));
        kept.remove().await.unwrap();
        assert_eq!(network.gateway().firewall.pinholes().len(), 1, "{announced:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_loses_comes_back_soon() {
    let network = network();
    let kept = keep(&network).await;
    let mut changes = kept.changes();
    network.gateway().firewall.forget_all();
    let lost = Instant::now();
    until("it is back", || clients(&network) == [OURS]).await;
    assert!(lost.elapsed() < Duration::from_secs(10), "{:?}", lost.elapsed());
    let told = (changes.next().await, changes.next().await);
    assert!(
        matches!(
            told,
            (
                Some(super::PinholeChange::Lost { .. }),
                Some(super::PinholeChange::Opened)
            )
        ),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_it_is_deleted() {
    let network = network();
    drop(keep(&network).await);
    until("it is gone", || clients(&network).is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn it_follows_our_address() {
    let network = network();
    let kept = keep(&network).await;
    network.move_to_v6(&["2001:db8:77::3"]);
    until("it leads to the new address", || {
        clients(&network).contains(&"2001:db8:77::3".to_owned())
    })
    .await;
    assert_eq!(kept.internal().ip().to_string(), "2001:db8:77::3");
    assert_eq!(kept.state(), PinholeState::Open);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_ipv4_the_gateway_is_found_at_once_and_opens_pinholes() {
    let network = network().without_ipv4();
    let begun = Instant::now();
    let gateway = gateway(&network).await;
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!(
        (gateway.address().to_string().as_str(), gateway.interface()),
        ("fe80::1", "lan0")
    );
    assert_eq!(gateway.local_address().to_string(), "fe80::2");
    let mapping = gateway.map(Protocol::Tcp, 8080).once().await.unwrap_err();
    assert_eq!(mapping, Unusable::NoIpv4.into());
    network.gateway().firewall.knows_neighbours = false;
    let kept = gateway.pinhole(Protocol::Tcp, 8080).keep().await.unwrap();
    assert_eq!(network.last_peer(), Some(OURS.parse().unwrap()));
    network.kill();
    network.restart(Announced::No);
    until("it is back", || clients(&network) == [OURS]).await;
    kept.remove().await.unwrap();
    assert_eq!(clients(&network), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_asked_for_over_ipv6_leads_to_our_ipv4_address() {
    let network = network();
    let gateway = network.discover().family(Family::Ipv6).await.unwrap();
    let mapping = gateway.map(Protocol::Tcp, 8080).once().await.unwrap();
    assert_eq!(mapping.internal_client().to_string(), "192.168.77.2");
    assert_eq!(
        network.last_peer(),
        Some("192.168.77.2".parse().unwrap()),
        "it was asked over IPv4"
    );
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_ends_nothing() {
    let network = network();
    let kept = keep(&network).await;
    network.trouble(200, 100);
    sleep(Duration::from_secs(6 * 3600)).await;
    network.trouble(0, 0);
    until("it is open", || kept.state() == PinholeState::Open).await;
    assert_eq!(clients(&network), [OURS]);
}
