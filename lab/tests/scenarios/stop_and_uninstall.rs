//! What is left behind.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, ssdp};
use portreeve_testkit::{Echo, wait_until};

use crate::support::{Talk, control, external, fresh, idle, is_open, is_served_by, port_of, ruleset};

const THEIRS: &str =
    "table inet theirs { chain c { type filter hook input priority 0; policy accept; tcp dport 1 drop; }; }";

/// Starts over a foreign ruleset, which is returned, and maps a port for LAN host 1.
fn start_and_map(bed: &Bed) -> (String, PortMapping, Echo) {
    bed.gateway().nft(THEIRS);
    let before = ruleset(bed);
    bed.start();
    let client = bed.client(1);
    let mapping = fresh(bed, &client);
    let echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    client.add(&mapping.clone().udp()).expect("a free port");
    assert!(is_served_by(bed, port_of(&mapping), "lan1"));
    assert_ne!(ruleset(bed), before);
    (before, mapping, echo)
}

#[test]
fn uninstall_leaves_no_trace_after_a_stop() {
    let Some(bed) = idle(&[]) else { return };
    let (before, mapping, _echo) = start_and_map(&bed);
    let left = bed.subject().stop();
    assert!(left.status.success(), "{}\n{}{}", left.status, left.stdout, left.stderr);
    control(&bed, &["uninstall"]).success();
    assert_eq!(ruleset(&bed), before);
    assert!(!is_open(&bed, port_of(&mapping)));
    control(&bed, &["uninstall"]).success();
    assert_eq!(ruleset(&bed), before, "once more does nothing");
}

#[test]
fn uninstall_leaves_no_trace_after_a_kill() {
    let Some(bed) = idle(&[]) else { return };
    let (before, mapping, _echo) = start_and_map(&bed);
    bed.subject().kill();
    control(&bed, &["uninstall"]).success();
    assert_eq!(ruleset(&bed), before);
    assert!(!is_open(&bed, port_of(&mapping)));
}

#[test]
fn uninstall_finds_the_table_of_any_configuration() {
    let Some(bed) = idle(&["nftables.table=elsewhere", "nftables.own-table=false"]) else {
        return;
    };
    let (before, _mapping, _echo) = start_and_map(&bed);
    bed.subject().kill();
    control(&bed, &["uninstall", "--set", "nftables.table=elsewhere"]).success();
    assert_eq!(ruleset(&bed), before);
}

#[test]
fn while_the_daemon_runs_uninstall_breaks_nothing_silently() {
    let Some(bed) = idle(&[]) else { return };
    let (_, mapping, _echo) = start_and_map(&bed);
    let answer = control(&bed, &["uninstall"]);
    let told = answer.stdout + &answer.stderr;
    assert!(!answer.status.success(), "the table is in use: {told}");
    assert!(
        told.contains("stop") || told.contains("running"),
        "it says what to do: {told}"
    );
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
}

#[test]
fn sigterm_says_byebye_and_keeps_the_mappings_in_force() {
    let Some(bed) = idle(&[]) else { return };
    let (_, mapping, _echo) = start_and_map(&bed);
    let talk = Talk::open(bed.internet_host(1), external(&bed, port_of(&mapping)));
    let listener = ssdp::Listener::join(bed.lan_host(3));
    let left = bed.subject().stop();
    assert!(left.status.success(), "{}\n{}{}", left.status, left.stdout, left.stderr);
    let heard = listener.hear_until(Duration::from_secs(2), |heard| {
        heard.iter().any(|message| message.header("NTS") == "ssdp:byebye")
    });
    assert!(
        heard.iter().any(|message| message.header("NTS") == "ssdp:byebye"),
        "{heard:?}"
    );
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
    assert!(talk.is_alive());

    bed.start();
    bed.client(1).specific(&mapping).expect("the next daemon takes it over");
    assert!(talk.is_alive(), "taking it over cut a connection");
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
}

#[test]
fn stop_keeps_the_mappings_and_stop_with_flush_ends_them() {
    let Some(bed) = idle(&[]) else { return };
    let (_, mapping, _echo) = start_and_map(&bed);
    control(&bed, &["stop"]).success();
    assert!(wait_until(Duration::from_secs(5), || !bed.subject().is_running()));
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));

    bed.start();
    let talk = Talk::open(bed.internet_host(1), external(&bed, port_of(&mapping)));
    control(&bed, &["stop", "--flush"]).success();
    assert!(wait_until(Duration::from_secs(5), || !bed.subject().is_running()));
    assert!(!is_open(&bed, port_of(&mapping)), "flushed");
    assert!(
        wait_until(Duration::from_secs(5), || !talk.is_alive()),
        "its connections end"
    );
    bed.start();
    assert_eq!(bed.client(1).number_of_entries(), 0, "and the store forgot");
}

#[test]
fn revoke_ends_what_it_names_and_nothing_else() {
    let Some(bed) = idle(&[]) else { return };
    let (_, mapping, _echo) = start_and_map(&bed);
    let client = bed.client(1);
    let other = fresh(&bed, &client);
    let _other_echo = Echo::tcp(client.host(), port_of(&other));
    client.add(&other).expect("a free port");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port_of(&mapping)));
    let which = format!("{}/tcp", mapping.external_port);
    control(&bed, &["revoke", &which]).success();
    assert!(!is_open(&bed, port_of(&mapping)));
    assert!(wait_until(Duration::from_secs(5), || !talk.is_alive()));
    client
        .specific(&mapping.clone().udp())
        .expect("the UDP mapping of the port stays");
    assert!(is_served_by(&bed, port_of(&other), "lan1"));
    assert!(
        !control(&bed, &["revoke", &which]).status.success(),
        "there is no such mapping any more"
    );
    control(&bed, &["revoke", "--client", &client.address()]).success();
    assert_eq!(client.number_of_entries(), 0);
}
