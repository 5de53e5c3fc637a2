//! Which protocol is spoken, and how soon that is known.

use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn pcp_is_taken_before_nat_pmp_and_the_other_way_round_if_asked_so() {
    let network = network(Speaks::Both);
    let server = find(&network).await.unwrap();
    assert_eq!(server.carrier(), Carrier::Pcp);
    assert_eq!((server.server(), server.local()), (at(GATEWAY), HERE.into()));
    let server = find_by(&network, &[Carrier::NatPmp, Carrier::Pcp]).await.unwrap();
    assert_eq!(server.carrier(), Carrier::NatPmp);
    let asked = &network.gateway().port_server.requests;
    assert_eq!((asked["ANNOUNCE"], asked["external address"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_of_nat_pmp_is_known_by_its_answer_to_pcp() {
    let network = network(Speaks::NatPmp);
    let start = Instant::now();
    assert_eq!(find(&network).await.unwrap().carrier(), Carrier::NatPmp);
    // Two answers, each after 2 ms.
    assert!(start.elapsed() < Duration::from_millis(20), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn silence_of_pcp_does_not_hide_nat_pmp() {
    let network = network(Speaks::NatPmpDeaf);
    let start = Instant::now();
    assert_eq!(find(&network).await.unwrap().carrier(), Carrier::NatPmp);
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nat_pmp_first_finds_a_gateway_that_only_speaks_pcp() {
    let network = network(Speaks::Pcp);
    let server = find_by(&network, &[Carrier::NatPmp, Carrier::Pcp]).await.unwrap();
    assert_eq!(server.carrier(), Carrier::Pcp);
    assert!(matches!(
        find_by(&network, &[Carrier::NatPmp]).await,
        Err(Conversation::NotOffered(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_lost_datagram_does_not_decide() {
    let network = network(Speaks::Pcp);
    network.gateway().port_server.loses = 2;
    assert_eq!(find(&network).await.unwrap().carrier(), Carrier::Pcp);
}

#[tokio::test(start_paused = true)]
async fn a_closed_port_is_known_at_once_and_silence_when_patience_ends() {
    let start = Instant::now();
    let closed = find(&network(Speaks::Nothing)).await;
    assert!(matches!(closed, Err(Conversation::Unreachable { .. })), "{closed:?}");
    assert!(start.elapsed() < Duration::from_millis(20));
    let start = Instant::now();
    let silent = find(&network(Speaks::Silence)).await;
    assert!(matches!(silent, Err(Conversation::Timeout { .. })), "{silent:?}");
    assert_eq!(start.elapsed().as_millis(), 1000);
}

#[tokio::test(start_paused = true)]
async fn over_ipv6_there_is_only_pcp() {
    let network = network(Speaks::Both).with_ipv6(&["2001:db8:77::2"]);
    let server = find_v6(&network, "2001:db8:77::2").await.unwrap();
    assert_eq!(server.carrier(), Carrier::Pcp);
    network.gateway().port_server.speaks = Speaks::NatPmp;
    assert!(matches!(
        find_v6(&network, "2001:db8:77::2").await,
        Err(Conversation::NotOffered(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn from_an_address_that_is_not_ours_nobody_is_reached() {
    let network = network(Speaks::Both);
    network.move_to(Ipv4Addr::new(192, 168, 77, 3));
    assert!(matches!(find(&network).await, Err(Conversation::Unreachable { .. })));
}
