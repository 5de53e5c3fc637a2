//! `pinhole`, and `map` over IPv6.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::programs::require_program;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::tool::Tool;
use portreeve_testkit::{Addresses, Echo, reach_tcp, wait_until};
use serde_json::{Value, json};

use crate::support::{SOON, explains};

/// How long packets that are dropped are waited for.
const LONG: Duration = Duration::from_secs(20);

/// A network of the Internet that the LAN has besides its own.
const GLOBAL: &str = "2001:db8:77::11";

/// A gateway that lets nobody in over IPv6 but through pinholes.
fn behind_firewall() -> Option<Bed> {
    Bed::of(Kind::Portreeved, &Settings::behind_firewall())
}

/// Debian's, which shows IGD:2, in the same place.
fn miniupnpd() -> Option<Bed> {
    require_program("miniupnpd", "miniupnpd-nftables")?;
    Bed::of(Kind::Miniupnpd, &Settings::behind_firewall())
}

/// One with these lines in its configuration.
fn with(overrides: &[&str], lan_addresses: Addresses) -> Option<Bed> {
    let mut settings = Settings {
        lan_addresses,
        ..Settings::behind_firewall()
    };
    settings
        .overrides
        .extend(overrides.iter().map(|line| (*line).to_owned()));
    Bed::of(Kind::Portreeved, &settings)
}

/// Gives LAN host 1 an address of the Internet.
fn give_global_address(bed: &Bed) {
    bed.gateway().ip("addr add 2001:db8:77::1/64 dev br0 nodad");
    bed.lan_host(1).ip(&format!("addr add {GLOBAL}/64 dev eth0 nodad"));
    bed.internet_host(1)
        .ip(&format!("route add 2001:db8:77::/64 via {}", bed.wan_ipv6()));
}

fn reaches(bed: &Bed, address: Ipv6Addr, port: u16) -> bool {
    reach_tcp(bed.internet_host(1), SocketAddr::from((address, port))).is_ok_and(|reply| reply.server == "lan1")
}

#[track_caller]
fn opened(event: &Value) -> (u64, &Value) {
    let pinhole = &event["pinhole"];
    (pinhole["id"].as_u64().expect("it has a number"), pinhole)
}

#[test]
fn bytes_pass_only_while_the_pinhole_is_there() {
    let Some(bed) = behind_firewall() else { return };
    bytes_pass_only_while_it_is_there(&bed);
}

/// It lets nobody open a pinhole over IPv4: it is found again over IPv6, and asked from the address that it is for. Its
/// packets are not counted there.
#[test]
fn bytes_pass_through_a_pinhole_of_miniupnpd_too() {
    let Some(bed) = miniupnpd() else { return };
    let host = bed.lan_host(1);
    let asked = format!(
        "call WANIPv6FirewallControl AddPinhole RemoteHost= RemotePort=0 InternalClient={} InternalPort=81 Protocol=6 \
         LeaseTime=60",
        host.ipv6()
    );
    explains(&Tool::on(host).error(&asked, 1), "action-not-authorized", &[]);
    bytes_pass_only_while_it_is_there(&bed);
}

fn bytes_pass_only_while_it_is_there(bed: &Bed) {
    let host = bed.lan_host(1);
    let (tool, own) = (Tool::on(host), host.ipv6());
    let _echo = Echo::tcp(host, 8080);
    assert!(!reaches(bed, own, 8080), "the firewall is on");

    let mut running = tool.start("pinhole add 8080");
    let event = running.sees("pinhole-opened", SOON);
    let (id, pinhole) = opened(&event);
    assert_eq!(pinhole["internal_client"], own.to_string(), "{event}");
    assert_eq!(
        (&pinhole["needed"], &pinhole["global"]),
        (&json!(true), &json!(false)),
        "{event}"
    );
    let checked = tool.result(&format!("pinhole check {id}"));
    assert_eq!(checked["traffic"], "none-yet", "{checked}");
    assert!(reaches(bed, own, 8080));
    if bed.subject().kind() == Kind::Portreeved {
        let checked = tool.result(&format!("pinhole check {id}"));
        assert_eq!(checked["traffic"], "passes", "{checked}");
        let packets = tool.result(&format!("pinhole packets {id}"));
        assert!(
            packets["packets"].as_u64().is_some_and(|packets| packets > 0),
            "{packets}"
        );
    }

    let result = running.interrupt();
    assert_eq!(result["ending"], "removed", "{result}");
    assert!(!reaches(bed, own, 8080), "it is closed");
    let missing = tool.error(&format!("pinhole update {id}"), 1);
    assert!(missing["upnp"]["code"].is_u64(), "{missing}");
}

#[test]
fn a_detached_pinhole_is_looked_after_by_its_number() {
    let Some(bed) = behind_firewall() else { return };
    let host = bed.lan_host(1);
    let (tool, own) = (Tool::on(host), host.ipv6());
    let _echo = Echo::tcp(host, 8080);
    let result = tool.result("pinhole add 8080 --lease 30m --detach");
    let id = result["pinholes"][0]["id"].as_u64().expect("it has a number");
    assert!(reaches(&bed, own, 8080));
    tool.result(&format!("pinhole update {id} --lease 2s"));
    assert!(
        wait_until(LONG, || !reaches(&bed, own, 8080)),
        "its new lease ends soon"
    );
    let result = tool.result("pinhole add 8080 --detach");
    let id = result["pinholes"][0]["id"].as_u64().expect("it has a number");
    let theirs = Tool::on(bed.lan_host(2)).error(&format!("pinhole delete {id}"), 1);
    explains(&theirs, "action-not-authorized", &[]);
    tool.says(&format!("pinhole delete {id}"));
    assert!(!reaches(&bed, own, 8080));
    // Of another host, none is opened.
    let theirs = tool.error(
        &format!("pinhole add 80 --detach --client {}", bed.lan_host(2).ipv6()),
        1,
    );
    explains(&theirs, "action-not-authorized", &[]);
}

#[test]
fn a_kept_pinhole_comes_back_when_the_gateway_has_lost_everything() {
    for bed in [behind_firewall(), miniupnpd()].into_iter().flatten() {
        let host = bed.lan_host(1);
        let _echo = Echo::tcp(host, 8080);
        let mut running = Tool::on(host).start("pinhole add 8080");
        running.sees("pinhole-opened", SOON);
        bed.subject().cut_power(&bed);
        bed.start();
        let kind = bed.subject().kind();
        assert!(wait_until(LONG, || reaches(&bed, host.ipv6(), 8080)), "{kind:?}");
        let result = running.interrupt();
        assert_eq!(result["ending"], "removed", "{kind:?}: {result}");
        assert!(!reaches(&bed, host.ipv6(), 8080), "{kind:?}");
    }
}

#[test]
fn without_a_firewall_there_is_nothing_to_open() {
    let Some(bed) = Bed::of(Kind::Portreeved, &Settings::default()) else {
        return;
    };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let _echo = Echo::tcp(host, 8080);
    assert!(reaches(&bed, host.ipv6(), 8080));
    let result = tool.result("pinhole add 8080 --detach");
    let pinhole = &result["pinholes"][0];
    assert_eq!(
        (&pinhole["needed"], &pinhole["id"]),
        (&json!(false), &Value::Null),
        "{result}"
    );
    let status = tool.result("status");
    assert_eq!(status["ipv6_firewall"]["enabled"], false, "{status}");
    assert_eq!(status["external_ipv6_address"], bed.wan_ipv6().to_string(), "{status}");
}

#[test]
fn what_is_switched_off_is_said() {
    let Some(bed) = with(&["ipv6.pinholes=false"], Addresses::Both) else {
        return;
    };
    let failure = Tool::on(bed.lan_host(1)).error("pinhole add 8080", 4);
    explains(&failure, "no-firewall-control", &["by hand"]);
}

#[test]
fn where_nothing_is_translated_map_opens_a_pinhole_if_there_is_an_address_of_the_internet() {
    let Some(bed) = with(&["gateway.nat=false"], Addresses::Both) else {
        return;
    };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let _echo = Echo::tcp(host, 8080);
    explains(&tool.error("map 8080", 4), "nat-off", &["No mapping is needed"]);
    give_global_address(&bed);
    let mut running = tool.start("map 8080");
    let reason = running.sees("over-ipv6", SOON);
    assert_eq!(reason["code"], "nat-off", "{reason}");
    let event = running.sees("pinhole-opened", SOON);
    assert_eq!(event["pinhole"]["internal_client"], GLOBAL, "{event}");
    assert!(reaches(&bed, GLOBAL.parse().expect("an address"), 8080));
    let result = running.interrupt();
    assert_eq!(
        (&result["ending"], &result["mappings"]),
        (&json!("removed"), &json!([])),
        "{result}"
    );
    explains(&tool.error("map 8080 --family ipv4", 4), "nat-off", &[]);
}

#[test]
fn a_lan_without_ipv4_is_enough() {
    let Some(bed) = with(&[], Addresses::Ipv6Only) else {
        return;
    };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let found = tool.result("discover");
    let gateways = found["gateways"].as_array().expect("a list");
    assert_eq!(gateways.len(), 1, "{found}");
    assert_eq!(gateways[0]["interface"], "eth0", "{found}");

    let _echo = Echo::tcp(host, 8080);
    let mut running = tool.start("pinhole add 8080");
    running.sees("pinhole-opened", SOON);
    assert!(reaches(&bed, host.ipv6(), 8080));
    running.interrupt();
    explains(&tool.error("map 8080", 4), "no-ipv4", &["pinhole"]);
    give_global_address(&bed);
    // The gateway notices its own new address a moment later.
    assert!(wait_until(SOON, || tool.run("map 8080 --detach").status.success()));
    let result = tool.result("map 8080 --detach");
    assert_eq!(result["pinholes"][0]["internal_client"], GLOBAL, "{result}");
    assert!(reaches(&bed, GLOBAL.parse().expect("an address"), 8080));
}

#[test]
fn a_gateway_of_both_families_is_one() {
    let Some(bed) = behind_firewall() else { return };
    let found = Tool::on(bed.lan_host(1)).result("discover");
    let gateways = found["gateways"].as_array().expect("a list");
    assert_eq!(gateways.len(), 1, "{found}");
    assert_eq!(gateways[0]["address"], "192.168.77.1", "{found}");
}

#[test]
fn a_gateway_is_named_by_each_of_its_addresses() {
    let Some(bed) = behind_firewall() else { return };
    let host = bed.lan_host(1);
    let tool = Tool::on(host);
    let link = *bed.gateway().link_local("br0").ip();
    let found = tool.result(&format!("discover --gateway {link}%eth0"));
    let location = found["gateways"][0]["location"]
        .as_str()
        .expect("it has one")
        .to_owned();
    let path = location.rsplit('/').next().expect("it has a path");
    for name in [
        format!("{link}"),
        format!("[{link}%eth0]"),
        format!("[{link}%eth0]:1900"),
        "fd77::1".to_owned(),
        format!("http://[{link}%eth0]:5000/{path}"),
        format!("http://[{link}%25eth0]:5000/{path}"),
        format!("http://[fd77::1]:5000/{path}"),
    ] {
        let status = tool.result(&format!("status --gateway {name}"));
        assert_eq!(status["connection_status"], "Connected", "{name}: {status}");
    }
    // What is asked for over IPv6 is asked for over IPv4 where it is about IPv4.
    let result = tool.result(&format!("map 8080 --detach --gateway {link}%eth0"));
    assert_eq!(result["mappings"][0]["internal_client"], "192.168.77.11", "{result}");
}
