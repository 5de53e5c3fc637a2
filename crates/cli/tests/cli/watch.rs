use std::process::Command;

use nix::sys::signal::Signal;
use portreeve_testkit::scripted::{Misbehaviour, PortMapping};
use portreeve_testkit::{Process, ScriptedGateway, TempDir, wait_until};
use serde_json::Value;

use crate::tool::{LIMIT, Tool, error, lines, portreeve};

fn watch(gateway: &ScriptedGateway, options: &str) -> String {
    format!("watch {options} --gateway {}", gateway.description_url())
}

/// The values of a variable that were told, in order.
fn values<'a>(lines: &'a [Value], variable: &str) -> Vec<&'a str> {
    let changes = lines.iter().filter(|line| line["event"] == "change");
    changes
        .filter(|line| line["variable"] == variable)
        .map(|line| line["value"].as_str().expect("values are texts"))
        .collect()
}

#[test]
fn changes_are_told_in_order_and_ctrl_c_unsubscribes() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let mut running = Tool::new(&watch(&gateway, "--json --service WANIPConnection")).start();
    running.sees("\"PortMappingNumberOfEntries\"");
    for port in 8001..=8003 {
        gateway.add_foreign_mapping(PortMapping::new("TCP", port, "192.168.77.9", 80));
        running.sees(&format!("\"value\":\"{}\"", port - 8000));
    }
    gateway.set_status("Disconnected", "ERROR_NO_CARRIER");
    running.sees("\"Disconnected\"");
    running.process.signal(Signal::SIGINT);
    let lines = lines(&running.process.wait(LIMIT));
    assert_eq!(values(&lines, "PortMappingNumberOfEntries"), ["0", "1", "2", "3"]);
    assert_eq!(values(&lines, "ConnectionStatus"), ["Connected", "Disconnected"]);
    assert_eq!(
        (&lines[0]["event"], &lines[0]["means"]),
        (&"means".into(), &"events".into())
    );
    assert!(
        lines
            .iter()
            .filter(|line| line["event"] == "change")
            .all(|line| line["learnt"] == "event")
    );
    assert_eq!(gateway.subscriptions(), 0);
}

#[test]
fn a_person_gets_a_line_for_each_and_is_told_why_there_are_no_events() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::RefusesSubscriptions("501 Not Implemented"))
        .start_on_loopback();
    let mut running = Tool::new(&watch(&gateway, "--interval 100ms --service WANIPConn1")).start();
    running.sees("11.11.11.2 (public)");
    gateway.set_external_address("");
    running.sees("ExternalIPAddress           none  (asked)");
    running.process.signal(Signal::SIGINT);
    let told = running.process.wait(LIMIT).success();
    let first = told.lines().next().unwrap();
    assert!(
        first.contains("the gateway is asked every 0.1 s: the gateway refuses to send events (HTTP status 501)"),
        "{told}"
    );
    assert!(
        told.lines().all(|line| line.as_bytes()[8] == b'Z'),
        "each line begins with the time: {told}"
    );
}

#[test]
fn a_service_that_is_not_there_is_a_mistake() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let error = error(&portreeve(&watch(&gateway, "--json --service Toaster")), 2);
    assert!(error["problem"].as_str().unwrap().contains("Toaster"), "{error}");
}

/// Runs the tool in a pipe that closes after the first line.
fn to_the_first_line(line: &str) {
    let home = TempDir::new();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{} {line} | head -1", env!("CARGO_BIN_EXE_portreeve"))])
        .env("XDG_CACHE_HOME", home.path());
    let finished = Process::start(shell, "").wait(LIMIT);
    assert_eq!(
        finished.stdout.lines().count(),
        1,
        "{}{}",
        finished.stdout,
        finished.stderr
    );
    assert_eq!(finished.stderr, "");
}

#[test]
fn what_goes_on_ends_when_nobody_reads_it_any_more() {
    let gateway = ScriptedGateway::builder().ipv6_firewall().start_on_loopback();
    to_the_first_line(&watch(&gateway, "--json"));
    assert_eq!(gateway.subscriptions(), 0);
    let url = gateway.description_url();
    to_the_first_line(&format!("status --watch --json --gateway {url}"));
    to_the_first_line(&format!("map 8080 --json --gateway {url}"));
    to_the_first_line(&format!(
        "pinhole add 8080 --client 2001:db8:77::2 --json --gateway {url}"
    ));
    let gone = wait_until(LIMIT, || gateway.mappings().is_empty() && gateway.subscriptions() == 0);
    assert!(gone, "{:?}", gateway.mappings());
}

#[test]
fn a_watched_status_looks_when_the_gateway_says_so() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = format!(
        "status --watch --interval 1h --json --gateway {}",
        gateway.description_url()
    );
    let mut running = Tool::new(&line).start();
    running.sees("\"11.11.11.2\"");
    assert!(wait_until(LIMIT, || gateway.subscriptions() > 0));
    gateway.set_external_address("11.11.11.9");
    running.sees("\"11.11.11.9\"");
    running.process.signal(Signal::SIGTERM);
    lines(&running.process.wait(LIMIT));
    assert_eq!(gateway.subscriptions(), 0);
}
