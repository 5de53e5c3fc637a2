//! What the gateway tells by itself, and what is done where it cannot.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::tool::{Running, Tool};
use portreeve_testkit::{Addresses, Cable};
use serde_json::Value;

use crate::support::{Gateway, SOON, on_every_gateway};

/// Drops whatever comes in unasked, as desktops do; events are that.
const FIREWALL: &str = "
table inet firewall {
    chain input {
        type filter hook input priority 0; policy drop;
        iif lo accept
        ct state established,related accept
    }
}
";

/// How long a small router takes for its start, at least: BOOTIDs may count seconds.
const AWAY: Duration = Duration::from_millis(1500);

/// Until a firewall is found to drop events: five seconds, and some for a busy machine.
const FOUND_OUT: Duration = Duration::from_secs(15);

on_every_gateway! {
    a_watch_tells_the_state_and_then_each_mapping_in_order
    a_watch_goes_on_after_a_power_cut
    behind_a_firewall_of_this_host_changes_are_told_all_the_same
}

fn a_watch_tells_the_state_and_then_each_mapping_in_order(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let mut watch = Tool::on(bed.lan_host(1)).start("watch --service WANIPConnection");
    let means = watch.sees("means", SOON);
    assert_eq!(means["means"], "events", "{means}");
    assert_eq!(becomes(&mut watch, "ConnectionStatus", "Connected")["learnt"], "event");
    becomes(&mut watch, "ExternalIPAddress", "11.11.11.2");
    becomes(&mut watch, "PortMappingNumberOfEntries", "0");

    let other = Tool::on(bed.lan_host(2));
    for count in 1..=4_u16 {
        other.says(&format!("map {} --detach", 8000 + count));
        let told = next(&mut watch, "PortMappingNumberOfEntries");
        assert_eq!(
            (&told["value"], &told["learnt"]),
            (&count.to_string().into(), &"event".into())
        );
    }
    other.says("unmap 8002");
    assert_eq!(next(&mut watch, "PortMappingNumberOfEntries")["value"], "3");
    let result = watch.interrupt();
    assert!(result["changes"].as_u64() >= Some(8), "{result}");
}

fn a_watch_goes_on_after_a_power_cut(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let other = Tool::on(bed.lan_host(2));
    let mut watch = Tool::on(bed.lan_host(1)).start("watch --service WANIPConnection");
    becomes(&mut watch, "PortMappingNumberOfEntries", "0");
    other.says("map 8000 --detach");
    becomes(&mut watch, "PortMappingNumberOfEntries", "1");
    bed.subject().cut_power(&bed);
    thread::sleep(AWAY);
    bed.start();
    // Its announcement leads to a look whether it still knows us, within ten seconds.
    becomes_within(FOUND_OUT, &mut watch, "PortMappingNumberOfEntries", "0");
    other.says("map 8001 --detach");
    assert_eq!(
        becomes(&mut watch, "PortMappingNumberOfEntries", "1")["learnt"],
        "event"
    );
    // One whose BOOTID says so is known to have started anew.
    let told = watch.events().iter().any(|event| event == "back");
    assert!(told || gateway != Gateway::Portreeved, "{:?}", watch.events());
    watch.interrupt();
}

fn behind_a_firewall_of_this_host_changes_are_told_all_the_same(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let host = bed.lan_host(1);
    host.nft(FIREWALL);
    let mut watch = Tool::on(host).start("watch --service WANIPConnection --interval 300ms");
    let means = watch.sees("means", FOUND_OUT);
    assert_eq!(means["means"], "polling", "{means}");
    assert_eq!(means["reason"]["code"], "nothing-arrives", "{means}");
    assert!(
        means["reason"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("firewall")),
        "{means}"
    );
    becomes(&mut watch, "ExternalIPAddress", "11.11.11.2");
    Tool::on(bed.lan_host(2)).says("map 8000 --detach");
    assert_eq!(becomes(&mut watch, "PortMappingNumberOfEntries", "1")["learnt"], "poll");
    watch.interrupt();
}

#[test]
fn a_cable_that_is_out_and_in_again_is_told_at_once() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let mut watch = Tool::on(bed.lan_host(1)).start("watch");
    becomes(&mut watch, "ConnectionStatus", "Connected");
    bed.wan_cable(Cable::Out);
    assert_eq!(
        becomes(&mut watch, "ConnectionStatus", "Disconnected")["learnt"],
        "event"
    );
    bed.wan_cable(Cable::In);
    becomes(&mut watch, "ConnectionStatus", "Connected");
    bed.set_wan_address(Some(Ipv4Addr::new(11, 11, 11, 50)));
    assert_eq!(
        becomes(&mut watch, "ExternalIPAddress", "11.11.11.50")["learnt"],
        "event"
    );
    watch.interrupt();
}

#[test]
fn every_update_id_is_told_in_order() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let mut watch = Tool::on(bed.lan_host(1)).start("watch --service WANIPConn1");
    becomes(&mut watch, "SystemUpdateID", "0");
    let other = Tool::on(bed.lan_host(2));
    for port in 8000..8005 {
        other.says(&format!("map {port} --detach"));
    }
    let mut ids = Vec::new();
    while ids.last() != Some(&5) {
        ids.push(
            next(&mut watch, "SystemUpdateID")["value"]
                .as_str()
                .map_or(0, |id| id.parse().unwrap_or(0)),
        );
    }
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    watch.interrupt();
}

#[test]
fn who_keeps_a_mapping_hears_of_a_new_external_address_at_once() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let mut running = Tool::on(bed.lan_host(1)).start("map 8080");
    running.sees("mapped", SOON);
    bed.set_wan_address(Some(Ipv4Addr::new(11, 11, 11, 50)));
    // Without events it would be a minute.
    let told = running.sees("external-address", SOON);
    assert_eq!(told["mapping"]["external_address"], "11.11.11.50", "{told}");
    running.interrupt();
}

#[test]
fn a_lan_without_ipv4_hears_events_too() {
    let settings = Settings {
        lan_addresses: Addresses::Ipv6Only,
        ..Settings::default()
    };
    let Some(bed) = Bed::of(Kind::Portreeved, &settings) else {
        return;
    };
    let mut watch = Tool::on(bed.lan_host(1)).start("watch --service WANIPConnection");
    assert_eq!(watch.sees("means", SOON)["means"], "events");
    becomes(&mut watch, "ConnectionStatus", "Connected");
    bed.wan_cable(Cable::Out);
    assert_eq!(
        becomes(&mut watch, "ConnectionStatus", "Disconnected")["learnt"],
        "event"
    );
    watch.interrupt();
}

/// The next change of a variable.
#[track_caller]
fn next(watch: &mut Running, variable: &str) -> Value {
    let start = Instant::now();
    loop {
        let change = watch.sees("change", SOON);
        if change["variable"] == variable {
            return change;
        }
        assert!(start.elapsed() < 2 * FOUND_OUT, "{change}");
    }
}

/// Skips changes until a variable has this value.
#[track_caller]
fn becomes(watch: &mut Running, variable: &str, value: &str) -> Value {
    becomes_within(SOON, watch, variable, value)
}

/// As [`becomes`], with so much time from one change to the next.
#[track_caller]
fn becomes_within(limit: Duration, watch: &mut Running, variable: &str, value: &str) -> Value {
    loop {
        let change = watch.sees("change", limit);
        if change["variable"] == variable && change["value"] == value {
            return change;
        }
    }
}
