use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::ScriptedReply;

use crate::tool::{error, portreeve, result, status};

#[test]
fn services_actions_and_answers_are_told_step_by_step() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let url = gateway.description_url();
    let services = portreeve(&format!("call --gateway {url}")).success();
    assert!(services.contains("WANIPConnection:2"), "{services}");
    assert!(services.contains("urn:upnp-org:serviceId:WANIPConn1"), "{services}");
    let actions = portreeve(&format!("call WANIPConnection --gateway {url}")).success();
    assert!(actions.contains("GetStatusInfo\n"), "{actions}");
    assert!(
        actions.contains("DeletePortMapping NewRemoteHost=<string> NewExternalPort=<ui2>"),
        "{actions}"
    );
    let values = portreeve(&format!("call WANIPConnection GetStatusInfo --gateway {url}")).success();
    assert!(
        values.starts_with("NewConnectionStatus=Connected\nNewLastConnectionError=ERROR_NONE\nNewUptime="),
        "{values}"
    );
}

#[test]
fn scripts_get_the_same() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let url = gateway.description_url();
    let services = result(&portreeve(&format!("call --json --gateway {url}")));
    assert!(services["services"].as_array().unwrap().len() >= 3, "{services}");
    let actions = result(&portreeve(&format!("call WANIPConnection:2 --json --gateway {url}")));
    assert!(actions["actions"].as_array().unwrap().len() > 5, "{actions}");
    let answer = result(&portreeve(&format!(
        "call WANIPConnection GetExternalIPAddress --json --gateway {url}"
    )));
    assert_eq!(answer["values"][0]["name"], "NewExternalIPAddress");
    assert_eq!(answer["values"][0]["value"], "11.11.11.2");
}

#[test]
fn arguments_are_checked_before_anything_is_sent() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let url = gateway.description_url();
    for arguments in [
        "NewExternalPort=http NewProtocol=TCP NewRemoteHost=",
        "NewExternalPort=80 NewProtocol=TCP",
        "NewExternalPort=80 NewProtocol=TCP NewRemoteHost= NewColour=red",
    ] {
        let line = format!("call WANIPConnection GetSpecificPortMappingEntry {arguments} --json --gateway {url}");
        let failure = error(&portreeve(&line), 2);
        assert!(failure["problem"].as_str().unwrap().contains("New"), "{failure}");
    }
    assert!(gateway.calls("GetSpecificPortMappingEntry").is_empty());
    let refused = "call WANIPConnection GetSpecificPortMappingEntry \
                   NewExternalPort=80 NewProtocol=TCP NewRemoteHost=";
    let failure = error(&portreeve(&format!("{refused} --json --gateway {url}")), 1);
    assert_eq!(failure["upnp"]["code"], 714);
}

#[test]
fn what_the_gateway_does_not_have_is_said() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    for (what, instead) in [
        ("Toaster", "WANIPConnection:2"),
        ("Toaster MakeToast", "WANIPConnection:2"),
        ("WANIPConnection MakeToast", "the service has SetConnectionType, "),
        ("WANIPConnection GetExternalIPAddress Toast=1", "the action takes none"),
        ("WANIPConnection DeletePortMapping", "\"NewRemoteHost\": it is missing"),
    ] {
        let finished = portreeve(&format!("call {what} --gateway {}", gateway.description_url()));
        assert_eq!(status(&finished), 2, "{}", finished.stderr);
        assert!(finished.stderr.contains(instead), "{}", finished.stderr);
        assert!(!finished.stderr.contains('…'), "{}", finished.stderr);
    }
}

#[test]
fn a_link_can_be_asked_to_connect_and_a_refusal_is_explained() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = |request| format!("link {request} --gateway {}", gateway.description_url());
    let told = portreeve(&line("disconnect")).success();
    assert!(
        told.starts_with("the gateway agreed to disconnect; its connection is "),
        "{told}"
    );
    let told = result(&portreeve(&format!("{} --json", line("connect"))));
    assert_eq!(told["request"], "connect");
    let refusing = ScriptedGateway::builder()
        .on_action("RequestConnection", |_, _| {
            ScriptedReply::fault(606, "Action not authorized")
        })
        .start_on_loopback();
    let line = format!("link connect --json --gateway {}", refusing.description_url());
    assert_eq!(error(&portreeve(&line), 1)["upnp"]["code"], 606);
}
