//! What is wrong between the gateway and the internet.

use std::collections::BTreeSet;

use portreeve::doctor::{Diagnosis, Outcome, Topic};
use portreeve_testkit::scripted::{Connection, Nat};
use tokio::net::UdpSocket;

use crate::world::{assert_step, assert_verdict, examine, examine_with, gateway, up};

/// The values of WANIPConnection:2 and WANPPPConnection:1 that name a cause, with a word of what a person is told.
const LAST_CONNECTION_ERRORS: [(&str, &str); 21] = [
    ("ERROR_ISP_TIME_OUT", "provider did not answer"),
    ("ERROR_COMMAND_ABORTED", "was stopped"),
    ("ERROR_NOT_ENABLED_FOR_INTERNET", "switched off"),
    ("ERROR_BAD_PHONE_NUMBER", "telephone number"),
    ("ERROR_USER_DISCONNECT", "Somebody ended"),
    ("ERROR_ISP_DISCONNECT", "The provider ended"),
    ("ERROR_IDLE_DISCONNECT", "nobody used it"),
    ("ERROR_FORCED_DISCONNECT", "forced"),
    ("ERROR_SERVER_OUT_OF_RESOURCES", "no place free"),
    ("ERROR_RESTRICTED_LOGON_HOURS", "at this hour"),
    ("ERROR_ACCOUNT_DISABLED", "blocked the account"),
    ("ERROR_ACCOUNT_EXPIRED", "has run out"),
    ("ERROR_PASSWORD_EXPIRED", "password"),
    ("ERROR_AUTHENTICATION_FAILURE", "did not accept"),
    ("ERROR_NO_DIALTONE", "dial tone"),
    ("ERROR_NO_CARRIER", "No signal"),
    ("ERROR_NO_ANSWER", "does not answer"),
    ("ERROR_LINE_BUSY", "busy"),
    ("ERROR_UNSUPPORTED_BITSPERSECOND", "speed"),
    ("ERROR_TOO_MANY_LINE_ERRORS", "noisy"),
    ("ERROR_IP_CONFIGURATION", "valid internet address"),
];

#[tokio::test]
async fn a_link_that_is_down_is_told_with_each_last_connection_error() {
    let patient = gateway(Connection::ppp(""), []);
    let mut told = BTreeSet::new();
    for (error, words) in LAST_CONNECTION_ERRORS {
        patient.set_status("Disconnected", error);
        let verdict = examine(&patient).await;
        let code = portreeve::explain::last_connection_error(error).code;
        assert_verdict(&verdict, code, "The router is not connected to the internet.", "");
        assert_verdict(&verdict, code, words, "");
        assert_step(&verdict, Topic::Connection, Outcome::Bad, words);
        assert_step(&verdict, Topic::ExternalAddress, Outcome::Skipped, "down");
        assert_step(&verdict, Topic::Trial, Outcome::Skipped, "down");
        assert!(told.insert(verdict.problem), "{error} is told like another");
    }
    assert!(
        patient.calls("AddPortMapping").is_empty(),
        "a trial makes no sense then"
    );
}

#[tokio::test]
async fn vendors_errors_are_told_by_their_family() {
    let patient = gateway(up(), []);
    for (error, words, remedy) in [
        ("ERROR_DNS_FAILURE", "cannot look up names", "DNS server"),
        ("PPPoE negotiation failed", "did not come to terms", "PPPoE or DHCP"),
        ("ERROR_IP_ADDRESS_CONFLICT", "Another device already uses", "unplug"),
        ("ERROR_CHAP_REJECTED", "Logging in to the provider failed", "password"),
        ("E-4711\u{202e}", "only its maker can explain: \"E-4711\"", "log"),
    ] {
        patient.set_status("Disconnected", error);
        let code = portreeve::explain::last_connection_error(error).code;
        assert_verdict(&examine(&patient).await, code, words, remedy);
    }
    patient.set_status("Connecting", "ERROR_NONE");
    assert_verdict(
        &examine(&patient).await,
        "connecting",
        "still connecting",
        "Wait half a minute",
    );
    patient.set_status("Unconfigured", "ERROR_NONE");
    assert_verdict(
        &examine(&patient).await,
        "unconfigured",
        "has not been set up",
        "Set it up",
    );
}

#[tokio::test]
async fn double_nat_and_carrier_grade_nat_are_told_apart() {
    let patient = gateway(Connection::ip("192.168.1.2"), []);
    let verdict = examine(&patient).await;
    assert_verdict(
        &verdict,
        "double-nat",
        "Another router is in front of this one",
        "bridge mode",
    );
    assert_verdict(&verdict, "double-nat", "192.168.1.2", "forward the port there");
    assert_eq!(verdict.diagnosis, Diagnosis::DoubleNat([192, 168, 1, 2].into()));
    assert_step(&verdict, Topic::ExternalAddress, Outcome::Bad, "private");
    assert_step(&verdict, Topic::ReadBack, Outcome::Good, "leads to this computer");

    patient.set_external_address("100.72.3.4");
    let verdict = examine(&patient).await;
    assert_verdict(
        &verdict,
        "carrier-grade-nat",
        "shares one public address among many customers",
        "Ask the provider",
    );
    assert_verdict(&verdict, "carrier-grade-nat", "100.72.3.4", "IPv6");
    assert_eq!(verdict.diagnosis, Diagnosis::CarrierGradeNat([100, 72, 3, 4].into()));

    for none in ["", "0.0.0.0", "unknown"] {
        patient.set_external_address(none);
        assert_verdict(
            &examine(&patient).await,
            "no-external-address",
            "no external address",
            "DS-Lite",
        );
    }
}

#[tokio::test]
async fn a_gateway_that_only_routes_needs_no_mapping() {
    let verdict = examine(&gateway(up().nat(Nat::Off), [])).await;
    assert_verdict(
        &verdict,
        "nat-off",
        "does not translate addresses",
        "reachable as it is",
    );
    assert_step(&verdict, Topic::Nat, Outcome::Bad, "NAT is off");
    assert_step(&verdict, Topic::Trial, Outcome::Skipped, "nothing to map");
}

#[tokio::test]
async fn a_server_outside_tells_of_another_nat() {
    let patient = gateway(up(), []);
    let server = stun_server([198, 51, 100, 7]).await;
    let verdict = examine_with(&patient, |examination| examination.stun(server)).await;
    assert_verdict(
        &verdict,
        "address-differs",
        "sees 198.51.100.7, while the router says 11.11.11.1",
        "VPN",
    );
    assert_step(&verdict, Topic::Stun, Outcome::Bad, "198.51.100.7");

    let server = stun_server([11, 11, 11, 1]).await;
    let verdict = examine_with(&patient, |examination| examination.stun(server)).await;
    assert_step(&verdict, Topic::Stun, Outcome::Good, "the same address, 11.11.11.1");
    assert_eq!(verdict.diagnosis, Diagnosis::Fine);

    let verdict = examine(&patient).await;
    assert_step(&verdict, Topic::Stun, Outcome::Skipped, "--stun");
}

/// A STUN server on loopback that sees everybody at this address (RFC 5389 section 15.1). It ends with the test.
async fn stun_server(address: [u8; 4]) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let name = socket.local_addr().expect("it is bound").to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 100];
        while let Ok((_, client)) = socket.recv_from(&mut buffer).await {
            let mut answer = vec![1, 1, 0, 12];
            answer.extend(&buffer[4..20]);
            answer.extend([0, 1, 0, 8, 0, 1, 0x12, 0x34]);
            answer.extend(address);
            socket.send_to(&answer, client).await.expect("loopback takes datagrams");
        }
    });
    name
}
