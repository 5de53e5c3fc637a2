use std::net::TcpListener;

use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, Misbehaviour};

use crate::tool::{Tool, error, lines, portreeve, result, status};

fn doctor(gateway: &ScriptedGateway, rest: &str) -> String {
    format!("doctor {rest} --gateway {}", gateway.description_url())
}

#[test]
fn a_healthy_way_is_ticked_off_and_nothing_is_left_behind() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let program = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = program.local_addr().unwrap().port();
    for port in [String::new(), port.to_string()] {
        let finished = portreeve(&doctor(&gateway, &port));
        assert_eq!(status(&finished), 0, "{}{}", finished.stdout, finished.stderr);
        let told = finished.stdout;
        assert!(told.contains('✓') && !told.contains('✗'), "{told}");
        let result = result(&portreeve(&doctor(&gateway, &format!("{port} --json"))));
        assert!(told.contains(result["verdict"].as_str().unwrap()), "{told}");
    }
    assert!(gateway.mappings().is_empty(), "the trial is removed");
}

#[test]
fn a_port_on_which_nothing_listens_is_the_fault_of_this_machine() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let program = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = program.local_addr().unwrap().port();
    drop(program);
    let failure = error(&portreeve(&doctor(&gateway, &format!("{port} --json"))), 1);
    assert_eq!(failure["code"], "nothing-listens");
}

#[test]
fn what_makes_no_sense_without_a_gateway_is_told_in_one_line() {
    let line = "doctor --timeout 300ms --gateway 127.77.77.76";
    let finished = portreeve(line);
    assert_eq!(status(&finished), 3, "{}", finished.stderr);
    let skipped = "– Connection, Address translation, External address, PCP and NAT-PMP, Seen from outside, IPv6 firewall, Trial mapping, \
                   Read-back, Through and back, Tidying up: Without a gateway there is nothing to ask.\n";
    assert!(finished.stdout.contains(skipped), "{}", finished.stdout);
    let finished = portreeve(&format!("{line} --json"));
    let steps = lines(&finished).iter().filter(|line| line["event"] == "step").count();
    assert_eq!(steps, 17, "scripts get each");
}

#[test]
fn signs_are_ascii_where_the_locale_is() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let finished = Tool::new(&doctor(&gateway, "")).env("LC_ALL", "C").run();
    assert!(finished.stdout.contains("ok "), "{}", finished.stdout);
    assert!(finished.stdout.is_ascii(), "{}", finished.stdout);
}

#[test]
fn the_diagnosis_is_the_exit_status_and_the_error() {
    for (connection, misbehaviour, expected, code) in [
        (Connection::ip("192.168.1.7"), None, 4, "double-nat"),
        (Connection::ip("100.64.3.4"), None, 4, "carrier-grade-nat"),
        (
            Connection::ip("11.11.11.2"),
            Some(Misbehaviour::SilentSuccess),
            1,
            "silent-success",
        ),
    ] {
        let mut builder = ScriptedGateway::builder().connection(connection);
        if let Some(misbehaviour) = misbehaviour {
            builder = builder.misbehave(misbehaviour);
        }
        let gateway = builder.start_on_loopback();
        let finished = portreeve(&doctor(&gateway, "8080 --json"));
        let lines = lines(&finished);
        assert_eq!(status(&finished), expected, "{}", finished.stdout);
        assert_eq!(lines.last().unwrap()["error"]["code"], code, "{}", finished.stdout);
        let bad = lines.iter().filter(|line| line["outcome"] == "bad").count();
        assert!(bad >= 1, "{}", finished.stdout);
        let told = portreeve(&doctor(&gateway, "8080"));
        assert_eq!(status(&told), expected);
        assert!(
            told.stdout.contains('✗') && told.stdout.contains('→'),
            "{}",
            told.stdout
        );
    }
}
