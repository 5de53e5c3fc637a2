//! `doctor` tells apart what can be wrong between a host and the Internet. For what the WAN does to it see
//! [`crate::wan`].

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_open};
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::tool::Tool;
use portreeve_testkit::{Echo, Lab, require_root};
use serde_json::Value;

use crate::support::{Gateway, explains};

#[test]
fn a_router_that_is_not_there() {
    let Some(lab) = without_gateway() else { return };
    lab.gateway().ip("-4 addr flush dev br0");
    let verdict = Tool::on(lab.lan_host(1)).error("doctor", 3);
    explains(&verdict, "no-gateway", &["192.168.77.1"]);
}

#[test]
fn a_router_that_is_there_without_upnp() {
    let Some(lab) = without_gateway() else { return };
    let verdict = Tool::on(lab.lan_host(1)).error("doctor", 3);
    explains(&verdict, "upnp-off", &["UPnP"]);
}

#[test]
fn a_firewall_on_this_host_that_drops_the_answers() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let host = bed.lan_host(1);
    host.nft(
        "table inet firewall { chain input { type filter hook input priority 0; udp sport { 1900, 5351 } drop; }; }",
    );
    let verdict = Tool::on(host).error("doctor", 4);
    explains(&verdict, "ssdp-blocked", &["firewall"]);
}

#[test]
fn a_router_that_lets_nobody_map() {
    let rule = "[[rule]]\naction = \"deny\"\n";
    let Some(bed) = portreeved_with(rule) else { return };
    let tool = Tool::on(bed.lan_host(1));
    explains(&tool.error("doctor", 1), "action-not-authorized", &["policy"]);
    let refused = tool.error("map 8080 --external 18080 --detach", 1);
    assert_eq!(refused["upnp"]["code"], 606, "{refused}");
}

#[test]
fn a_port_that_is_too_low_for_the_router() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let host = bed.lan_host(1);
    let _echo = Echo::tcp(host, 80);
    explains(&Tool::on(host).error("doctor 80", 1), "low-port-cap", &["1024"]);
}

#[test]
fn a_port_on_which_nothing_listens() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let verdict = Tool::on(bed.lan_host(1)).error("doctor 8080", 1);
    explains(&verdict, "nothing-listens", &["8080"]);
}

#[test]
fn a_port_that_is_mapped_already_is_left_as_it_is() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let _echo = Echo::tcp(host, 8080);
    tool.says("map 8080 --detach");
    let lines = tool.lines("doctor 8080", 0);
    assert_eq!(outcome(&lines, "port"), "good", "{lines:#?}");
    is_open(&bed, Protocol::Tcp, 8080);
}

#[track_caller]
fn outcome<'a>(lines: &'a [Value], topic: &str) -> &'a str {
    let step = lines.iter().find(|line| line["topic"] == topic);
    let outcome = step.and_then(|step| step["outcome"].as_str());
    outcome.unwrap_or_else(|| panic!("no step {topic:?}: {lines:#?}"))
}

fn without_gateway() -> Option<Lab> {
    require_root("what doctor says where there is no gateway")?;
    Some(Lab::builder().build())
}

fn portreeved_with(tables: &str) -> Option<Bed> {
    let settings = Settings {
        tables: tables.to_owned(),
        ..Settings::default()
    };
    Bed::of(Kind::Portreeved, &settings)
}
