//! A WAN on which mappings cannot work, and one that changes.

use std::net::Ipv4Addr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::tool::Tool;
use portreeve_testkit::{Cable, wait_until};
use serde_json::{Value, json};

use crate::support::{Gateway, SOON, explains};

#[test]
fn without_a_cable_map_ends_with_the_reason() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let tool = Tool::on(bed.lan_host(1));
    bed.wan_cable(Cable::Out);
    becomes(&tool, "Disconnected");

    let status = tool.result("status");
    assert_eq!(status["last_connection_error"], "ERROR_NO_CARRIER", "{status}");
    assert_eq!(status["external_address"], Value::Null, "{status}");
    assert!(status["unusable"]["problem"].is_string(), "{status}");
    let words = tool.says("status");
    assert!(words.contains("ERROR_NO_CARRIER") || words.contains("cable"), "{words}");
    for command in ["map 8080", "doctor"] {
        explains(
            &tool.error(command, 4),
            "connection-no-carrier",
            &["not connected", "cable"],
        );
    }

    bed.wan_cable(Cable::In);
    becomes(&tool, "Connected");
    tool.says("map 8080 --detach");
}

#[test]
fn behind_another_router_map_and_doctor_say_so() {
    unusable("10.1.2.3", "double-nat", &["10.1.2.3", "Another router"]);
}

#[test]
fn behind_a_provider_that_shares_addresses_map_and_doctor_say_so() {
    unusable("100.64.9.9", "carrier-grade-nat", &["100.64.9.9", "provider"]);
}

#[test]
fn a_watched_status_tells_of_a_new_external_address() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let mut running = Tool::on(bed.lan_host(1)).start("status --watch --interval 200ms");
    let first = running.sees("status", SOON);
    assert_eq!(first["status"]["external_address"], "11.11.11.2", "{first}");
    bed.set_wan_address(Some(Ipv4Addr::new(11, 11, 11, 50)));
    loop {
        let next = running.sees("status", SOON);
        if next["status"]["external_address"] == "11.11.11.50" {
            break;
        }
    }
}

/// With this WAN address nothing is mapped, and the reason is told by that name in these words.
fn unusable(address: &str, code: &str, words: &[&str]) {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    private_wan(&bed, address);
    let tool = Tool::on(bed.lan_host(1));
    assert!(wait_until(SOON, || tool.result("status")["external_address"] == address));
    let status = tool.result("status");
    assert_eq!(status["unusable"]["code"], code, "{status}");
    for command in ["map 8080", "doctor"] {
        explains(&tool.error(command, 4), code, words);
    }
    assert_eq!(tool.result("list --all")["mappings"], json!([]));
}

/// The address that another router, or the provider, gave to the gateway.
fn private_wan(bed: &Bed, address: &str) {
    let gateway = bed.gateway();
    gateway.ip("-4 addr flush dev wan0");
    gateway.ip(&format!("addr add {address}/24 dev wan0"));
    gateway.ip("route replace default dev wan0");
}

#[track_caller]
fn becomes(tool: &Tool<'_>, status: &str) {
    let so = wait_until(Duration::from_secs(10), || {
        tool.result("status")["connection_status"] == status
    });
    assert!(so, "{}", tool.result("status"));
}
