//! What is wrong between this computer and the gateway: in network namespaces, and on loopback where that will do.

use std::net::Ipv4Addr;
use std::time::Duration;

use portreeve::doctor::{Diagnosis, Examination, Outcome, Topic, Verdict};
use portreeve_testkit::scripted::Misbehaviour;
use portreeve_testkit::{Host, Lab, ScriptedGateway, require_root};

use crate::world::{assert_step, assert_verdict, examine, gateway, named, run, search, up};

/// Examines from a LAN host, with a search for any gateway.
fn examine_from(host: &Host) -> Verdict {
    host.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let discovery = portreeve::discover()
            .without_cache()
            .timeout(Duration::from_millis(600));
        runtime.block_on(run(Examination::new().discovery(discovery)))
    })
}

#[tokio::test]
async fn a_router_without_upnp_is_told_from_none() {
    // Loopback refuses connections, as a router does that is there.
    let verdict = run(Examination::new().discovery(named(Ipv4Addr::new(127, 77, 77, 77).into()))).await;
    assert_verdict(
        &verdict,
        "upnp-off",
        "The router at 127.77.77.77 is there, but does not speak UPnP",
        "FRITZ!Box",
    );
    assert_step(&verdict, Topic::Search, Outcome::Unknown, "nothing at all answered");
    assert_step(&verdict, Topic::Discovery, Outcome::Bad, "switched off");
    assert_step(&verdict, Topic::Trial, Outcome::Skipped, "Without a gateway");
    for maker in ["OpenWrt", "ASUS", "TP-Link"] {
        assert!(verdict.remedy.contains(maker), "{verdict:#?}");
    }
}

#[tokio::test]
async fn a_gateway_whose_answers_do_not_arrive_is_found_all_the_same() {
    // It answers HTTP where routers have their description, and hears no search.
    let patient = ScriptedGateway::builder()
        .connection(up())
        .http_port(5000)
        .misbehave(Misbehaviour::AnswersOnlyMulticast)
        .start_on_loopback();
    let verdict = examine(&patient).await;
    assert_verdict(
        &verdict,
        "ssdp-blocked",
        "no answer to a search arrives",
        "--gateway http://",
    );
    assert_verdict(&verdict, "ssdp-blocked", &patient.description_url(), "1900");
    assert_step(&verdict, Topic::ReadBack, Outcome::Good, "leads to this computer");
}

#[tokio::test]
async fn a_gateway_that_answers_the_second_search_only_is_not_taken_for_a_firewall() {
    let patient = ScriptedGateway::builder()
        .connection(up())
        .http_port(5001)
        .misbehave(Misbehaviour::SearchUnanswered)
        .start_on_loopback();
    let url: portreeve::GatewayAddress = patient.description_url().parse().unwrap();
    let examination = Examination::new().discovery(search(&patient).gateway(url));
    let verdict = examination
        .run(|step| {
            if step.topic == Topic::Search {
                assert_eq!(step.outcome, Outcome::Unknown, "{step:?}");
                patient.behave();
            }
        })
        .await;
    assert_verdict(&verdict, "fine", "maps ports", "portreeve map");
    assert_step(&verdict, Topic::Discovery, Outcome::Good, "the second only");
}

#[tokio::test]
async fn something_else_than_a_gateway_is_told() {
    let patient = gateway(
        up(),
        [Misbehaviour::Status(
            portreeve_testkit::scripted::On::Description,
            "404 Not Found",
        )],
    );
    let verdict = examine(&patient).await;
    assert_verdict(&verdict, "gateway-rejected", "HTTP status 404", "search again");
    assert_step(&verdict, Topic::Discovery, Outcome::Bad, "cannot be used");
}

#[test]
fn from_the_lan_every_cause_is_told_apart() {
    let Some(()) = require_root("the doctor in a network of its own") else {
        return;
    };
    let lab = Lab::builder().build();
    let (here, router) = (lab.lan_host(1), lab.gateway());

    let verdict = examine_from(here);
    assert_verdict(
        &verdict,
        "upnp-off",
        "The router at 192.168.77.1 is there",
        "Switch UPnP on",
    );
    assert_step(&verdict, Topic::Interface, Outcome::Good, "eth0 has 192.168.77.11/24");
    assert_step(&verdict, Topic::Route, Outcome::Good, "192.168.77.1 on eth0");
    assert_step(
        &verdict,
        Topic::Search,
        Outcome::Unknown,
        "to everybody on eth0 and to 192.168.77.1 itself",
    );

    let patient = ScriptedGateway::builder()
        .connection(up())
        .http_port(5000)
        .start_in(router);
    let verdict = examine_from(here);
    assert_verdict(&verdict, "fine", "maps ports", "portreeve map");
    assert_step(
        &verdict,
        Topic::Search,
        Outcome::Good,
        "1 device answered: 192.168.77.1",
    );
    assert_step(&verdict, Topic::LoopBack, Outcome::Unknown, "did not arrive");

    // The router loops back: what comes for its external address goes to the LAN host, as if the router had sent it.
    router.nft(
        "add table ip hairpin
         add chain ip hairpin in { type nat hook prerouting priority dstnat; }
         add chain ip hairpin out { type nat hook postrouting priority srcnat; }
         add rule ip hairpin in ip daddr 11.11.11.1 tcp dport 1024-65535 dnat to 192.168.77.11
         add rule ip hairpin out ip daddr 192.168.77.11 masquerade",
    );
    let verdict = examine_from(here);
    assert_step(
        &verdict,
        Topic::LoopBack,
        Outcome::Good,
        "went through the router and came back",
    );
    assert_verdict(&verdict, "fine", "a connection came through", "portreeve map");

    // A firewall on this computer that lets nothing in from port 1900.
    here.nft(
        "add table ip firewall
         add chain ip firewall in { type filter hook input priority 0; }
         add rule ip firewall in udp sport 1900 drop",
    );
    let verdict = examine_from(here);
    assert_verdict(
        &verdict,
        "ssdp-blocked",
        "firewall",
        "--gateway http://192.168.77.1:5000/rootDesc.xml",
    );
    here.nft("delete table ip firewall");
    drop(patient);

    router.ip("link set br0 down");
    let verdict = examine_from(here);
    assert_verdict(
        &verdict,
        "no-gateway",
        "the router at 192.168.77.1 does not answer at all",
        "restart both",
    );

    here.ip("route del default");
    here.ip("-6 route del default");
    let verdict = examine_from(here);
    assert_verdict(&verdict, "no-default-route", "no default route", "DHCP");
    assert_step(&verdict, Topic::Route, Outcome::Bad, "no default route");

    here.ip("link set eth0 down");
    let verdict = examine_from(here);
    assert_verdict(&verdict, "no-interface", "no network connection that is up", "Plug in");
    assert_eq!(verdict.diagnosis, Diagnosis::NoInterface);
}
