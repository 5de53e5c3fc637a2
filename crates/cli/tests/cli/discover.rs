use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, Misbehaviour};

use crate::tool::{Tool, error, portreeve, result};

#[test]
fn a_gateway_is_found_by_its_address_or_url_and_told() {
    let gateway = ScriptedGateway::builder()
        .friendly_name("Lab router")
        .start_on_loopback();
    for target in [gateway.address().to_string(), gateway.description_url()] {
        let told = portreeve(&format!("discover --timeout 500ms --gateway {target}")).success();
        assert!(
            told.starts_with(&format!("Lab router at {}\n", gateway.address())),
            "{told}"
        );
        assert!(
            told.contains("WANIPConnection:2, Connected, external address 11.11.11.2 (public)"),
            "{told}"
        );
        assert!(told.contains("Chosen       it was asked for"), "{told}");
    }
}

#[test]
fn every_connection_is_told_to_scripts_and_the_usable_one_is_chosen() {
    let gateway = ScriptedGateway::builder()
        .connection(Connection::ip("").status("Disconnected", "ERROR_NO_CARRIER"))
        .connection(Connection::ppp("11.11.11.2"))
        .start_on_loopback();
    let line = format!(
        "discover --json --timeout 500ms --gateway {}",
        gateway.description_url()
    );
    let result = result(&portreeve(&line));
    let found = &result["gateways"][0];
    assert_eq!(found["chosen"], true);
    assert_eq!(found["address"], gateway.address().to_string());
    let connections = found["connections"].as_array().unwrap();
    let chosen: Vec<_> = connections
        .iter()
        .filter(|connection| connection["chosen"] == true)
        .collect();
    assert_eq!((connections.len(), chosen.len()), (2, 1), "{result}");
    assert_eq!(chosen[0]["external_address"], "11.11.11.2");
    assert_eq!(chosen[0]["address_kind"], "public");
    assert!(
        chosen[0]["service"].as_str().unwrap().contains("WANPPPConnection"),
        "{result}"
    );
}

#[test]
fn nobody_there_ends_with_3_and_says_what_to_do() {
    for command in ["discover", "status", "list", "map 8080", "doctor 8080"] {
        let line = format!("{command} --gateway 127.222.111.99 --timeout 300ms");
        let finished = portreeve(&line);
        assert_eq!(finished.status.code(), Some(3), "{line}: {}", finished.stderr);
        let failure = error(&portreeve(&format!("{line} --json")), 3);
        assert!(
            failure["remedy"].as_str().is_some_and(|remedy| remedy.len() > 20),
            "{failure}"
        );
    }
}

#[test]
fn what_names_no_gateway_ends_with_2() {
    let failure = error(&portreeve("discover --json --gateway http://"), 2);
    assert!(failure["problem"].as_str().unwrap().len() > 10, "{failure}");
}

#[test]
fn what_a_gateway_calls_itself_cannot_steer_the_terminal() {
    let gateway = ScriptedGateway::builder()
        .friendly_name("a\u{9b}2Jb\u{202e}c")
        .misbehave(Misbehaviour::OddHeaders)
        .start_on_loopback();
    for command in [
        "discover --timeout 300ms",
        "status",
        "discover --timeout 300ms --json",
        "status --json",
    ] {
        let line = format!("{command} --gateway {}", gateway.description_url());
        let told = Tool::new(&line).env("CLICOLOR_FORCE", "0").run().success();
        assert!(told.contains("a\u{fffd}2Jb\u{fffd}c"), "{told}");
    }
}
