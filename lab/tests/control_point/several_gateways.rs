//! A host on two networks with a gateway in each.

use portreeve_lab::subject::{Kind, Settings, Subject};
use portreeve_lab::tool::Tool;
use portreeve_testkit::{Lab, ScriptedGateway, require_root};
use serde_json::Value;

/// Of the second gateway, host 2 of the lab.
const OTHER: &str = "192.168.78.11";

#[test]
fn both_are_found_and_that_of_the_default_route_is_taken() {
    let Some(()) = require_root("a host with two gateways") else {
        return;
    };
    let lab = Lab::builder().lans(2).build();
    let subject = Subject::prepare(Kind::Portreeved, &lab, &Settings::default());
    subject.start(&lab);
    let other = ScriptedGateway::builder()
        .friendly_name("The other")
        .start_in(lab.lan_host(2));
    plug_into_second_lan(&lab);
    let tool = Tool::on(lab.lan_host(1));

    let found = tool.result("discover");
    let gateways = found["gateways"].as_array().expect("a list");
    let place = |gateway: &Value| {
        let text = |field: &str| gateway[field].as_str().unwrap_or_default().to_owned();
        (text("address"), text("interface"), gateway["chosen"] == true)
    };
    let places: Vec<_> = gateways.iter().map(place).collect();
    assert_eq!(
        places,
        [
            ("192.168.77.1".to_owned(), "eth0".to_owned(), true),
            (OTHER.to_owned(), "eth1".to_owned(), false),
        ]
    );
    assert!(gateways[0]["reason"].is_string(), "{found}");

    tool.says("map 8080 --detach");
    assert!(other.mappings().is_empty(), "the one of the default route is taken");
    let at_the_other = [
        format!("map 8081 --detach --gateway {OTHER}"),
        "map 8082 --detach --interface eth1".to_owned(),
    ];
    for (line, port) in at_the_other.iter().zip([8081, 8082]) {
        let result = tool.result(line);
        // Where the other gateway has to send to is another address of this host.
        assert_eq!(result["mappings"][0]["internal_client"], "192.168.78.50", "{result}");
        assert!(other.mappings().iter().any(|mapping| mapping.external_port == port));
    }
    assert_eq!(tool.result("list")["mappings"].as_array().map(Vec::len), Some(1));
}

/// Gives LAN host 1 a second interface, on the LAN of host 2.
fn plug_into_second_lan(lab: &Lab) {
    let (host, gateway) = (lab.lan_host(1), lab.gateway());
    gateway.ip(&format!(
        "link add cable type veth peer name eth1 netns {}",
        host.namespace()
    ));
    gateway.ip(&format!("link set cable master {} up", lab.lan_interface(1)));
    host.ip("link set eth1 up");
    host.ip("addr add 192.168.78.50/24 dev eth1");
}
