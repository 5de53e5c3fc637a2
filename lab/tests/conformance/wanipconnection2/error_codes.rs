//! Section 2.5.22: every error that can be provoked, with the text of the standard.
//!
//! A gateway may add a reason after the text.

use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{Fault, PortMapping, refused};
use portreeve_testkit::Echo;

#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T, Fault>, code: u16, text: &str) {
    let fault = refused(result, &[code]);
    assert!(
        fault.description.to_lowercase().starts_with(&text.to_lowercase()),
        "{code} reads {:?}, not {text:?}",
        fault.description
    );
}

#[test]
fn error_401_invalid_action() {
    let Some(bed) = Bed::shared() else { return };
    says(bed.client(1).call("NoSuchAction", &[]), 401, "Invalid Action");
}

#[test]
fn error_402_invalid_args_when_one_is_missing() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    let without: Vec<_> = mapping
        .arguments()
        .into_iter()
        .filter(|(name, _)| *name != "NewInternalPort")
        .collect();
    says(client.call("AddPortMapping", &without), 402, "Invalid Args");
    refused(client.specific(&mapping), &[714]);
}

#[test]
fn error_402_invalid_args_when_a_number_is_no_number() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.internal_port = String::from("many");
    says(client.add(&mapping), 402, "Invalid Args");
}

#[test]
fn error_402_or_601_when_a_port_exceeds_ui2() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for wrong in ["65536", "-1", "4294967297"] {
        let mut mapping = PortMapping::new(&client, bed.port());
        mapping.external_port = wrong.to_owned();
        refused(client.add(&mapping), &[402, 600, 601]);
    }
}

#[test]
fn error_402_invalid_args_when_a_boolean_is_no_boolean() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.enabled = String::from("perhaps");
    refused(client.add(&mapping), &[402, 600, 601]);
}

#[test]
fn error_404_invalid_var() {
    let Some(bed) = Bed::shared() else { return };
    says(
        bed.client(1).query("WANIPConnection:2", "NoSuchVariable"),
        404,
        "Invalid Var",
    );
}

#[test]
fn error_601_argument_value_out_of_range() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.protocol = String::from("SCTP");
    says(client.add(&mapping), 601, "Argument Value Out of Range");
}

#[test]
fn error_606_action_not_authorized() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    says(
        client.add(&PortMapping::new(&client, bed.port()).to_client("192.168.77.12")),
        606,
        "Action not authorized",
    );
}

#[test]
fn error_713_specified_array_index_invalid() {
    let Some(bed) = Bed::shared() else { return };
    says(bed.client(1).generic(65_000), 713, "SpecifiedArrayIndexInvalid");
}

#[test]
fn error_714_no_such_entry_in_array() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    says(
        client.specific(&PortMapping::new(&client, bed.port())),
        714,
        "NoSuchEntryInArray",
    );
}

#[test]
fn error_715_wildcard_not_permitted_in_src_ip() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    says(
        client.add(&PortMapping::new(&client, bed.port()).to_client("")),
        715,
        "WildCardNotPermittedInSrcIP",
    );
}

#[test]
fn error_716_wildcard_not_permitted_in_ext_port() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.external_port = String::from("0");
    says(client.add(&mapping), 716, "WildCardNotPermittedInExtPort");
}

#[test]
fn error_718_conflict_in_mapping_entry() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    first.add(&PortMapping::new(&first, port)).expect("the port is free");
    says(
        second.add(&PortMapping::new(&second, port)),
        718,
        "ConflictInMappingEntry",
    );
}

#[test]
fn error_728_no_port_maps_available() {
    let settings = Settings {
        external_ports: Some((9000, 9002)),
        ..Settings::default()
    };
    let Some(bed) = Bed::own(&settings) else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    for port in 9000..=9002 {
        first
            .add(&PortMapping::new(&first, port))
            .expect("one of the three ports that there are");
    }
    says(
        second.add_any(&PortMapping::new(&second, 9001)),
        728,
        "NoPortMapsAvailable",
    );
    assert_eq!(
        second.add_any(&PortMapping::new(&second, 9001).udp()),
        Ok(9001),
        "the other protocol has ports left"
    );
}

#[test]
fn error_729_conflict_with_other_mechanisms() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Echo::tcp(bed.gateway(), bed.port());
    // A daemon may look what else listens once a second only.
    thread::sleep(Duration::from_millis(1500));
    says(
        client.add(&PortMapping::new(&client, listener.port())),
        729,
        "ConflictWithOtherMechanisms",
    );
}

#[test]
fn error_730_port_mapping_not_found() {
    let Some(bed) = Bed::shared() else { return };
    let port = bed.port();
    says(
        bed.client(1).delete_range(port, port, "TCP", "0"),
        730,
        "PortMappingNotFound",
    );
}

#[test]
fn error_732_wildcard_not_permitted_in_int_port() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    says(
        client.add(&PortMapping::new(&client, bed.port()).to_port(0)),
        732,
        "WildCardNotPermittedInIntPort",
    );
}

#[test]
fn error_733_inconsistent_parameters() {
    let Some(bed) = Bed::shared() else { return };
    says(
        bed.client(1).delete_range(30_001, 30_000, "TCP", "0"),
        733,
        "InconsistentParameters",
    );
}

#[test]
fn errors_724_to_727_never_come_from_a_v2_gateway() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let (external, internal) = (bed.port(), bed.port());
    // What 724, 725, 726 and 727 refuse, in one request: other ports, a finite lease, one remote host, one external
    // port.
    let mapping = PortMapping::new(&client, external)
        .to_port(internal)
        .lease(60)
        .from_host("11.11.11.7");
    client.add(&mapping).expect("a :2 gateway supports all of that");
}
