//! What stands in the way on the host itself.

use std::time::Duration;

use portreeve_lab::bytes::{Protocol, is_open};
use portreeve_lab::tool::Tool;
use portreeve_testkit::{Echo, reach_tcp, wait_until};

use crate::support::{Gateway, SOON, on_every_gateway};

/// What most desktops come with: in comes only what was asked for. Answers to a search that went to a group were not.
const FIREWALL: &str = "
table inet firewall {
    chain input {
        type filter hook input priority 0; policy drop;
        iif lo accept
        ct state established,related accept
    }
}
";

on_every_gateway! {
    a_firewall_on_this_host_does_not_hide_the_gateway
}

fn a_firewall_on_this_host_does_not_hide_the_gateway(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let host = bed.lan_host(1);
    host.nft(FIREWALL);
    let tool = Tool::on(host);
    assert_eq!(tool.result("discover")["gateways"][0]["address"], "192.168.77.1");
    tool.says("map 8080 --detach");
}

#[test]
fn a_kept_mapping_follows_this_host_to_another_address() {
    let Some(bed) = Gateway::Portreeved.bed() else { return };
    let host = bed.lan_host(1);
    let _echo = Echo::tcp(host, 8080);
    let mut running = Tool::on(host).start("map 8080");
    let mapping = running.sees("mapped", SOON)["mapping"].take();
    assert_eq!(mapping["external_port"], 8080, "{mapping}");
    is_open(&bed, Protocol::Tcp, 8080);

    host.ip("-4 addr flush dev eth0");
    host.ip("addr add 192.168.77.60/24 dev eth0");
    host.ip("route replace default via 192.168.77.1");
    let told = running.sees("internal-client", Duration::from_secs(20))["mapping"].take();
    assert_eq!(told["internal_client"], "192.168.77.60", "{told}");
    let port = told["external_port"].as_u64().expect("a number") as u16;
    let reaches = || reach_tcp(bed.internet_host(1), (bed.wan_ipv4(), port)).is_ok();
    assert!(wait_until(SOON, reaches), "{told}");
    let result = running.interrupt();
    assert_eq!(result["ending"], "removed", "{result}");
}
