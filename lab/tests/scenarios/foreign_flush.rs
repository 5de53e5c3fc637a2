//! Somebody else flushes or changes the ruleset under live mappings.

use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_testkit::Echo;

use crate::support::{NO_LIMITS, NONE, SOON, Talk, add_all, bed, closed_ports, external, is_open, soon};

/// Within this the table is as it was.
const REPAIR: Duration = Duration::from_secs(1);

fn shared_table() -> Vec<&'static str> {
    [&NO_LIMITS[..], &["nftables.own-table=false"]].concat()
}

/// Runs nft in the gateway; whether it succeeded.
fn nft(bed: &Bed, arguments: &str) -> bool {
    bed.gateway()
        .command("nft", arguments.split_whitespace())
        .status
        .success()
}

/// Adds these mappings to an echo server on LAN host 1.
fn map(bed: &Bed, ports: &[u16]) -> Echo {
    let client = bed.client(1);
    let echo = Echo::tcp(client.host(), 8080);
    add_all(&client, ports, 8080, 3600);
    assert_eq!(closed_ports(bed, ports), NONE);
    echo
}

/// Lets somebody change the ruleset and checks that a second later all is as it was, and that the log tells.
#[track_caller]
fn is_repaired(bed: &Bed, ports: &[u16], change: &str) {
    let changed = Instant::now();
    assert!(nft(bed, change), "{change}");
    thread::sleep(REPAIR.saturating_sub(changed.elapsed()));
    assert_eq!(
        closed_ports(bed, ports),
        NONE,
        "a second after `nft {change}`\n{}",
        bed.subject().log()
    );
    assert!(bed.subject().wait_for_log("repaired", SOON), "{}", bed.subject().log());
}

#[test]
fn an_owned_table_loses_nothing_to_a_flush_under_a_thousand_mappings() {
    let Some(bed) = bed(&NO_LIMITS) else { return };
    let ports: Vec<u16> = (20_000..21_000).collect();
    let _echo = map(&bed, &ports);
    let talk = Talk::open(bed.internet_host(1), external(&bed, ports[0]));
    assert!(nft(&bed, "flush ruleset"), "the flush itself works");
    assert_eq!(closed_ports(&bed, &ports), NONE);
    assert!(talk.is_alive());
}

#[test]
fn an_owned_table_cannot_be_deleted_by_others() {
    let Some(bed) = bed(&[]) else { return };
    let _echo = map(&bed, &[20_000]);
    assert!(!nft(&bed, "delete table inet portreeve"), "it belongs to the daemon");
    assert!(!nft(&bed, "flush table inet portreeve"));
    assert!(!nft(&bed, "delete element inet portreeve any_host { tcp . 20000 }"));
    assert!(is_open(&bed, 20_000));
}

#[test]
fn a_shared_table_is_whole_again_a_second_after_a_flush_under_a_thousand_mappings() {
    let Some(bed) = bed(&shared_table()) else { return };
    let ports: Vec<u16> = (20_000..21_000).collect();
    let _echo = map(&bed, &ports);
    is_repaired(&bed, &ports, "flush ruleset");
}

#[test]
fn a_shared_table_that_is_deleted_comes_back() {
    let Some(bed) = bed(&shared_table()) else { return };
    let ports: Vec<u16> = (20_000..20_050).collect();
    let _echo = map(&bed, &ports);
    is_repaired(&bed, &ports, "delete table inet portreeve");
}

#[test]
fn an_element_that_is_deleted_by_hand_comes_back() {
    let Some(bed) = bed(&shared_table()) else { return };
    let ports: Vec<u16> = (20_000..20_050).collect();
    let _echo = map(&bed, &ports);
    is_repaired(&bed, &ports, "delete element inet portreeve any_host { tcp . 20007 }");
}

#[test]
fn rules_that_are_flushed_and_chains_that_persist_come_back_too() {
    let Some(bed) = bed(&shared_table()) else { return };
    let ports: Vec<u16> = (20_000..20_050).collect();
    let _echo = map(&bed, &ports);
    is_repaired(&bed, &ports, "flush table inet portreeve");
}

#[test]
fn an_element_that_is_added_by_hand_goes_away() {
    let Some(bed) = bed(&shared_table()) else { return };
    let _echo = map(&bed, &[20_000]);
    assert!(nft(
        &bed,
        "add element inet portreeve any_host { tcp . 20001 timeout 1h : 192.168.77.11 . 8080 }"
    ));
    soon(&bed, "what nobody asked for is not in force", || !is_open(&bed, 20_001));
    assert!(is_open(&bed, 20_000));
}

#[test]
fn firewall_reloads_in_a_row_leave_a_whole_table() {
    let Some(bed) = bed(&shared_table()) else { return };
    let ports: Vec<u16> = (20_000..20_200).collect();
    let _echo = map(&bed, &ports);
    for _ in 0..20 {
        assert!(nft(&bed, "flush ruleset"));
        bed.gateway()
            .nft("table inet theirs { chain c { type filter hook input priority 0; }; }");
    }
    thread::sleep(REPAIR);
    assert_eq!(closed_ports(&bed, &ports), NONE, "{}", bed.subject().log());
}
