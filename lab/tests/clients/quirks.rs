//! What clients in the field really send, word for word, for those that cannot run here.

use portreeve_lab::Bed;
use portreeve_lab::upnp::soap::{self, ENVELOPE};
use portreeve_lab::upnp::{Answer, ControlPoint, Fault, PortMapping, refused};

const V1: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";

/// AddPortMapping of :1 with some arguments replaced; `None` leaves one out.
fn add(client: &ControlPoint<'_>, port: u16, changes: &[(&str, Option<&str>)]) -> Result<Answer, Fault> {
    let mapping = PortMapping::new(client, port);
    let arguments: Vec<_> = mapping
        .arguments()
        .into_iter()
        .filter_map(
            |(name, value)| match changes.iter().find(|(changed, _)| *changed == name) {
                Some((_, replacement)) => replacement.map(|replacement| (name, replacement)),
                None => Some((name, value)),
            },
        )
        .collect();
    client.call_v1("AddPortMapping", &arguments)
}

#[track_caller]
fn is_mapped(client: &ControlPoint<'_>, port: u16) -> Answer {
    client
        .specific(&PortMapping::new(client, port))
        .expect("mapped, for everybody")
}

#[test]
fn a_missing_remote_host_means_everybody() {
    let Some(bed) = Bed::shared() else { return };
    let (client, port) = (bed.client(1), bed.port());
    add(&client, port, &[("NewRemoteHost", None)]).expect("as miniupnpd takes it");
    is_mapped(&client, port);
}

#[test]
fn other_spellings_of_everybody() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for spelling in ["*", "0.0.0.0"] {
        let port = bed.port();
        add(&client, port, &[("NewRemoteHost", Some(spelling))]).unwrap_or_else(|e| panic!("{spelling}: {e}"));
        is_mapped(&client, port);
    }
}

#[test]
fn a_missing_or_empty_lease_is_lease_zero() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for lease in [None, Some("")] {
        let port = bed.port();
        add(&client, port, &[("NewLeaseDuration", lease)]).unwrap_or_else(|e| panic!("{lease:?}: {e}"));
        is_mapped(&client, port);
    }
}

#[test]
fn a_protocol_in_lower_case() {
    let Some(bed) = Bed::shared() else { return };
    let (client, port) = (bed.client(1), bed.port());
    add(&client, port, &[("NewProtocol", Some("tcp"))]).expect("some routers refuse it, to the annoyance of clients");
    is_mapped(&client, port);
}

#[test]
fn booleans_in_any_case() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for spelling in ["True", "TRUE", "Yes"] {
        let port = bed.port();
        add(&client, port, &[("NewEnabled", Some(spelling))]).unwrap_or_else(|e| panic!("{spelling}: {e}"));
        assert_eq!(is_mapped(&client, port).get("NewEnabled"), "1");
    }
}

#[test]
fn white_space_around_a_value() {
    let Some(bed) = Bed::shared() else { return };
    let (client, port) = (bed.client(1), bed.port());
    let padded = format!(" {port} ");
    let changes = [
        ("NewInternalClient", Some(" 192.168.77.11")),
        ("NewExternalPort", Some(padded.as_str())),
    ];
    add(&client, port, &changes).expect("trimmed");
    is_mapped(&client, port);
}

#[test]
fn a_description_that_the_client_did_not_escape() {
    let Some(bed) = Bed::shared() else { return };
    let (client, port) = (bed.client(1), bed.port());
    let mapping = PortMapping::new(&client, port).described("Tom AND Jerry");
    let body = soap::body(V1, "AddPortMapping", &mapping.arguments()).replace("AND", "&");
    let url = client.service("WANIPConnection:1").control_url;
    let response = client.post(&url, &format!("{V1}#AddPortMapping"), &body);
    // Tolerated or refused, but neither a crash nor a broken document afterwards.
    if soap::read(&response, V1, "AddPortMapping").is_ok() {
        assert!(
            is_mapped(&client, port)
                .get("NewPortMappingDescription")
                .starts_with("Tom")
        );
    }
    client.call("GetExternalIPAddress", &[]).expect("it still serves");
}

#[test]
fn the_envelope_of_rust_igd() {
    let Some(bed) = Bed::shared() else { return };
    let (client, port) = (bed.client(1), bed.port());
    let body = format!(
        "<?xml version=\"1.0\"?>\n<s:Envelope s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:s=\"{ENVELOPE}\">\
         <s:Body><m:AddPortMapping xmlns:m=\"{V1}\"><NewProtocol>TCP</NewProtocol><NewExternalPort>{port}</NewExternalPort>\
         <NewInternalClient>192.168.77.11</NewInternalClient><NewInternalPort>{port}</NewInternalPort>\
         <NewLeaseDuration>600</NewLeaseDuration><NewPortMappingDescription>rust-igd</NewPortMappingDescription>\
         <NewEnabled>1</NewEnabled><NewRemoteHost></NewRemoteHost></m:AddPortMapping></s:Body></s:Envelope>"
    );
    let url = client.service("WANIPConnection:1").control_url;
    let response = client.post(&url, &format!("{V1}#AddPortMapping"), &body);
    soap::read(&response, V1, "AddPortMapping").expect("another prefix, and arguments in an order of its own");
    is_mapped(&client, port);
}

#[test]
fn an_empty_protocol_on_delete_deletes_nothing() {
    let Some(bed) = Bed::shared() else { return };
    let (client, port) = (bed.client(1), bed.port());
    let mapping = PortMapping::new(&client, port);
    client.add(&mapping).expect("an own mapping");
    let number = port.to_string();
    let arguments = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", number.as_str()),
        ("NewProtocol", ""),
    ];
    refused(client.call_v1("DeletePortMapping", &arguments), &[402, 601]);
    is_mapped(&client, port);
}

#[test]
fn a_renewal_every_few_seconds_keeps_the_port() {
    let Some(bed) = Bed::shared() else { return };
    let (client, port) = (bed.client(1), bed.port());
    // Tailscale and others renew with AddAnyPortMapping and the port that they got.
    for _ in 0..5 {
        assert_eq!(client.add_any(&PortMapping::new(&client, port).lease(600)), Ok(port));
    }
}
