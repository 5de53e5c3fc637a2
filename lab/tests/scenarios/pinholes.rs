//! Openings in the IPv6 firewall through the daemon's life: killed, started again, stopped, looked at by the
//! administrator.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::{Ipv6Firewall, Kind, Settings};
use portreeve_lab::upnp::{ControlPoint, Pinhole, refused};
use portreeve_testkit::{Echo, reach_tcp, reach_udp, wait_until};
use serde_json::{Value, json};

use crate::support::{SOON, Talk, append_configuration, bed, control, soon};

/// A bed with a firewall for IPv6.
fn firewalled() -> Option<Bed> {
    let settings = Settings {
        ipv6_firewall: Ipv6Firewall::On,
        ..Settings::default()
    };
    (Kind::from_environment() == Kind::Portreeved).then(|| Bed::own(&settings))?
}

fn at(client: &ControlPoint<'_>, port: u16) -> SocketAddr {
    SocketAddr::from((client.host().ipv6(), port))
}

fn is_open(bed: &Bed, to: SocketAddr) -> bool {
    reach_tcp(bed.internet_host(1), to).is_ok()
}

fn listed(bed: &Bed) -> Vec<Value> {
    let text = control(bed, &["mappings", "--json"]).success();
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_pinhole_ends_with_its_lease_and_its_connections_too_while_the_daemon_is_dead() {
    let Some(bed) = firewalled() else { return };
    let client = bed.client_ipv6(1);
    let server = Echo::tcp(client.host(), bed.port());
    let to = at(&client, server.port());
    let pinhole = Pinhole::new(&client, server.port()).lease(4);
    client.open(&pinhole).expect("an own pinhole");
    let talk = Talk::open(bed.internet_host(1), to);
    bed.subject().kill();
    assert!(talk.is_alive() && is_open(&bed, to), "the kernel holds it");
    let closed = wait_until(Duration::from_secs(10), || !is_open(&bed, to));
    assert!(closed, "it is open beyond its lease");
    assert!(!talk.is_alive(), "its connections end with it");
    bed.start();
    assert_eq!(listed(&bed), Vec::<Value>::new());
}

#[test]
fn a_restart_keeps_pinholes_their_names_and_their_connections() {
    let Some(bed) = firewalled() else { return };
    let client = bed.client_ipv6(1);
    let server = Echo::tcp(client.host(), bed.port());
    let to = at(&client, server.port());
    let pinhole = Pinhole::new(&client, server.port());
    let id = client.open(&pinhole).expect("an own pinhole");
    let gone = client.open(&pinhole.clone().udp()).expect("another one");
    client.call_pinhole("DeletePinhole", gone).expect("an own pinhole");
    let talk = Talk::open(bed.internet_host(1), to);
    let packets = |client: &ControlPoint<'_>| {
        let answer = client.call_pinhole("GetPinholePackets", id);
        answer.expect("an own pinhole").number("PinholePackets")
    };
    let before = packets(&client);
    bed.subject().kill();
    bed.start();
    let client = bed.client_ipv6(1);
    assert!(talk.is_alive() && is_open(&bed, to));
    assert!(packets(&client) > before, "the count goes on");
    assert_eq!(client.open(&pinhole), Ok(id));
    let next = client.open(&pinhole.clone().udp()).expect("another one");
    assert!(next > gone, "{next} may be taken for the one that was {gone}");
}

#[test]
fn the_administrator_sees_pinholes_and_ends_them() {
    let Some(bed) = firewalled() else { return };
    let client = bed.client_ipv6(1);
    let server = Echo::tcp(client.host(), bed.port());
    let to = at(&client, server.port());
    let id = client
        .open(&Pinhole::new(&client, server.port()))
        .expect("an own pinhole");
    let other = client.open(&Pinhole::new(&client, bed.port())).expect("another one");
    let [first, _] = &listed(&bed)[..] else {
        panic!("{:?}", listed(&bed))
    };
    let address = client.host().ipv6().to_string();
    assert_eq!(
        (&first["kind"], &first["unique-id"], &first["internal-client"]),
        (&json!("pinhole"), &json!(id), &json!(address))
    );
    let status: Value = serde_json::from_str(&control(&bed, &["status", "--json"]).success()).expect("JSON");
    assert_eq!(status["pinholes"]["count"], 2);
    let clients = control(&bed, &["clients"]).success();
    assert!(clients.contains(&address), "{clients}");
    assert!(bed.subject().wait_for_log("opened", SOON), "{}", bed.subject().log());

    let talk = Talk::open(bed.internet_host(1), to);
    let removed = control(&bed, &["revoke", "--pinhole", &id.to_string()]).success();
    assert!(removed.starts_with("removed 1 pinhole\n"), "{removed}");
    assert!(!is_open(&bed, to));
    soon(&bed, "its connection ends", || !talk.is_alive());
    refused(client.prolong(id, 60), &[704]);
    client.prolong(other, 60).expect("the other one stays");
    control(&bed, &["revoke", "--client", &address]).success();
    assert_eq!(listed(&bed), Vec::<Value>::new());
}

#[test]
fn stop_with_flush_closes_pinholes() {
    let Some(bed) = firewalled() else { return };
    let client = bed.client_ipv6(1);
    let server = Echo::udp(client.host(), bed.port());
    client
        .open(&Pinhole::new(&client, server.port()).udp())
        .expect("an own pinhole");
    let is_open = || reach_udp(bed.internet_host(1), at(&client, server.port())).is_ok();
    assert!(is_open());
    control(&bed, &["stop", "--flush"]).success();
    assert!(wait_until(SOON, || !bed.subject().is_running()));
    assert!(!is_open());
    bed.start();
    assert_eq!(listed(&bed), Vec::<Value>::new());
}

#[test]
fn rules_and_quotas_hold_for_pinholes() {
    let Some(bed) = firewalled() else { return };
    append_configuration(
        &bed,
        "[limits]\npinholes-per-client = 1\n\
         [[rule]]\naction = \"allow\"\nclient = \"fd77::/64\"\nexternal-ports = \"80\"\ninternal-ports = \"80\"\n",
    );
    control(&bed, &["reload"]).success();
    let client = bed.client_ipv6(1);
    refused(client.open(&Pinhole::new(&client, 8080)), &[606]);
    client.open(&Pinhole::new(&client, 80)).expect("the rule allows it");
    refused(client.open(&Pinhole::new(&client, 80).udp()), &[701]);
}

#[test]
fn where_there_is_no_firewall_pinholes_are_702_and_with_the_relay_703() {
    for (setting, code) in [("ipv6.firewall=none", 702), ("gateway.backend=relay", 703)] {
        let Some(bed) = bed(&[setting]) else { return };
        let client = bed.client_ipv6(1);
        let status = client.call_firewall("GetFirewallStatus", &[]).expect("it always works");
        assert_eq!(status.get("FirewallEnabled"), if code == 702 { "0" } else { "1" });
        refused(client.open(&Pinhole::new(&client, bed.port())), &[code]);
        refused(client.call_pinhole("DeletePinhole", 1), &[code]);
        refused(client.call_pinhole("CheckPinholeWorking", 1), &[code]);
    }
}
