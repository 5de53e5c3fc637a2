//! Layer3Forwarding:1.

use portreeve_lab::Bed;
use portreeve_lab::upnp::refused;

const SERVICE: &str = "Layer3Forwarding:1";

#[test]
fn the_scpd_declares_both_actions_and_the_evented_variable() {
    let Some(bed) = Bed::shared() else { return };
    let scpd = bed.client(1).scpd(SERVICE);
    let variable = scpd.variable("DefaultConnectionService").expect("required");
    assert_eq!(
        (variable.data_type.as_str(), variable.send_events.as_str()),
        ("string", "yes")
    );
    let get = scpd.action("GetDefaultConnectionService").expect("required");
    assert_eq!(get.names("out"), ["NewDefaultConnectionService"]);
    let set = scpd.action("SetDefaultConnectionService").expect("required");
    assert_eq!(set.names("in"), ["NewDefaultConnectionService"]);
}

#[test]
fn the_default_names_a_connection_of_the_description() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let answer = client
        .call_service(SERVICE, "GetDefaultConnectionService", &[])
        .expect("anybody may read it");
    let (device, id) = answer
        .get("NewDefaultConnectionService")
        .split_once(',')
        .expect("device,service");
    let connection = client
        .root_device()
        .device("WANConnectionDevice:2")
        .expect("a WANConnectionDevice:2");
    assert_eq!(device, format!("{}:WANConnectionDevice:2", connection.udn));
    assert!(
        connection.services.iter().any(|service| service.service_id == id),
        "{id}"
    );
}

#[test]
fn a_device_that_does_not_exist_cannot_be_the_default() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let nowhere = "uuid:00000000-0000-0000-0000-000000000000:WANConnectionDevice:2,urn:upnp-org:serviceId:WANIPConn1";
    let arguments = [("NewDefaultConnectionService", nowhere)];
    let result = client.call_service(SERVICE, "SetDefaultConnectionService", &arguments);
    refused(result, &[606, 720]);
}

#[test]
fn without_its_argument_setting_is_invalid() {
    let Some(bed) = Bed::shared() else { return };
    refused(
        bed.client(1).call_service(SERVICE, "SetDefaultConnectionService", &[]),
        &[402],
    );
}
