use nix::sys::signal::Signal;
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, IgdVersion, Nat, ScriptedGatewayBuilder, ScriptedReply};
use serde_json::Value;

use crate::tool::{LIMIT, Tool, error, lines, portreeve, result, status};

/// Loopback has no address that others could reach, so one is named.
const CLIENT: &str = "--client 2001:db8:77::2";

fn with_firewall() -> ScriptedGatewayBuilder {
    ScriptedGateway::builder().ipv6_firewall()
}

fn pinhole(gateway: &ScriptedGateway, rest: &str) -> String {
    format!("pinhole {rest} --gateway {}", gateway.description_url())
}

/// What was asked for by an action, the arguments of the last call.
fn asked(gateway: &ScriptedGateway, action: &str) -> Vec<String> {
    let calls = gateway.calls(action);
    let call = calls.last().unwrap_or_else(|| panic!("{action} was not called"));
    let names = [
        "RemoteHost",
        "RemotePort",
        "InternalClient",
        "InternalPort",
        "Protocol",
        "LeaseTime",
    ];
    names
        .iter()
        .map(|name| call.argument(name).unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_pinhole_is_kept_until_ctrl_c_and_then_closed() {
    let gateway = with_firewall().start_on_loopback();
    let mut running = Tool::new(&pinhole(&gateway, &format!("add 8080 {CLIENT}"))).start();
    running.sees("TCP [2001:db8:77::2]:8080, pinhole 1, renewed every 30 min; Ctrl-C closes it\n");
    assert_eq!(
        asked(&gateway, "AddPinhole"),
        ["", "0", "2001:db8:77::2", "8080", "6", "3600"]
    );
    running.process.signal(Signal::SIGINT);
    let finished = running.process.wait(LIMIT);
    assert_eq!(status(&finished), 0, "{}", finished.stderr);
    assert!(
        finished.stdout.ends_with("closed TCP [2001:db8:77::2]:8080\n"),
        "{}",
        finished.stdout
    );
    assert_eq!(gateway.calls("DeletePinhole").len(), 1);
}

#[test]
fn scripts_are_told_the_same_line_by_line() {
    let gateway = with_firewall().start_on_loopback();
    let line = format!("add 8080 --lease 2s --json -v {CLIENT}");
    let mut running = Tool::new(&pinhole(&gateway, &line)).start();
    running.sees("\"pinhole-opened\"");
    running.sees("\"pinhole-renewed\"");
    assert!(!gateway.calls("UpdatePinhole").is_empty());
    running.process.signal(Signal::SIGINT);
    let lines = lines(&running.process.wait(LIMIT));
    assert_eq!(lines[0]["command"], "pinhole add");
    assert_eq!(
        (&lines[0]["pinhole"]["id"], &lines[0]["renewal_seconds"]),
        (&Value::from(1), &Value::from(1))
    );
    assert_eq!(lines.last().unwrap()["result"]["ending"], "removed");
}

#[test]
fn one_that_is_left_alone_is_looked_after_by_its_number() {
    let gateway = with_firewall().start_on_loopback();
    let line =
        format!("add 27015 --protocol udp --remote-host 2001:db8::7 --remote-port 5 --lease 2h --detach {CLIENT}");
    let told = portreeve(&pinhole(&gateway, &line)).success();
    assert_eq!(told, "UDP [2001:db8:77::2]:27015, pinhole 1; it ends in 2 h\n");
    assert_eq!(
        asked(&gateway, "AddPinhole"),
        ["2001:db8::7", "5", "2001:db8:77::2", "27015", "17", "7200"]
    );
    let updated = result(&portreeve(&pinhole(&gateway, "update 1 --lease 60 --json")));
    assert_eq!(updated["lease_seconds"], 60);
    let checked = result(&portreeve(&pinhole(&gateway, "check 1 --json")));
    assert_eq!(checked["traffic"], "none-yet");
    assert_eq!(
        portreeve(&pinhole(&gateway, "packets 1")).success(),
        "pinhole 1: no packets\n"
    );
    let packets = result(&portreeve(&pinhole(&gateway, "packets 1 --json")));
    assert_eq!(packets["packets"], 0);
    assert_eq!(
        portreeve(&pinhole(&gateway, "delete 1")).success(),
        "closed pinhole 1\n"
    );
    let missing = error(&portreeve(&pinhole(&gateway, "delete 1 --json")), 1);
    assert_eq!(missing["code"], "no-such-pinhole");
    let missing = error(&portreeve(&pinhole(&gateway, "update 1 --json")), 1);
    assert_eq!(
        (&missing["code"], &missing["upnp"]["code"]),
        (&"no-such-pinhole".into(), &704.into())
    );
}

#[test]
fn where_the_firewall_is_off_that_is_said_and_is_a_success() {
    let off = || ScriptedReply::answer([("FirewallEnabled", "0"), ("InboundPinholeAllowed", "1")]);
    let gateway = with_firewall()
        .on_action("GetFirewallStatus", move |_, _| off())
        .start_on_loopback();
    let told = portreeve(&pinhole(&gateway, &format!("add 8080 --detach {CLIENT}"))).success();
    assert_eq!(
        told,
        "TCP [2001:db8:77::2]:8080 is reachable as it is: the router's IPv6 firewall is off, so there is nothing to open\n"
    );
    let result = result(&portreeve(&pinhole(
        &gateway,
        &format!("add 8080 --detach --json {CLIENT}"),
    )));
    assert_eq!(result["pinholes"][0]["needed"], false);
    assert!(result["pinholes"][0]["id"].is_null());
    assert!(gateway.calls("AddPinhole").is_empty());
    let told = portreeve(&format!("status --gateway {}", gateway.description_url())).success();
    assert!(
        told.contains("Firewall    off for IPv6: hosts are reachable as they are\n"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_opened_is_told_with_the_exit_status_of_its_kind() {
    let add = format!("add 8080 --detach --json {CLIENT}");
    let old = ScriptedGateway::builder().igd(IgdVersion::V1).start_on_loopback();
    let failure = error(&portreeve(&pinhole(&old, &add)), 4);
    assert_eq!(failure["code"], "no-firewall-control");

    let forbidding = || ScriptedReply::answer([("FirewallEnabled", "1"), ("InboundPinholeAllowed", "0")]);
    let gateway = with_firewall()
        .on_action("GetFirewallStatus", move |_, _| forbidding())
        .start_on_loopback();
    let failure = error(&portreeve(&pinhole(&gateway, &add)), 4);
    assert_eq!(failure["code"], "pinholes-not-allowed");

    for (code, name) in [
        (606, "action-not-authorized"),
        (701, "pinhole-space-exhausted"),
        (703, "inbound-pinhole-not-allowed"),
        (705, "protocol-not-supported"),
        (706, "pinhole-port-missing"),
        (707, "pinhole-protocol-missing"),
        (708, "pinhole-client-missing"),
    ] {
        let gateway = with_firewall()
            .on_action("AddPinhole", move |_, _| ScriptedReply::fault(code, "no"))
            .start_on_loopback();
        let failure = error(&portreeve(&pinhole(&gateway, &add)), 1);
        assert_eq!(
            (&failure["code"], &failure["upnp"]["code"]),
            (&name.into(), &code.into()),
            "{failure}"
        );
    }

    let gateway = with_firewall().start_on_loopback();
    let failure = error(&portreeve(&pinhole(&gateway, "add 8080 --detach --json")), 4);
    assert_eq!(failure["code"], "no-ipv6", "loopback leads nowhere");
}

#[test]
fn map_opens_a_pinhole_where_ipv6_is_asked_for() {
    let gateway = with_firewall().start_on_loopback();
    let map = |rest: &str| format!("map 8080 {rest} --gateway {}", gateway.description_url());
    let line = map(&format!("--family ipv6 --protocol both --detach --json {CLIENT}"));
    let result = result(&portreeve(&line));
    assert_eq!(
        (&result["mappings"], &result["ending"]),
        (&Value::Array(Vec::new()), &"left".into())
    );
    let protocols: Vec<_> = result["pinholes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["protocol"])
        .collect();
    assert_eq!(protocols, ["TCP", "UDP"]);
    assert!(gateway.mappings().is_empty());

    let mut running = Tool::new(&map(CLIENT)).start();
    running.sees("TCP [2001:db8:77::2]:8080, pinhole 1, renewed every 30 min; Ctrl-C closes it\n");
    running.process.signal(Signal::SIGINT);
    let finished = running.process.wait(LIMIT);
    assert!(
        finished.stdout.ends_with("closed TCP [2001:db8:77::2]:8080\n"),
        "{}",
        finished.stdout
    );

    for nonsense in [
        "--family ipv6 --external 80",
        "--family ipv6 --any",
        "--family ipv6 --client 192.168.77.2",
    ] {
        let failure = error(&portreeve(&map(&format!("{nonsense} --json"))), 2);
        assert_eq!(failure["code"], "usage", "{nonsense}");
    }
}

#[test]
fn where_nothing_is_translated_map_says_that_no_mapping_is_needed() {
    let gateway = ScriptedGateway::builder()
        .connection(Connection::ip("11.11.11.2").nat(Nat::Off))
        .start_on_loopback();
    let finished = portreeve(&format!("map 8080 --gateway {}", gateway.description_url()));
    assert_eq!(status(&finished), 4);
    assert!(
        finished
            .stderr
            .contains("No mapping is needed: the router does not translate addresses (NAT is off)"),
        "{}",
        finished.stderr
    );
}
