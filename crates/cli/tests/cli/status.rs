use nix::sys::signal::Signal;
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, Misbehaviour, Nat, On};

use crate::tool::{LIMIT, Tool, lines, portreeve, result, status};

#[test]
fn a_connection_that_is_up_is_told_in_words() {
    let gateway = ScriptedGateway::builder()
        .friendly_name("Lab router")
        .start_on_loopback();
    gateway.advance(std::time::Duration::from_secs(273_600));
    let told = portreeve(&format!("status --gateway {}", gateway.description_url())).success();
    for words in [
        &format!("Gateway     Lab router at {}\n", gateway.address()),
        "Connection  Connected for 3 days 4 h\n",
        "Address     11.11.11.2 (public)\n",
        "NAT         on\n",
        "Verdict     ready to map ports\n",
    ] {
        assert!(told.contains(words), "{words:?} is missing:\n{told}");
    }
}

#[test]
fn what_makes_a_connection_useless_is_told_with_a_remedy() {
    for (connection, code) in [
        (Connection::ip("192.168.1.7"), "double-nat"),
        (Connection::ip("100.64.3.4"), "carrier-grade-nat"),
        (Connection::ip("11.11.11.2").nat(Nat::Off), "nat-off"),
    ] {
        let gateway = ScriptedGateway::builder().connection(connection).start_on_loopback();
        let line = format!("status --gateway {}", gateway.description_url());
        let told = portreeve(&line).success();
        assert!(!told.contains("ready to map"), "{told}");
        let result = result(&portreeve(&format!("{line} --json")));
        assert_eq!(result["unusable"]["code"], code, "{result}");
        let remedy = result["unusable"]["remedy"].as_str().unwrap();
        let first = remedy.split_whitespace().next().unwrap();
        assert!(told.contains(first), "{told}");
    }
}

#[test]
fn a_watch_streams_what_changes_and_ends_with_the_last_look() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = format!(
        "status --watch --interval 50ms --json --gateway {}",
        gateway.description_url()
    );
    let mut running = Tool::new(&line).start();
    running.sees("\"Connected\"");
    gateway.set_status("Disconnected", "ERROR_NO_CARRIER");
    running.sees("\"Disconnected\"");
    running.process.signal(Signal::SIGINT);
    let finished = running.process.wait(LIMIT);
    let lines = lines(&finished);
    let events = lines.iter().filter(|line| line["event"] == "status").count();
    assert_eq!(events, 2, "uptime alone is no news: {}", finished.stdout);
    assert_eq!(lines[2]["result"]["connection_status"], "Disconnected");
}

#[test]
fn a_watch_outlives_a_gateway_that_is_away() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = format!(
        "status --watch --interval 50ms --timeout 300ms --json --gateway {}",
        gateway.description_url()
    );
    let mut running = Tool::new(&line).start();
    running.sees("\"Connected\"");
    gateway.go_silent();
    running.sees("\"event\":\"unreachable\"");
    gateway.resume();
    let back = portreeve_testkit::wait_until(LIMIT, || {
        running.process.stdout().matches("\"event\":\"status\"").count() == 2
    });
    assert!(back, "{}", running.process.stdout());
    running.process.signal(Signal::SIGTERM);
    lines(&running.process.wait(LIMIT));
}

#[test]
fn a_gateway_that_does_not_answer_is_given_up_in_time() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::NeverAnswers(On::Action("GetStatusInfo")))
        .start_on_loopback();
    let line = format!("status --timeout 300ms --gateway {}", gateway.description_url());
    let finished = portreeve(&line);
    assert_ne!(status(&finished), 0);
    assert!(finished.stderr.starts_with("portreeve: "), "{}", finished.stderr);
}
