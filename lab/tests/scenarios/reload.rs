//! A changed configuration, taken into use under live mappings.

use std::fs;

use nix::sys::signal::Signal;
use portreeve_lab::Bed;
use portreeve_lab::upnp::refused;
use portreeve_testkit::Echo;

use crate::support::{
    Talk, append_configuration, bed_with_tables, configuration, control, edit_configuration, external, fresh,
    is_served_by, port_of, soon,
};

const LIMITS: &str = "[limits]\nmappings-per-client = 2\n";

/// Makes the new settings take effect in one of the two ways.
#[track_caller]
fn reload(bed: &Bed, how: How) {
    match how {
        How::Signal => bed.subject().signal(Signal::SIGHUP),
        How::Command => {
            control(bed, &["reload"]).success();
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum How {
    Signal,
    Command,
}

#[track_caller]
fn a_change_takes_effect_and_mappings_stay(how: How) {
    let Some(bed) = bed_with_tables(LIMITS) else { return };
    let client = bed.client(1);
    let (first, second, third) = (fresh(&bed, &client), fresh(&bed, &client), fresh(&bed, &client));
    let port = port_of(&first);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&first).expect("the first of two");
    client.add(&second).expect("the second of two");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));
    refused(client.add(&third), &[728]);

    edit_configuration(&bed, "mappings-per-client = 2", "mappings-per-client = 3");
    reload(&bed, how);
    soon(&bed, "the third is allowed", || client.add(&third).is_ok());
    assert!(talk.is_alive(), "the reload cut a connection");
    assert!(is_served_by(&bed, port, "lan1"));
    client.specific(&second).expect("mappings stay");
}

#[test]
fn sighup_takes_a_change_into_use_and_keeps_the_mappings() {
    a_change_takes_effect_and_mappings_stay(How::Signal);
}

#[test]
fn the_reload_command_takes_a_change_into_use_and_keeps_the_mappings() {
    a_change_takes_effect_and_mappings_stay(How::Command);
}

#[test]
fn a_new_rule_counts_for_what_is_asked_next() {
    let Some(bed) = bed_with_tables("") else { return };
    let client = bed.client(1);
    let before = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&before));
    client.add(&before).expect("anybody may, by default");
    append_configuration(
        &bed,
        "[[rule]]\naction = \"deny\"\nclient = \"192.168.77.11\"\n[[rule]]\naction = \"allow\"\n",
    );
    reload(&bed, How::Command);
    refused(client.add(&fresh(&bed, &client)), &[606]);
    let other = bed.client(2);
    other.add(&fresh(&bed, &other)).expect("the rule is about lan1");
    assert!(
        is_served_by(&bed, port_of(&before), "lan1"),
        "what was granted stays until its lease ends"
    );
}

#[test]
fn a_static_mapping_comes_and_goes_with_a_reload() {
    let Some(bed) = bed_with_tables("") else { return };
    let _echo = Echo::tcp(bed.lan_host(2), 8443);
    let table =
        "[[static]]\nexternal-port = 443\nprotocol = \"tcp\"\nclient = \"192.168.77.12\"\ninternal-port = 8443\n";
    append_configuration(&bed, table);
    reload(&bed, How::Command);
    soon(&bed, "it forwards", || is_served_by(&bed, 443, "lan2"));
    edit_configuration(&bed, table, "");
    reload(&bed, How::Command);
    soon(&bed, "it is gone", || !is_served_by(&bed, 443, "lan2"));
}

#[track_caller]
fn a_bad_file_is_refused(how: How) {
    let Some(bed) = bed_with_tables(LIMITS) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("the first of two");
    // A good change beside the bad one: all or nothing.
    edit_configuration(&bed, "mappings-per-client = 2", "mappings-per-client = 9\nmapings = 7");
    let path = configuration(&bed);
    let text = fs::read_to_string(&path).expect("it has just been written");
    let line = 1 + text
        .lines()
        .position(|line| line == "mapings = 7")
        .expect("it has just been written");
    let place = format!("{}:{line}", path.display());
    match how {
        How::Signal => {
            bed.subject().signal(Signal::SIGHUP);
            soon(&bed, "the log names file, line and key", || {
                let log = bed.subject().log();
                log.contains(&place) && log.contains("limits.mapings")
            });
        }
        How::Command => {
            let refusal = control(&bed, &["reload", "--socket", &socket(&bed)]);
            assert!(!refusal.status.success());
            let told = refusal.stdout + &refusal.stderr;
            assert!(told.contains(&place) && told.contains("limits.mapings"), "{told}");
        }
    }
    client.add(&fresh(&bed, &client)).expect("the second of two");
    refused(client.add(&fresh(&bed, &client)), &[728]);
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
    assert!(bed.subject().is_running());
}

/// The control socket: with a bad file the command cannot read its place there.
fn socket(bed: &Bed) -> String {
    bed.subject().directory().join("control.sock").display().to_string()
}

#[test]
fn sighup_with_a_bad_file_names_the_place_and_changes_nothing() {
    a_bad_file_is_refused(How::Signal);
}

#[test]
fn the_reload_command_with_a_bad_file_names_the_place_and_changes_nothing() {
    a_bad_file_is_refused(How::Command);
}

#[test]
fn what_needs_a_restart_is_said() {
    let Some(bed) = bed_with_tables("[nftables]\ncut-connections = true\n") else {
        return;
    };
    edit_configuration(&bed, "cut-connections = true", "cut-connections = false");
    let answer = control(&bed, &["reload"]);
    let told = answer.stdout + &answer.stderr + &bed.subject().log();
    assert!(
        told.contains("nftables.cut-connections") && told.contains("restart"),
        "{told}"
    );
}
