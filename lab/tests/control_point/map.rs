//! `map`, `unmap` and what they leave.

use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::tool::Tool;
use portreeve_testkit::Echo;
use serde_json::{Value, json};

use crate::support::{Gateway, SOON, explains, on_every_gateway};

on_every_gateway! {
    a_mapping_carries_bytes_until_ctrl_c
    a_detached_mapping_stays_until_it_is_unmapped
    a_port_of_another_host_is_not_taken
}

fn a_mapping_carries_bytes_until_ctrl_c(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let _echo = Echo::tcp(host, 8080);
    is_closed(&bed, Protocol::Tcp, 18080);

    let mut running = tool.start("map 8080 --external 18080 --description web");
    let mapping = running.sees("mapped", SOON)["mapping"].take();
    assert_eq!(mapping["external_address"], "11.11.11.2", "{mapping}");
    assert_eq!(mapping["external_port"], 18080, "{mapping}");
    assert_eq!(mapping["internal_client"], "192.168.77.11", "{mapping}");
    assert_eq!(mapping["internal_port"], 8080, "{mapping}");
    assert_eq!(mapping["verified"], true, "{mapping}");
    assert_eq!(mapping["notes"], json!([]), "{mapping}");
    let lease = mapping["lease_seconds"].as_u64().expect("a lease is finite");
    assert!((3590..=3600).contains(&lease), "{mapping}");
    is_open(&bed, Protocol::Tcp, 18080);
    let listed = tool.result("list");
    assert_eq!(ports(&listed["mappings"]), ["TCP 18080"], "{listed}");
    assert_eq!(listed["mappings"][0]["description"], "web", "{listed}");

    let result = running.interrupt();
    assert_eq!(result["ending"], "removed", "{result}");
    is_closed(&bed, Protocol::Tcp, 18080);
    assert_eq!(tool.result("list --all")["mappings"], json!([]));
}

fn a_detached_mapping_stays_until_it_is_unmapped(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let _echoes = (Echo::tcp(host, 8080), Echo::udp(host, 8080));
    is_closed(&bed, Protocol::Udp, 18080);

    let result = tool.result("map 8080 --external 18080 --protocol both --lease 30m --detach");
    assert_eq!(result["ending"], "left", "{result}");
    assert_eq!(ports(&result["mappings"]), ["TCP 18080", "UDP 18080"], "{result}");
    is_open(&bed, Protocol::Tcp, 18080);
    is_open(&bed, Protocol::Udp, 18080);
    let listed = tool.result("list --all");
    assert_eq!(ports(&listed["mappings"]), ["TCP 18080", "UDP 18080"], "{listed}");
    let leases = listed["mappings"].as_array().expect("a list");
    let leases = leases.iter().filter_map(|row| row["lease_seconds"].as_u64());
    assert!(leases.clone().all(|lease| (1780..=1800).contains(&lease)), "{listed}");

    let removed = tool.result("unmap 18080 --protocol udp");
    assert_eq!(ports(&removed["removed"]), ["UDP 18080"], "{removed}");
    is_closed(&bed, Protocol::Udp, 18080);
    is_open(&bed, Protocol::Tcp, 18080);
    let removed = tool.result("unmap --range 18000-18100");
    assert_eq!(ports(&removed["removed"]), ["TCP 18080"], "{removed}");
    is_closed(&bed, Protocol::Tcp, 18080);
    assert_eq!(tool.result("list --all")["mappings"], json!([]));
    tool.error("unmap 18080", 1);
}

fn a_port_of_another_host_is_not_taken(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let (host, other) = (bed.lan_host(1), bed.lan_host(2));
    let _echoes = (Echo::tcp(host, 8080), Echo::tcp(other, 8080));
    Tool::on(host).says("map 8080 --external 18080 --detach");

    let tool = Tool::on(other);
    let refused = tool.error("map 8080 --external 18080 --detach", 1);
    explains(&refused, "conflict-in-mapping-entry", &["Another device"]);
    // Any other port will do as well: 18080 is what this host asks for first now.
    let result = tool.result("map 18080 --detach");
    assert_ne!(result["mappings"][0]["external_port"], 18080, "{result}");
    assert_eq!(result["mappings"][0]["notes"][0]["code"], "another-port", "{result}");
    is_open(&bed, Protocol::Tcp, 18080);
}

/// `TCP 18080` and so on.
#[track_caller]
fn ports(mappings: &Value) -> Vec<String> {
    let mappings = mappings.as_array().expect("a list");
    let port = |mapping: &Value| {
        let protocol = mapping["protocol"].as_str().expect("a protocol");
        format!("{protocol} {}", mapping["external_port"])
    };
    let mut ports: Vec<_> = mappings.iter().map(port).collect();
    ports.sort();
    ports
}
