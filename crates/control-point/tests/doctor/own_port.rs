//! The port that the user asks about.

use std::net::TcpListener;

use portreeve::Protocol;
use portreeve::doctor::{Diagnosis, Outcome, Topic};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Call, MappingTable, Misbehaviour, PortMapping, ScriptedReply};

use crate::world::{assert_step, assert_verdict, examine_with, gateway, up};

#[tokio::test]
async fn a_low_port_cap_is_told_from_other_refusals() {
    for (fault, words) in [
        (Misbehaviour::RefusesLowPorts, "opens no ports below 1024"),
        (
            Misbehaviour::IgnoresLowPorts,
            "silently ignores requests for ports below 1024",
        ),
    ] {
        let patient = gateway(up(), [fault]);
        let verdict = examine_with(&patient, |examination| examination.port(80)).await;
        assert_verdict(&verdict, "low-port-cap", words, "1024 or above");
        assert_step(&verdict, Topic::ReadBack, Outcome::Good, "leads to this computer");
        assert_step(&verdict, Topic::Port, Outcome::Bad, "80");
    }
    let healthy = gateway(up(), []);
    let verdict = examine_with(&healthy, |examination| examination.port(81)).await;
    assert_step(&verdict, Topic::Port, Outcome::Good, "maps TCP port 81 when asked");
}

#[tokio::test]
async fn a_gateway_that_refuses_low_ports_of_the_inside_too_is_told_with_other_advice() {
    let refuse = |call: &Call, _: &mut MappingTable| match call.argument("NewInternalPort").map(str::parse::<u16>) {
        Some(Ok(0..1024)) => ScriptedReply::fault(606, "Action not authorized"),
        _ => ScriptedReply::Pass,
    };
    let patient = ScriptedGateway::builder()
        .connection(up())
        .on_action("AddPortMapping", refuse)
        .on_action("AddAnyPortMapping", refuse)
        .start_on_loopback();
    let verdict = examine_with(&patient, |examination| examination.port(80)).await;
    assert_verdict(
        &verdict,
        "low-port-cap",
        "neither outside nor inside",
        "portreeve map 8080",
    );
}

#[tokio::test]
async fn who_has_the_port_is_told() {
    let patient = gateway(up(), []);
    patient.add_foreign_mapping(PortMapping::new("TCP", 8080, "192.168.77.9", 80));
    let verdict = examine_with(&patient, |examination| examination.port(8080)).await;
    assert_verdict(
        &verdict,
        "conflict-in-mapping-entry",
        "another device: \"192.168.77.9\", port 80",
        "another external port",
    );
    assert_eq!(verdict.diagnosis, Diagnosis::PortTaken("192.168.77.9".into()));
    assert_eq!(patient.mappings().len(), 1, "a mapping of others stays");
}

#[tokio::test]
async fn what_listens_on_the_port_is_told() {
    let patient = gateway(up(), []);
    // Another address of loopback than the one at which the gateway sees us, which is nowhere but here all the same.
    let program = TcpListener::bind("127.77.77.78:0").unwrap();
    let port = program.local_addr().unwrap().port();
    let verdict = examine_with(&patient, |examination| examination.port(port)).await;
    assert_verdict(
        &verdict,
        "listens-elsewhere",
        "only for this computer itself (127.77.77.78)",
        "0.0.0.0",
    );

    // A gateway that is tried out on this machine sends to where it sees us.
    let program = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = program.local_addr().unwrap().port();
    let verdict = examine_with(&patient, |examination| examination.port(port)).await;
    assert_verdict(&verdict, "fine", "maps ports", &format!("portreeve map {port}"));
    assert_step(&verdict, Topic::Listener, Outcome::Good, "(127.0.0.1)");

    // No program has port 1 (tcpmux) these days, and the system gives it to nobody.
    for protocol in Protocol::ALL {
        let verdict = examine_with(&patient, |examination| examination.port(1).protocol(protocol)).await;
        let words = format!("No program on this computer listens on {protocol} port 1.");
        assert_verdict(&verdict, "nothing-listens", &words, "Start the program");
    }

    let program = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = program.local_addr().unwrap().port();
    let verdict = examine_with(&patient, |examination| examination.port(port)).await;
    assert_verdict(&verdict, "fine", "maps ports", &format!("portreeve map {port}"));
    assert_step(&verdict, Topic::Listener, Outcome::Good, "(0.0.0.0)");
}

#[tokio::test]
async fn a_port_that_is_mapped_to_this_computer_is_left_alone() {
    let patient = gateway(up(), []);
    let program = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = program.local_addr().unwrap().port();
    patient.add_foreign_mapping(PortMapping::new("TCP", port, "127.0.0.1", port));
    let verdict = examine_with(&patient, |examination| examination.port(port)).await;
    assert_step(&verdict, Topic::Port, Outcome::Good, "already mapped to this computer");
    assert_verdict(&verdict, "fine", "maps ports", "firewall of this computer");
    assert_eq!(patient.mappings().len(), 1);
}
