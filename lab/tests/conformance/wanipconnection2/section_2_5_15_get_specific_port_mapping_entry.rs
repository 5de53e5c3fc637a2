//! GetSpecificPortMappingEntry.

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};

#[test]
fn it_reports_the_five_other_arguments_in_order() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port())
        .to_port(7000)
        .described("<tag> & \"quotes\"");
    client.add(&mapping).expect("an own mapping");
    let answer = client.specific(&mapping).expect("an own mapping");
    assert_eq!(
        answer.names(),
        [
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration"
        ]
    );
    let values: Vec<_> = answer.0[..4].iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["7000", "192.168.77.11", "1", "<tag> & \"quotes\""]);
}

#[test]
fn an_unknown_port_is_714() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(client.specific(&PortMapping::new(&client, bed.port())), &[714]);
}

#[test]
fn tcp_and_udp_are_different_entries() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    client.add(&mapping).expect("an own mapping");
    refused(client.specific(&mapping.udp()), &[714]);
}

#[test]
fn an_empty_remote_host_finds_only_entries_for_everybody() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).from_host("11.11.11.7");
    client.add(&mapping).expect("an own mapping");
    client.specific(&mapping).expect("found under its RemoteHost");
    refused(client.specific(&mapping.clone().from_host("")), &[714]);
    refused(client.specific(&mapping.from_host("11.11.11.8")), &[714]);
}

#[test]
fn a_protocol_outside_the_list_is_601() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.protocol = String::from("SCTP");
    refused(client.specific(&mapping), &[601]);
}

#[test]
fn a_disabled_entry_is_reported_as_disabled() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.enabled = String::from("0");
    client.add(&mapping).expect("an own mapping");
    assert_eq!(
        client.specific(&mapping).expect("an own mapping").get("NewEnabled"),
        "0"
    );
}
