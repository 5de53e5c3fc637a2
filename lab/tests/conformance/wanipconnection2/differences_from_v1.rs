//! What a :1 call gets from a :2 gateway.

use portreeve_lab::Bed;
use portreeve_lab::subject::{IgdVersion, Settings};
use portreeve_lab::upnp::{MICROSOFT, PortMapping, refused};

const ONLY_IN_V2: [&str; 3] = ["AddAnyPortMapping", "DeletePortMappingRange", "GetListOfPortMappings"];

#[test]
fn a_v1_call_is_answered_in_the_v1_namespace() {
    let Some(bed) = Bed::shared() else { return };
    // The control point checks the namespace of the answer.
    let answer = bed
        .client(1)
        .call_v1("GetExternalIPAddress", &[])
        .expect(":1 is a subset of :2");
    assert_eq!(answer.get("NewExternalIPAddress"), "11.11.11.2");
}

#[test]
fn a_v1_mapping_is_seen_by_v2_and_the_other_way_round() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let first = PortMapping::new(&client, bed.port());
    client.add_v1(&first).expect("an own mapping");
    client.specific(&first).expect("one table for both versions");
    let second = PortMapping::new(&client, bed.port());
    client.add(&second).expect("an own mapping");
    client
        .call_v1("GetSpecificPortMappingEntry", &second.key())
        .expect("one table for both versions");
    client
        .call_v1("DeletePortMapping", &second.key())
        .expect("an own mapping");
    refused(client.specific(&second), &[714]);
}

#[test]
fn actions_of_v2_are_invalid_for_v1() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    refused(client.call_v1("AddAnyPortMapping", &mapping.arguments()), &[401]);
}

#[test]
fn lease_zero_gets_a_finite_lease_by_default_on_v1() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(0);
    client
        .add_v1(&mapping)
        .expect("lease 0 is what most :1 clients ask for");
    let left = client
        .specific(&mapping)
        .expect("an own mapping")
        .number("NewLeaseDuration");
    // Permanent (0) is the letter of :1; a default of its own or a week are what gateways choose.
    assert!(left == 0 || (1..=604_800).contains(&left), "{left}");
}

#[test]
fn a_long_lease_is_accepted_on_v1_and_never_reported_longer_than_a_week() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(1_000_000);
    client.add_v1(&mapping).expect(":1 has no upper limit");
    let left = client
        .specific(&mapping)
        .expect("an own mapping")
        .number("NewLeaseDuration");
    assert!((604_790..=604_800).contains(&left), "{left}");
}

#[test]
fn the_v1_description_contains_no_action_of_v2() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let root = client.root_device_as(MICROSOFT);
    let service = root.service("WANIPConnection:1").expect("a :1 control point sees :1");
    let scpd = portreeve_lab::upnp::description::Scpd::read(&client.document(&service.scpd_url, MICROSOFT));
    for action in ONLY_IN_V2 {
        assert!(scpd.action(action).is_none(), "{action}");
    }
    for variable in ["SystemUpdateID", "A_ARG_TYPE_Manage", "A_ARG_TYPE_PortListing"] {
        assert!(scpd.variable(variable).is_none(), "{variable}");
    }
    assert!(scpd.action("AddPortMapping").is_some());
}

#[test]
fn a_gateway_forced_to_v1_shows_v1_to_everybody() {
    let settings = Settings {
        igd_version: IgdVersion::One,
        ..Settings::default()
    };
    let Some(bed) = Bed::own(&settings) else { return };
    let client = bed.client(1);
    let root = client.root_device();
    assert_eq!(root.device_type, "urn:schemas-upnp-org:device:InternetGatewayDevice:1");
    assert!(root.service("WANIPConnection:2").is_none());
    assert!(root.service("WANIPConnection:1").is_some());
    client
        .add_v1(&PortMapping::new(&client, bed.port()))
        .expect("an own mapping");
}
