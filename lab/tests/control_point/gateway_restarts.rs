//! The gateway loses its power and everything that it knew.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::tool::Tool;
use portreeve_testkit::{Echo, reach_tcp, wait_until};
use serde_json::json;

use crate::support::{Gateway, SOON, on_every_gateway};

/// The promise: from the gateway's return until the mapping is back.
const BACK: Duration = Duration::from_secs(5);
/// How long a small router takes for its start, at least.
const AWAY: Duration = Duration::from_millis(1500);

on_every_gateway! {
    a_kept_mapping_is_back_soon_after_each_power_cut
}

fn a_kept_mapping_is_back_soon_after_each_power_cut(gateway: Gateway) {
    let Some(bed) = gateway.bed() else { return };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let _echoes = (Echo::tcp(host, 8080), Echo::udp(host, 8080));
    let mut running = tool.start("map 8080 --external 18080 --protocol both");
    for _ in 0..2 {
        running.sees("mapped", SOON);
    }
    is_open(&bed, Protocol::Tcp, 18080);
    for _ in 0..2 {
        bed.subject().cut_power(&bed);
        is_closed(&bed, Protocol::Tcp, 18080);
        thread::sleep(AWAY);
        bed.start();
        let back = wait_until(BACK, || {
            [Protocol::Tcp, Protocol::Udp]
                .into_iter()
                .all(|protocol| protocol.reach(&bed, 18080).is_ok_and(|reply| reply.server == "lan1"))
        });
        assert!(back, "{:?}\n{}", running.events(), bed.subject().log());
    }
    for _ in 0..2 {
        running.sees("restored", SOON);
    }
    let result = running.interrupt();
    assert_eq!(result["ending"], "removed", "{result}");
    assert_eq!(tool.result("list --all")["mappings"], json!([]));
}

#[test]
fn that_a_gateway_returned_with_another_address_is_told() {
    tells_of_another_address(Gateway::Portreeved.bed());
}

/// It forgot who it was, too, so that its announcements are not known as those of this gateway.
#[test]
fn that_a_gateway_returned_with_another_address_is_told_though_nobody_heard_of_its_return() {
    tells_of_another_address(Bed::of(Kind::Portreeved, &Settings::default()));
}

fn tells_of_another_address(bed: Option<Bed>) {
    let Some(bed) = bed else { return };
    let host = bed.lan_host(1);
    let _echo = Echo::tcp(host, 8080);
    let mut running = Tool::on(host).start("map 8080 --external 18080");
    running.sees("mapped", SOON);
    bed.subject().cut_power(&bed);
    let moved = Ipv4Addr::new(11, 11, 11, 50);
    bed.set_wan_address(Some(moved));
    bed.start();
    let told = running.sees("external-address", BACK);
    assert_eq!(told["mapping"]["external_address"], moved.to_string(), "{told}");
    assert!(wait_until(BACK, || reaches(&bed, moved)));
}

fn reaches(bed: &Bed, address: Ipv4Addr) -> bool {
    reach_tcp(bed.internet_host(1), (address, 18080)).is_ok()
}
