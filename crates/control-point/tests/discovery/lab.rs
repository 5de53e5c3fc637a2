//! Whole networks: multicast, two routers, firewalls, memory.

use portreeve_testkit::scripted::{ReceivedSearch, SearchRoute};
use portreeve_testkit::{Lab, TempDir, require_root};

use super::*;

/// A search on the first LAN host.
fn find(lab: &Lab) -> Result<Gateway, Error> {
    lab.lan_host(1)
        .run(|| block_on(discover().without_cache().into_future()))
}

#[test]
fn a_gateway_is_found_by_multicast_and_by_unicast() {
    let Some(()) = require_root("discovery in a network") else {
        return;
    };
    let lab = Lab::builder().build();
    for misbehaviour in [
        None,
        Some(Misbehaviour::AnswersOnlyMulticast),
        Some(Misbehaviour::AnswersOnlyUnicast),
    ] {
        let mut builder = ScriptedGateway::builder();
        if let Some(misbehaviour) = misbehaviour.clone() {
            builder = builder.misbehave(misbehaviour);
        }
        let _scripted = builder.start_in(lab.gateway());
        let start = Instant::now();
        let gateway = find(&lab).unwrap_or_else(|error| panic!("{misbehaviour:?}: {error:?}"));
        assert!(
            start.elapsed() < Duration::from_millis(900),
            "{misbehaviour:?}: the time was not sat out"
        );
        assert_eq!(gateway.address(), IpAddr::V4(lab.gateway().ipv4()));
        assert_eq!(gateway.local_address(), IpAddr::V4(lab.lan_host(1).ipv4()));
        assert_eq!(gateway.interface(), "eth0");
    }
}

#[test]
fn r6_a_gateway_that_trips_over_searches_of_both_families_is_not_tripped() {
    let Some(()) = require_root("a gateway that is searched over IPv4 alone") else {
        return;
    };
    let lab = Lab::builder().build();
    let scripted = ScriptedGateway::builder()
        .misbehave(Misbehaviour::TripsOverBothFamilies)
        .start_in(lab.gateway());
    let gateway = find(&lab).expect("an answer that is whole");
    assert_eq!(gateway.address(), IpAddr::V4(lab.gateway().ipv4()));
    let searches = scripted.searches();
    assert!(!searches.is_empty() && searches.iter().all(|search| search.peer.is_ipv4()));
}

#[test]
fn nobody_is_found_within_a_second_after_three_searches_at_growing_intervals() {
    let Some(()) = require_root("searches in vain") else {
        return;
    };
    let lab = Lab::builder().build();
    let silent = ScriptedGateway::builder()
        .misbehave(Misbehaviour::SearchUnanswered)
        .start_in(lab.gateway());
    let start = Instant::now();
    let Err(Error::NoGateway(none)) = find(&lab) else {
        panic!("somebody was found")
    };
    assert!(start.elapsed() < Duration::from_millis(1300), "{:?}", start.elapsed());
    assert!(
        none.waited >= Duration::from_secs(1) && none.waited < Duration::from_millis(1200),
        "{:?}",
        none.waited
    );
    assert_eq!(none.interfaces, ["eth0", "lo"]);
    assert_eq!(none.default_gateway, Some(IpAddr::V4(lab.gateway().ipv4())));
    assert_eq!(none.rejected, []);
    let searches = silent.searches();
    let (over_ipv6, over_ipv4): (Vec<_>, Vec<_>) = searches
        .iter()
        .partition(|search| search.route == SearchRoute::Ipv6Multicast);
    let early = |search: &&ReceivedSearch| search.at < over_ipv4[0].at + Duration::from_millis(240);
    assert!(
        !over_ipv6.is_empty(),
        "nobody answers over IPv4, so somebody may over IPv6"
    );
    assert!(!over_ipv6.iter().any(early), "they are not searched at the same time");
    let mut times: Vec<Instant> = Vec::new();
    for search in over_ipv4 {
        if times
            .last()
            .is_none_or(|last| search.at - *last > Duration::from_millis(50))
        {
            times.push(search.at);
        }
    }
    let [first, second, third] = times[..] else {
        panic!("{} bursts", times.len())
    };
    assert!(
        third - second > second - first,
        "{:?} and {:?}",
        second - first,
        third - second
    );
}

#[test]
fn r5_of_two_routers_the_default_gateway_is_taken() {
    let Some(()) = require_root("two routers in a network") else {
        return;
    };
    let lab = Lab::builder().lan_hosts(2).build();
    let second = ScriptedGateway::builder()
        .friendly_name("second")
        .start_in(lab.lan_host(2));
    let alone = find(&lab).unwrap();
    assert_eq!(
        (alone.name(), alone.address()),
        ("second", IpAddr::V4(lab.lan_host(2).ipv4()))
    );
    let first = ScriptedGateway::builder()
        .friendly_name("first")
        .start_in(lab.gateway());
    assert_eq!(find(&lab).unwrap().name(), "first");
    let all = lab
        .lan_host(1)
        .run(|| block_on(discover().without_cache().all()))
        .unwrap();
    let names: Vec<_> = all.iter().map(Gateway::name).collect();
    assert_eq!(names, ["first", "second"]);
    first.set_status("Disconnected", "ERROR_NO_CARRIER");
    assert_eq!(
        find(&lab).unwrap().name(),
        "second",
        "what works is better than what is near"
    );
    drop(second);
}

#[test]
fn r5_a_router_may_answer_with_the_address_of_another_interface_or_host_of_the_network() {
    let Some(()) = require_root("a LOCATION on another host of the network") else {
        return;
    };
    let lab = Lab::builder().lan_hosts(2).build();
    let gateway = ScriptedGateway::builder()
        .friendly_name("floating")
        .http_port(5000)
        .misbehave(Misbehaviour::SearchUnanswered)
        .start_in(lab.gateway());
    let _pointer = ScriptedGateway::builder()
        .http_port(5000)
        .misbehave(Misbehaviour::LocationHost(gateway.address().into()))
        .start_in(lab.lan_host(2));
    assert_eq!(find(&lab).unwrap().name(), "floating");
}

#[test]
fn r5_a_host_that_points_to_our_own_services_is_refused() {
    let Some(()) = require_root("a LOCATION on the host that searches") else {
        return;
    };
    let lab = Lab::builder().build();
    let ours = IpAddr::V4(lab.lan_host(1).ipv4());
    let _hostile = ScriptedGateway::builder()
        .misbehave(Misbehaviour::LocationHost(ours))
        .start_in(lab.gateway());
    let Err(Error::NoGateway(none)) = find(&lab) else {
        panic!("it was followed")
    };
    assert!(
        matches!(none.rejected[0].why, Conversation::LeadsAway { .. }),
        "{:?}",
        none.rejected
    );
}

#[test]
fn a_firewall_that_lets_in_only_what_was_asked_for_does_not_matter() {
    let Some(()) = require_root("discovery behind a host firewall") else {
        return;
    };
    let lab = Lab::builder().build();
    let _scripted = ScriptedGateway::builder().start_in(lab.gateway());
    lab.lan_host(1).nft(
        "table inet firewall { chain input { type filter hook input priority filter; policy drop; \
         iif lo accept; ct state established,related accept; meta l4proto icmp accept; }; }",
    );
    assert_eq!(find(&lab).unwrap().address(), IpAddr::V4(lab.gateway().ipv4()));
}

#[test]
fn a_gateway_is_remembered_and_asked_first() {
    let Some(()) = require_root("the memory of networks") else {
        return;
    };
    let lab = Lab::builder().build();
    let folder = TempDir::new();
    let cache = folder.join("gateways.json");
    let find = || lab.lan_host(1).run(|| block_on(discover().cache(&cache).into_future()));
    let scripted = ScriptedGateway::builder().start_in(lab.gateway());
    let first = find().unwrap();
    let text = std::fs::read_to_string(&cache).unwrap();
    assert!(text.contains(first.location()) && text.contains(first.udn()), "{text}");
    assert!(!text.contains("/ctl"), "no control URL is kept");

    scripted.misbehave(Misbehaviour::SearchUnanswered);
    let again = find().unwrap();
    assert_eq!(
        (again.udn(), again.boot_id()),
        (first.udn(), None),
        "no search was answered"
    );

    // Neither a description that has moved, nor a cache that is garbage, nor one that cannot be written, is a hindrance.
    scripted.behave();
    scripted.change_http_port();
    assert_ne!(find().unwrap().location(), first.location());
    std::fs::write(&cache, "{{{").unwrap();
    assert_eq!(find().unwrap().udn(), first.udn());
    std::fs::remove_file(&cache).unwrap();
    std::fs::create_dir(&cache).unwrap();
    assert_eq!(find().unwrap().udn(), first.udn());
}

#[test]
fn r9_a_gateway_whose_paths_changed_with_a_restart_is_found_again() {
    let Some(()) = require_root("a gateway with random paths") else {
        return;
    };
    let lab = Lab::builder().build();
    let folder = TempDir::new();
    let find = || {
        lab.lan_host(1)
            .run(|| block_on(discover().cache(folder.join("c")).into_future()))
    };
    let scripted = ScriptedGateway::builder()
        .misbehave(Misbehaviour::RandomPaths)
        .start_in(lab.gateway());
    let before = find().unwrap();
    scripted.go_silent();
    scripted.come_back();
    let after = find().unwrap();
    assert_ne!(before.location(), after.location());
    assert_eq!(before.udn(), after.udn());
}

#[test]
fn only_the_chosen_interface_is_searched() {
    let Some(()) = require_root("discovery on one interface") else {
        return;
    };
    let lab = Lab::builder().build();
    let scripted = ScriptedGateway::builder().start_in(lab.gateway());
    let find = |interface: &'static str| {
        let search = discover()
            .without_cache()
            .interface(interface)
            .timeout(Duration::from_millis(300));
        lab.lan_host(1).run(|| block_on(search.into_future()))
    };
    assert!(matches!(find("lo"), Err(Error::NoGateway(_))));
    assert_eq!(scripted.searches().len(), 0);
    assert!(find("eth0").is_ok());
}
