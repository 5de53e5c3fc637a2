//! What users of other gateways suffer from, each as a promise that this one keeps.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused, ssdp};
use portreeve_testkit::Echo;

use crate::support::{
    NONE, Talk, bed, closed_ports, external, fresh, is_served_by, port_of, served_tcp, served_udp, shared, state,
};

/// How many elements the kernel's maps hold for a TCP port.
fn elements(bed: &Bed, port: u16) -> usize {
    let listed = bed
        .gateway()
        .command("nft", ["list", "map", "inet", "portreeve", "any_host"])
        .success();
    listed.matches(&format!("tcp . {port} ")).count()
}

#[test]
fn renewing_a_mapping_five_hundred_times_leaves_one_entry_and_one_rule() {
    let Some(bed) = bed(&["limits.requests-per-second-per-client=100000"]) else {
        return;
    };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));
    let rules = |text: String| text.lines().filter(|line| !line.contains("expires")).count();
    let before = rules(crate::support::ruleset(&bed));
    for round in 0..500_u32 {
        client.add(&mapping.clone().lease(3000 + round)).expect("a renewal");
    }
    assert_eq!((client.number_of_entries(), elements(&bed, port)), (1, 1));
    assert_eq!(rules(crate::support::ruleset(&bed)), before);
    assert!(talk.is_alive());
}

#[test]
fn asking_for_any_port_again_gives_the_same_one() {
    let Some(bed) = bed(&[]) else { return };
    let (client, other) = (bed.client(1), bed.client(2));
    let taken = fresh(&bed, &other);
    other.add(&taken).expect("a free port");
    let wanted = PortMapping::new(&client, port_of(&taken));
    let first = client.add_any(&wanted).expect("another port");
    for _ in 0..5 {
        assert_eq!(client.add_any(&wanted).expect("a renewal"), first);
    }
}

#[test]
fn deleting_tcp_80_does_not_erase_800_8080_and_8081() {
    let Some(bed) = crate::support::bed_with_tables("[[rule]]\naction = \"allow\"\n") else {
        return;
    };
    let client = bed.client(1);
    let echo = Echo::tcp(client.host(), 0);
    let ports = [80, 800, 8080, 8081];
    for port in ports {
        client
            .add(&PortMapping::new(&client, port).to_port(echo.port()))
            .expect("a free port");
    }
    client.delete(&PortMapping::new(&client, 80)).expect("an own mapping");
    bed.subject().kill();
    bed.start();
    assert_eq!(closed_ports(&bed, &ports), [80]);
    assert_eq!(bed.client(1).number_of_entries(), 3);
}

#[test]
fn everything_about_a_mapping_survives_a_restart() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let text = "Ümläut & <tags> \"quotes\" ;:, 日本";
    let mapping = fresh(&bed, &client)
        .udp()
        .from_host("11.11.11.8")
        .to_port(4321)
        .described(text)
        .lease(1000);
    client.add(&mapping).expect("a free port");
    let disabled = PortMapping {
        enabled: String::from("0"),
        ..fresh(&bed, &client)
    };
    client.add(&disabled).expect("stored");
    let id = client.system_update_id();
    bed.subject().kill();
    bed.start();
    let client = bed.client(1);
    let entry = client.specific(&mapping).expect("it is kept with its RemoteHost");
    assert_eq!(entry.get("NewInternalPort"), "4321");
    assert_eq!(entry.get("NewInternalClient"), client.address());
    assert_eq!(entry.get("NewPortMappingDescription"), text);
    assert_eq!(entry.get("NewEnabled"), "1");
    let left = entry.number("NewLeaseDuration");
    assert!((980..=1000).contains(&left), "{left}");
    let any_host = PortMapping {
        remote_host: String::new(),
        ..mapping
    };
    refused(client.specific(&any_host), &[714]);
    assert_eq!(client.specific(&disabled).expect("it is kept").get("NewEnabled"), "0");
    assert!(
        client.system_update_id() >= id,
        "control points must not see an old number again"
    );
}

#[test]
fn a_restart_with_an_emptied_kernel_restores_every_mapping() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(client.host(), 8080);
    let ports: Vec<u16> = (20_000..20_100).collect();
    crate::support::add_all(&client, &ports, echo.port(), 3600);
    bed.subject().kill();
    // As after a reboot of the machine.
    bed.gateway()
        .command("nft", ["delete", "table", "inet", "portreeve"])
        .success();
    assert_eq!(closed_ports(&bed, &ports).len(), ports.len());
    bed.start();
    assert_eq!(closed_ports(&bed, &ports), NONE);
}

#[test]
fn a_range_delete_by_a_foreign_host_does_nothing() {
    let Some(bed) = bed(&[]) else { return };
    let (client, foreign) = (bed.client(1), bed.client(2));
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    let own = fresh(&bed, &foreign);
    foreign.add(&own).expect("a free port");
    for manage in ["0", "1"] {
        let _ = foreign.delete_range(1024, 65535, "TCP", manage);
    }
    refused(foreign.specific(&own), &[714]);
    client.specific(&mapping).expect("it is not theirs");
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
}

#[test]
fn a_disabled_mapping_is_listed_and_not_in_force() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let disabled = PortMapping {
        enabled: String::from("0"),
        ..mapping.clone()
    };
    let _echo = Echo::tcp(client.host(), port);
    client.add(&disabled).expect("a free port");
    assert_eq!(client.specific(&disabled).expect("it is listed").get("NewEnabled"), "0");
    assert_eq!(served_tcp(&bed, port), None);
    client.add(&mapping).expect("the same client");
    assert!(is_served_by(&bed, port, "lan1"));
    client.add(&disabled).expect("and off again");
    assert_eq!(served_tcp(&bed, port), None);
    let other = bed.client(2);
    refused(other.add(&mapping.to_client(&other.address())), &[718]);
}

#[test]
fn an_unknown_protocol_is_refused_and_opens_nothing() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echoes = (Echo::tcp(client.host(), port), Echo::udp(client.host(), port));
    for protocol in ["XYZ", "SCTP", "", "TCPUDP", "6"] {
        let wrong = PortMapping {
            protocol: protocol.to_owned(),
            ..mapping.clone()
        };
        refused(client.add(&wrong), &[601, 402]);
    }
    assert_eq!((served_tcp(&bed, port), served_udp(&bed, port)), (None, None));
}

#[test]
fn internal_port_0_is_732_for_both_ways_to_add() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).to_port(0);
    refused(client.add(&mapping), &[732]);
    refused(client.add_any(&mapping), &[732]);
}

/// Size and time of the last change of every file in the state directory.
fn stamps(bed: &Bed) -> BTreeMap<PathBuf, (u64, std::time::SystemTime)> {
    let entries = fs::read_dir(state(bed)).expect("there is a state directory");
    entries
        .map(|entry| {
            let entry = entry.expect("it is readable");
            let metadata = entry.metadata().expect("it is readable");
            (
                entry.path(),
                (metadata.len(), metadata.modified().expect("Linux knows the time")),
            )
        })
        .collect()
}

#[test]
fn answering_searches_and_reads_writes_nothing_to_the_disk() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    client.add(&mapping).expect("a free port");
    let before = stamps(&bed);
    assert!(!before.is_empty());
    let to = SocketAddr::from((bed.gateway().ipv4(), ssdp::PORT));
    let mut answers = 0;
    for _ in 0..200 {
        answers += usize::from(ssdp::ask_once(bed.lan_host(2), to, ssdp::IGD_1, Duration::from_millis(100)).is_some());
    }
    assert!(answers > 20, "only {answers} searches were answered");
    for _ in 0..50 {
        client.specific(&mapping).expect("an own mapping");
        let _ = client.delete(&PortMapping::new(&client, 60_000));
    }
    assert_eq!(stamps(&bed), before);
}

#[test]
fn renewals_do_not_flood_the_log() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    client.add(&mapping).expect("a free port");
    let before = bed.subject().log().lines().count();
    for _ in 0..50 {
        client.add(&mapping).expect("a renewal");
        client.specific(&mapping).expect("an own mapping");
    }
    let lines = bed.subject().log().lines().count() - before;
    assert!(lines <= 5, "{lines} lines for fifty renewals\n{}", bed.subject().log());
}

#[test]
fn a_hundred_mappings_are_listed_deleted_and_leave_no_rule() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let ports: Vec<u16> = (20_000..20_100).collect();
    let empty = crate::support::ruleset(&bed);
    crate::support::add_all(&client, &ports, 8080, 3600);
    let listing = client.list(1024, 65535, "TCP", "0", 0).expect("its own");
    assert_eq!(listing.matches("<p:PortMappingEntry>").count(), 100);
    client.delete_range(20_000, 20_099, "TCP", "0").expect("its own");
    assert_eq!(client.number_of_entries(), 0);
    assert_eq!(crate::support::ruleset(&bed), empty);
}

#[test]
fn a_runaway_client_is_stopped_at_its_quota_and_others_are_not() {
    let Some(bed) = bed(&["limits.requests-per-second-per-client=100000"]) else {
        return;
    };
    let (client, other) = (bed.client(1), bed.client(2));
    let granted = (30_000..30_300)
        .take_while(|port| client.add(&PortMapping::new(&client, *port)).is_ok())
        .count();
    assert_eq!(granted, 256, "the default quota");
    other.add(&fresh(&bed, &other)).expect("others are served");
}
