use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, IgdVersion, Misbehaviour, On, PortMapping};
use portreeve_testkit::{TempDir, wait_until};

use crate::tool::{LIMIT, Tool, error, lines, portreeve, result, status};

fn map(gateway: &ScriptedGateway, rest: &str) -> String {
    format!("map {rest} --gateway {}", gateway.description_url())
}

#[test]
fn a_mapping_is_kept_until_ctrl_c_and_then_removed() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let gateway = ScriptedGateway::builder().start_on_loopback();
        let mut running = Tool::new(&map(&gateway, "8080 --external 18080 --description web")).start();
        running.sees("TCP 11.11.11.2:18080 -> 127.0.0.1:8080, verified, renewed every 30 min; Ctrl-C removes it\n");
        let mapping = &gateway.mappings()[0];
        assert_eq!((mapping.external_port, mapping.internal_port), (18080, 8080));
        assert_eq!((mapping.description.as_str(), mapping.lease), ("web", 3600));
        running.process.signal(signal);
        let finished = running.process.wait(LIMIT);
        assert_eq!(status(&finished), 0, "{}", finished.stderr);
        assert!(
            finished
                .stdout
                .ends_with("removed TCP 11.11.11.2:18080 -> 127.0.0.1:8080\n"),
            "{}",
            finished.stdout
        );
        assert!(gateway.mappings().is_empty());
    }
}

#[test]
fn scripts_are_told_the_same_line_by_line() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let mut running = Tool::new(&map(&gateway, "8080 --protocol both --json")).start();
    running.sees("\"UDP\"");
    running.process.signal(Signal::SIGINT);
    let finished = running.process.wait(LIMIT);
    let lines = lines(&finished);
    assert_eq!(lines[0]["event"], "mapped");
    assert_eq!(lines[0]["mapping"]["protocol"], "TCP");
    assert_eq!(lines[0]["mapping"]["verified"], true);
    assert_eq!(lines[0]["renewal_seconds"], 1800);
    assert_eq!(lines[1]["mapping"]["protocol"], "UDP");
    assert_eq!(lines[2]["result"]["ending"], "removed");
    assert_eq!(lines[2]["result"]["mappings"].as_array().unwrap().len(), 2);
    assert!(gateway.mappings().is_empty());
}

#[test]
fn detached_it_stays_for_its_lease() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let told = portreeve(&map(&gateway, "8080 --detach --lease 2h")).success();
    assert!(
        told.starts_with("TCP 11.11.11.2:8080 -> 127.0.0.1:8080, verified; it ends in "),
        "{told}"
    );
    assert_eq!(gateway.mappings()[0].lease, 7200);
    let result = result(&portreeve(&map(&gateway, "8081 --detach --protocol both --json")));
    assert_eq!(result["ending"], "left");
    assert_eq!(gateway.mappings().len(), 3);
}

#[test]
fn a_port_that_is_taken_is_refused_if_it_was_asked_for_and_replaced_if_not() {
    let gateway = ScriptedGateway::builder()
        .mapping(PortMapping::new("TCP", 8080, "192.168.77.99", 8080))
        .start_on_loopback();
    let failure = error(&portreeve(&map(&gateway, "8080 --external 8080 --detach --json")), 1);
    assert!(
        failure["upnp"]["code"].is_u64() || failure["code"].is_string(),
        "{failure}"
    );
    let told = portreeve(&map(&gateway, "8080 --detach")).success();
    assert!(told.contains("note: "), "{told}");
    assert!(told.contains("8080 could not be had"), "{told}");
    assert_eq!(gateway.mappings().len(), 2);
    assert!(
        gateway
            .mappings()
            .iter()
            .any(|mapping| mapping.internal_client == "192.168.77.99")
    );
}

#[test]
fn any_port_is_the_gateways_choice() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let result = result(&portreeve(&map(&gateway, "8080 --any --detach --json")));
    let mapping = &result["mappings"][0];
    assert_eq!(mapping["external_port"], gateway.mappings()[0].external_port);
    assert_eq!(mapping["internal_port"], 8080);
}

#[test]
fn a_gateway_that_keeps_mappings_for_ever_says_how_to_remove_them() {
    let gateway = ScriptedGateway::builder()
        .igd(IgdVersion::V1)
        .misbehave(Misbehaviour::OnlyPermanentLeases)
        .start_on_loopback();
    let told = portreeve(&map(&gateway, "8080 --detach")).success();
    assert!(told.contains("it stays until `portreeve unmap 8080`"), "{told}");
    let result = result(&portreeve(&map(&gateway, "8081 --detach --json")));
    assert!(result["mappings"][0]["lease_seconds"].is_null(), "{result}");
    assert_eq!(result["mappings"][0]["notes"][0]["code"], "permanent-only");
}

#[test]
fn a_refusal_ends_with_1_and_the_gateways_own_words() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::NotAuthorized)
        .start_on_loopback();
    let failure = error(&portreeve(&map(&gateway, "8080 --external 8080 --json")), 1);
    assert_eq!(failure["upnp"]["code"], 606, "{failure}");
    let finished = portreeve(&map(&gateway, "8080 --external 8080"));
    assert_eq!((status(&finished), finished.stdout.as_str()), (1, ""));
    assert!(
        finished.stderr.lines().count() >= 2,
        "a problem and a remedy: {}",
        finished.stderr
    );
    assert!(gateway.mappings().is_empty());
}

#[test]
fn ctrl_c_ends_the_search_too() {
    let silent = ScriptedGateway::builder()
        .misbehave(Misbehaviour::SearchUnanswered)
        .start_on_loopback();
    for command in ["map 8080", "stability"] {
        silent.forget_requests();
        let started = Instant::now();
        let line = format!("{command} --timeout 30s --json --gateway {}", silent.address());
        let running = Tool::new(&line).start();
        assert!(wait_until(LIMIT, || !silent.searches().is_empty()), "{command}");
        running.process.signal(Signal::SIGINT);
        running.process.wait(LIMIT);
        assert!(started.elapsed() < Duration::from_secs(20), "{command} has searched on");
    }
}

#[test]
fn behind_another_nat_it_ends_with_4_unless_told_to_go_on() {
    let gateway = ScriptedGateway::builder()
        .connection(Connection::ip("192.168.1.7"))
        .start_on_loopback();
    let failure = error(&portreeve(&map(&gateway, "8080 --detach --json")), 4);
    assert_eq!(failure["code"], "double-nat");
    assert!(gateway.calls("AddPortMapping").is_empty() && gateway.calls("AddAnyPortMapping").is_empty());
    let remedy = failure["remedy"].as_str().unwrap();
    assert!(remedy.contains("`--despite-status`"), "{remedy}");
    let told = portreeve(&map(&gateway, "8080 --detach --despite-status")).success();
    assert!(told.starts_with("TCP 192.168.1.7:8080 -> 127.0.0.1:8080"), "{told}");
}

#[test]
fn a_gateway_that_says_yes_and_does_nothing_is_found_out() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::SilentSuccess)
        .start_on_loopback();
    let failure = error(&portreeve(&map(&gateway, "8080 --detach --json")), 1);
    assert_eq!(failure["code"], "silent-success");
}

#[test]
fn what_is_lost_is_told_and_restored() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let mut running = Tool::new(&map(&gateway, "8080 --lease 2s --json -v")).start();
    running.sees("\"mapped\"");
    running.sees("\"renewed\"");
    gateway.go_silent();
    running.sees("\"unconfirmed\"");
    running.sees("\"lost\"");
    gateway.come_back();
    running.sees("\"restored\"");
    assert_eq!(gateway.mappings().len(), 1);
    running.process.signal(Signal::SIGINT);
    lines(&running.process.wait(LIMIT));
    assert!(gateway.mappings().is_empty());
}

#[test]
fn ctrl_c_while_the_gateway_is_still_thinking_leaves_nothing_behind() {
    let thinks = Duration::from_millis(700);
    let gateway = ScriptedGateway::builder()
        .igd(IgdVersion::V1)
        .misbehave(Misbehaviour::Slow(On::Action("AddPortMapping"), thinks))
        .start_on_loopback();
    let running = Tool::new(&map(&gateway, "8080")).start();
    assert!(wait_until(LIMIT, || !gateway.calls("AddPortMapping").is_empty()));
    running.process.signal(Signal::SIGINT);
    let finished = running.process.wait(LIMIT);
    assert_eq!(status(&finished), 0, "{}", finished.stderr);
    std::thread::sleep(thinks);
    assert!(gateway.mappings().is_empty(), "{}", finished.stdout);
}

#[test]
fn when_nobody_reads_any_more_the_mapping_is_removed() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let home = TempDir::new();
    let line = format!(
        "{} {} | head -n 1",
        env!("CARGO_BIN_EXE_portreeve"),
        map(&gateway, "8080 --lease 2s -v")
    );
    let pipe = Command::new("bash")
        .args(["-c", &format!("set -o pipefail; {line}")])
        .env("XDG_CACHE_HOME", home.path())
        .output()
        .unwrap();
    assert!(pipe.status.success(), "{pipe:?}");
    let complaints = String::from_utf8_lossy(&pipe.stderr);
    assert!(!complaints.contains("portreeve: "), "{complaints}");
    assert!(wait_until(LIMIT, || gateway.mappings().is_empty()));
}

#[test]
fn a_gateway_that_is_gone_does_not_hold_up_ctrl_c() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let mut running = Tool::new(&map(&gateway, "8080")).start();
    running.sees("Ctrl-C removes it");
    gateway.go_silent();
    running.process.signal(Signal::SIGINT);
    let finished = running.process.wait(LIMIT);
    assert_eq!(status(&finished), 0);
    assert!(finished.stdout.contains("not removed: TCP"), "{}", finished.stdout);
}
