//! Commands that ask and leave everything as it was.

use portreeve_lab::tool::Tool;
use serde_json::{Value, json};

use crate::support::{Gateway, explains, on_every_gateway};

on_every_gateway! {
    discover_finds_it_and_says_what_it_is
    status_says_that_all_is_well
    calls_reach_every_service
    doctor_finds_nothing_wrong
    stability_reports_a_connection_that_stays
    a_link_is_not_changed_by_just_anybody
}

fn discover_finds_it_and_says_what_it_is(gateway: Gateway) {
    let Some(bed) = gateway.shared() else { return };
    let result = Tool::on(bed.lan_host(1)).result("discover");
    let gateways = result["gateways"].as_array().expect("a list");
    assert_eq!(gateways.len(), 1, "each gateway once: {result}");
    let found = &gateways[0];
    assert_eq!(found["address"], "192.168.77.1", "{found}");
    assert_eq!(found["igd_version"], gateway.version(), "{found}");
    assert_eq!(
        (&found["interface"], &found["local_address"]),
        (&json!("eth0"), &json!("192.168.77.11"))
    );
    assert_eq!(found["chosen"], true, "{found}");
    let connections = found["connections"].as_array().expect("a list");
    let chosen = connections.iter().find(|connection| connection["chosen"] == true);
    let chosen = chosen.expect("one of the connections is chosen");
    assert_eq!(chosen["connection_status"], "Connected", "{chosen}");
    assert_eq!(chosen["external_address"], "11.11.11.2", "{chosen}");
    assert_eq!(chosen["address_kind"], "public", "{chosen}");
}

fn status_says_that_all_is_well(gateway: Gateway) {
    let Some(bed) = gateway.shared() else { return };
    let tool = Tool::on(bed.lan_host(1));
    let status = tool.result("status");
    assert_eq!(status["connection_status"], "Connected", "{status}");
    assert_eq!(status["external_address"], "11.11.11.2", "{status}");
    assert_eq!(status["unusable"], Value::Null, "{status}");
    assert_eq!(status["nat_enabled"], true, "{status}");
    assert_eq!(status["link"]["physical_status"], "Up", "{status}");
    assert!(status["uptime_seconds"].is_u64(), "{status}");
    let words = tool.says("status");
    assert!(words.contains("11.11.11.2"), "{words}");
}

fn calls_reach_every_service(gateway: Gateway) {
    let Some(bed) = gateway.shared() else { return };
    let tool = Tool::on(bed.lan_host(1));
    let services = tool.result("call");
    for service in services["services"].as_array().expect("a list") {
        let name = service["service_id"].as_str().expect("a text");
        let actions = tool.result(&format!("call {name}"));
        assert!(actions["actions"].is_array(), "{name}: {actions}");
    }
    let answer = tool.result("call WANIPConnection GetExternalIPAddress");
    let expected = json!([{"name": "NewExternalIPAddress", "value": "11.11.11.2"}]);
    assert_eq!(answer["values"], expected, "{answer}");
    // What the gateway's own description rules out is not even sent.
    let action = "call WANIPConnection GetGenericPortMappingEntry";
    tool.error(&format!("{action} NewPortMappingIndex=many"), 2);
    let end = tool.error(&format!("{action} NewPortMappingIndex=65535"), 1);
    assert_eq!(end["upnp"]["code"], 713, "{end}");
}

fn doctor_finds_nothing_wrong(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let tool = Tool::on(bed.lan_host(1));
    let lines = tool.lines("doctor", 0);
    let steps: Vec<_> = lines.iter().filter(|line| line["event"] == "step").collect();
    assert!(steps.iter().all(|step| step["outcome"] != "bad"), "{steps:#?}");
    let good = steps.iter().filter(|step| step["outcome"] == "good").count();
    assert!(good >= 8, "{steps:#?}");
    let verdict = lines.last().expect("a verdict")["result"]["verdict"].as_str();
    assert!(
        verdict.is_some_and(|text| text.starts_with("The router maps ports for this computer")),
        "{verdict:?}"
    );
    assert_eq!(tool.result("list --all")["mappings"], json!([]), "the trial is removed");
}

fn stability_reports_a_connection_that_stays(gateway: Gateway) {
    let Some(bed) = gateway.shared() else { return };
    let report = Tool::on(bed.lan_host(1)).result("stability --for 2s --interval 400ms");
    assert_eq!(report["availability"], 1.0, "{report}");
    assert_eq!(
        (&report["drops"], &report["unanswered"]),
        (&json!(0), &json!(0)),
        "{report}"
    );
    assert!(
        report["samples"].as_u64().is_some_and(|samples| samples >= 4),
        "{report}"
    );
}

fn a_link_is_not_changed_by_just_anybody(gateway: Gateway) {
    let Some(bed) = gateway.shared() else { return };
    let tool = Tool::on(bed.lan_host(1));
    let refused = |line: &str| {
        let error = tool.error(line, 1);
        explains(&error, "action-not-authorized", &["policy"]);
        assert_eq!(error["upnp"]["code"], 606, "{error}");
    };
    refused("link disconnect");
    match gateway {
        // It is connected, so there is nothing to change.
        Gateway::Portreeved => assert_eq!(tool.result("link connect")["connection_status"], "Connected"),
        Gateway::Miniupnpd1 | Gateway::Miniupnpd2 => refused("link connect"),
    }
    assert_eq!(tool.result("status")["connection_status"], "Connected");
}
