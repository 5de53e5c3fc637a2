//! That everything has its own words, and that they are words.

use std::collections::BTreeMap;
use std::time::Duration;

use portreeve_wire::{ErrorCode, nat_pmp, pcp, service};

use super::*;
use crate::error::{Conversation, InvalidRequest, NoGateway, PortControlRefusal, Refusal, Rejected, Unusable};
use crate::mapping::Protocol;
use crate::port_control::Carrier;

/// A sentence for a person: begins like one, ends with a full stop, and is more than a number.
fn assert_readable(explanation: &Explanation) {
    for text in [&explanation.problem, &explanation.remedy] {
        assert!(text.ends_with('.'), "{explanation:?}");
        assert!(
            text.split_whitespace().filter(|word| word.len() > 2).count() >= 2,
            "{explanation:?}"
        );
        assert!(!text.contains("  ") && !text.contains(".."), "{explanation:?}");
        assert!(!text.starts_with(char::is_lowercase), "{explanation:?}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{explanation:?}");
    }
    assert!(!explanation.problem.contains('\n'), "{explanation:?}");
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(explanation.code.chars().all(kebab), "{explanation:?}");
}

#[test]
fn no_two_texts_and_no_two_codes_are_the_same() {
    let texts = codes::every_row()
        .map(|(_, text)| text)
        .chain(last_error::every_row())
        .chain(no_gateway::every_row())
        .chain(port_control::every_row())
        .chain(unusable::every_row());
    let mut problems = BTreeMap::new();
    let mut names = BTreeMap::new();
    for text in texts {
        assert_readable(&text.into());
        assert_eq!(problems.insert(text.problem, text.code), None, "{}", text.problem);
        assert_eq!(names.insert(text.code, text.problem), None, "{}", text.code);
    }
    assert!(names.len() > 80);
}

#[test]
fn every_error_of_every_service_has_its_own_entry() {
    let mut told = BTreeMap::new();
    for service in service::KNOWN {
        let codes = service.actions.iter().flat_map(|action| action.errors);
        for code in codes {
            let explanation = upnp_error(service.name, code.number());
            assert!(!explanation.code.starts_with("unknown"), "{} {code:?}", service.name);
            assert_eq!(upnp_error(&service.urn(1), code.number()), explanation);
            let key = (service.name, code.number());
            told.insert(explanation.problem, key);
        }
    }
    assert!(told.len() > 20);
}

#[test]
fn every_code_that_is_common_to_all_services_has_its_own_entry() {
    for code in ErrorCode::ALL.iter().filter(|code| code.number() < 700) {
        let explanation = upnp_error("urn:example-com:service:Toaster:1", code.number());
        assert!(!explanation.code.starts_with("unknown"), "{code:?}");
    }
}

#[test]
fn the_codes_of_the_mission_have_entries() {
    for code in [401, 402, 403, 404, 501].into_iter().chain(600..=606) {
        assert_ne!(upnp_error("WANIPConnection", code).code, "unknown-code", "{code}");
    }
    let connection = [703..=711, 713..=716, 718..=718, 724..=733];
    for code in connection.into_iter().flatten() {
        assert_ne!(upnp_error("WANIPConnection", code).code, "unknown-code", "{code}");
        assert_eq!(
            upnp_error("WANIPConnection", code),
            upnp_error("WANPPPConnection:1", code)
        );
    }
    for code in 701..=709 {
        assert_ne!(
            upnp_error("WANIPv6FirewallControl", code).code,
            "unknown-code",
            "{code}"
        );
    }
    assert_ne!(
        upnp_error("WANIPv6FirewallControl", 703),
        upnp_error("WANIPConnection", 703)
    );
}

#[test]
fn codes_that_nobody_knows_are_not_guessed_at() {
    for (service, code, expected) in [
        ("WANIPConnection", 850, "vendor-code"),
        ("WANIPConnection", 701, "unknown-code"),
        ("WANIPConnection", 610, "security-required"),
        ("Toaster", 718, "unknown-code"),
        ("", 65535, "unknown-code"),
    ] {
        let explanation = upnp_error(service, code);
        assert_readable(&explanation);
        assert_eq!(explanation.code, expected, "{service} {code}");
    }
}

#[test]
fn every_last_connection_error_of_the_tables_has_its_own_entry() {
    let mut told = BTreeMap::new();
    for service in service::KNOWN {
        let Some(variable) = service.variable("LastConnectionError") else {
            continue;
        };
        let service::Allowed::Values(values) = variable.allowed else {
            panic!("{} lists its values", service.name);
        };
        for value in values {
            let explanation = last_connection_error(value);
            assert_readable(&explanation);
            assert_ne!(explanation.code, "connection-vendor-error", "{value} is only repeated");
            let before = told.insert(explanation.problem, *value);
            assert!(before.is_none_or(|before| before == *value), "{value} and {before:?}");
        }
    }
    assert!(told.len() >= 10);
}

#[test]
fn a_gateways_words_are_added_when_they_say_more_than_its_code() {
    let refusal = |action: &str, code, description: &str| {
        let description = description.to_owned();
        let action = action.to_owned();
        let explanation = Refusal {
            action,
            code,
            description,
        }
        .explanation();
        assert_readable(&explanation);
        explanation
    };
    let plain = refusal("AddPortMapping", 718, "ConflictInMappingEntry");
    assert_eq!(plain, upnp_error("WANIPConnection", 718));
    assert_eq!(plain, refusal("AddPortMapping", 718, "conflict in mapping entry"));
    let told = refusal("AddPortMapping", 718, "taken by \u{1b}[31m192.168.77.9");
    assert!(
        told.problem.ends_with("It says: \"taken by [31m192.168.77.9\"."),
        "{told:?}"
    );
    assert_eq!(
        refusal("AddPortMapping", 403, "Not available Action").code,
        "port-sharing-off"
    );
    assert_eq!(refusal("AddPortMapping", 501, "Action Failed").code, "mapping-failed");
    assert_eq!(refusal("GetStatusInfo", 501, "Action Failed").code, "action-failed");
    assert_eq!(refusal("AddPortMapping", 0, "").code, "fault-without-code");
    for (action, remedy) in [
        ("AddAnyPortMapping", "1024 or above, inside and outside"),
        ("DeletePortMapping", "remove it there"),
        ("ForceTermination", "in the router's own pages"),
    ] {
        let refused = refusal(action, 606, "Action not authorized");
        assert_eq!(refused.code, "action-not-authorized");
        assert!(refused.remedy.contains(remedy), "{refused:?}");
    }
    assert_eq!(
        refusal("SetDefaultConnectionService", 720, "").code,
        "invalid-device-uuid"
    );
}

#[test]
fn every_result_code_of_pcp_and_nat_pmp_has_its_own_entry() {
    let pcp = pcp::ResultCode::ALL
        .iter()
        .map(|code| (Carrier::Pcp, u16::from(code.number()), code.name()));
    let nat_pmp = nat_pmp::ResultCode::ALL
        .iter()
        .map(|code| (Carrier::NatPmp, code.number(), code.name()));
    let another = [(Carrier::Pcp, 0, "another port")];
    let mut told = BTreeMap::new();
    for (carrier, code, name) in pcp.chain(nat_pmp).chain(another) {
        let refusal = PortControlRefusal {
            carrier,
            code,
            name,
            lifetime: Duration::ZERO,
        };
        assert_eq!(
            refusal.to_string(),
            format!("the gateway refused by {carrier} with result {code} ({name})")
        );
        let explanation = Error::from(refusal).explanation();
        assert_readable(&explanation);
        assert_ne!(explanation.code, "port-control-unknown-code", "{carrier} {code}");
        assert_eq!(
            told.insert(explanation.problem, explanation.code),
            None,
            "{carrier} {code}"
        );
    }
    assert_eq!(told.len(), 13 + 5 + 1);
}

#[test]
fn how_long_a_result_code_stands_is_said_where_the_gateway_said_it() {
    let told = |carrier, code, seconds| {
        let refusal = PortControlRefusal {
            carrier,
            code,
            name: "",
            lifetime: Duration::from_secs(seconds),
        };
        let explanation = refusal.explanation();
        assert_readable(&explanation);
        explanation
    };
    let quota = told(Carrier::Pcp, 10, 30);
    assert!(
        quota
            .remedy
            .ends_with("By its own word this does not change within 30 s."),
        "{quota:?}"
    );
    assert!(!told(Carrier::NatPmp, 4, 0).remedy.contains("By its own word"));
    let unknown = told(Carrier::Pcp, 200, 0);
    assert_eq!(unknown.code, "port-control-unknown-code");
    assert!(
        unknown.problem.contains("PCP") && unknown.problem.contains("200"),
        "{unknown:?}"
    );
    assert_eq!(told(Carrier::NatPmp, 13, 0).code, "port-control-unknown-code");
}

#[test]
fn what_was_seen_tells_why_no_gateway_was_found() {
    let told = |what: NoGateway| {
        let explanation = Error::from(what).explanation();
        assert_readable(&explanation);
        explanation
    };
    assert_eq!(told(NoGateway::default()).code, "no-interface");
    let trial = NoGateway {
        interfaces: vec!["lo".into()],
        ..NoGateway::default()
    };
    assert_eq!(told(trial).code, "no-interface");
    let searched = NoGateway {
        interfaces: vec!["eth0".into(), "lo".into()],
        waited: Duration::from_secs(1),
        ..NoGateway::default()
    };
    assert_eq!(told(searched.clone()).code, "no-default-route");
    let routed = NoGateway {
        default_gateway: Some([192, 168, 77, 1].into()),
        ..searched.clone()
    };
    let silence = told(routed.clone());
    assert_eq!(silence.code, "no-gateway");
    assert!(
        silence
            .problem
            .ends_with("192.168.77.1 and everybody on eth0 were asked for 1 s."),
        "{silence:?}"
    );
    for maker in ["FRITZ!Box", "OpenWrt", "ASUS", "TP-Link"] {
        assert_eq!(
            silence.remedy.lines().filter(|line| line.starts_with(maker)).count(),
            1,
            "{maker}"
        );
    }
    let named = told(NoGateway {
        named: Some("192.168.77.9".into()),
        ..routed.clone()
    });
    assert_eq!(named.code, "no-gateway");
    assert!(named.problem.contains("\"192.168.77.9\""), "{named:?}");
    assert!(!named.problem.contains("192.168.77.1 "), "{named:?}");
    let rejected = Rejected {
        location: "http://192.168.77.9/tv.xml".into(),
        why: Conversation::NotOffered("InternetGatewayDevice".into()),
    };
    let answered = told(NoGateway {
        rejected: vec![rejected],
        ..routed
    });
    assert_eq!(answered.code, "gateway-rejected");
    assert!(answered.problem.contains("http://192.168.77.9/tv.xml"), "{answered:?}");
}

#[test]
fn a_gateway_that_cannot_be_used_is_told_with_the_cause() {
    let told = |what: Unusable| {
        let explanation = Error::from(what).explanation();
        assert_readable(&explanation);
        explanation
    };
    let down = |status: &str, last_error: &str| {
        told(Unusable::NotConnected {
            status: status.into(),
            last_error: last_error.into(),
        })
    };
    let dead = down("Disconnected", "ERROR_NO_CARRIER");
    assert_eq!(dead.code, "connection-no-carrier");
    assert!(
        dead.problem
            .starts_with("The router is not connected to the internet. No signal"),
        "{dead:?}"
    );
    assert_eq!(down("Disconnected", "ERROR_NONE").code, "not-connected");
    assert_eq!(down("Connecting", "").code, "connecting");
    assert!(down("Asleep\u{7}", "").problem.ends_with("Its state is \"Asleep\"."));
    let cgnat = told(Unusable::CarrierGradeNat([100, 64, 3, 2].into()));
    assert!(
        cgnat.problem.contains("100.64.3.2") && cgnat.remedy.contains("provider"),
        "{cgnat:?}"
    );
    let double = told(Unusable::DoubleNat([192, 168, 0, 2].into()));
    assert!(
        double.problem.contains("192.168.0.2") && double.remedy.contains("bridge mode"),
        "{double:?}"
    );
    assert_eq!(
        told(Unusable::NoExternalAddress("0.0.0.0".into())).code,
        "no-external-address"
    );
    assert_eq!(told(Unusable::NatOff).code, "nat-off");
    assert_eq!(told(Unusable::NoConnectionService).code, "no-connection-service");
}

#[test]
fn conversations_requests_and_untruths_are_told() {
    let text = String::from;
    let url = text("http://192.168.77.1:5000/\u{1b}[2J");
    let errors: Vec<Error> = vec![
        Conversation::Unreachable {
            address: url.clone(),
            reason: text("Connection refused"),
        }
        .into(),
        Conversation::Timeout {
            address: url.clone(),
            waited: Duration::from_secs(3),
        }
        .into(),
        Conversation::Status {
            url: url.clone(),
            status: 404,
        }
        .into(),
        Conversation::TooLarge {
            url: url.clone(),
            limit: 262_144,
        }
        .into(),
        Conversation::Malformed {
            url: url.clone(),
            expected: "a description",
            problem: text("no root"),
        }
        .into(),
        Conversation::LeadsAway {
            from: url.clone(),
            to: text("http://11.11.11.11/"),
        }
        .into(),
        Conversation::NotOffered(text("GetListOfPortMappings")).into(),
        InvalidRequest::Port("internal port").into(),
        InvalidRequest::Lease(Duration::from_secs(700_000)).into(),
        InvalidRequest::Protocol(text("both")).into(),
        InvalidRequest::Protocol(text("sctp")).into(),
        InvalidRequest::Argument {
            argument: text("NewPort"),
            problem: text("no such argument"),
        }
        .into(),
        InvalidRequest::Value {
            what: "address",
            value: text("300.1.1.1"),
            problem: text("not within 255"),
        }
        .into(),
        untrue(80),
        untrue(18080),
        Untrue::Disabled {
            external_port: 18080,
            protocol: Protocol::Tcp,
        }
        .into(),
        Untrue::Elsewhere {
            external_port: 18080,
            protocol: Protocol::Udp,
            wanted: text("192.168.77.2:8080"),
            found: text("192.168.77.9:8080"),
        }
        .into(),
        Error::System {
            doing: "opening a socket",
            reason: text("Permission denied"),
        },
    ];
    let mut names = BTreeMap::new();
    for error in errors {
        let explanation = error.explanation();
        assert_readable(&explanation);
        assert_eq!(
            names.insert(explanation.code, explanation.problem),
            None,
            "{}",
            explanation.code
        );
    }
    let wildcard = InvalidRequest::Protocol(text("*")).explanation();
    assert!(
        wildcard.problem.contains("one protocol") && wildcard.remedy.contains("`both`"),
        "{wildcard:?}"
    );
    assert_eq!(names.keys().filter(|code| **code == "low-port-cap").count(), 1);
}

fn untrue(external_port: u16) -> Error {
    let protocol = Protocol::Tcp;
    Untrue::NotThere {
        external_port,
        protocol,
    }
    .into()
}
