//! What a public control point, one that has not authenticated, may do: every row of the access table.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{PortMapping, refused};

#[test]
fn add_an_external_port_below_1024_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for port in [1, 80, 1023] {
        refused(client.add(&PortMapping::new(&client, port).to_port(8080)), &[606]);
    }
}

#[test]
fn add_an_internal_port_below_1024_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for port in [1, 22, 1023] {
        refused(client.add(&PortMapping::new(&client, bed.port()).to_port(port)), &[606]);
    }
}

#[test]
fn add_both_ports_at_1024_is_allowed() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    client
        .add(&PortMapping::new(&client, 1024))
        .expect("1024 is not below 1024");
}

#[test]
fn add_for_another_internal_client_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for other in ["192.168.77.12", "192.168.77.1", "11.11.11.7"] {
        refused(
            client.add(&PortMapping::new(&client, bed.port()).to_client(other)),
            &[606],
        );
    }
}

#[test]
fn add_any_an_external_port_below_1024_is_606_or_replaced() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    match client.add_any(&PortMapping::new(&client, 80).to_port(8080)) {
        Ok(reserved) => assert!(reserved >= 1024, "{reserved}"),
        Err(fault) => assert_eq!(fault.code, 606, "{fault}"),
    }
}

#[test]
fn add_any_an_internal_port_below_1024_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(
        client.add_any(&PortMapping::new(&client, bed.port()).to_port(22)),
        &[606],
    );
}

#[test]
fn add_any_for_another_internal_client_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(
        client.add_any(&PortMapping::new(&client, bed.port()).to_client("192.168.77.12")),
        &[606],
    );
}

#[test]
fn delete_an_entry_of_another_client_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let mapping = PortMapping::new(&first, bed.port());
    first.add(&mapping).expect("an own mapping");
    refused(second.delete(&mapping), &[606]);
    first.specific(&mapping).expect("untouched");
}

#[test]
fn delete_an_external_port_below_1024_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(client.delete(&PortMapping::new(&client, 1023)), &[606]);
}

#[test]
fn delete_range_below_1024_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for (start, end) in [(1, 65_535), (1023, 30_000), (80, 80)] {
        refused(client.delete_range(start, end, "TCP", "0"), &[606]);
    }
}

#[test]
fn delete_range_with_manage_does_not_touch_others() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    let mapping = PortMapping::new(&first, 9000);
    first.add(&mapping).expect("an own mapping");
    refused(second.delete_range(1024, 65_535, "TCP", "1"), &[730, 606]);
    first.specific(&mapping).expect("untouched");
}

#[test]
fn list_below_1024_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for (start, end) in [(0, 65_535), (1, 65_535), (1023, 30_000), (80, 80)] {
        refused(client.list(start, end, "TCP", "1", 0), &[606]);
    }
}

#[test]
fn get_generic_of_another_client_is_606() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    first.add(&PortMapping::new(&first, 9000)).expect("an own mapping");
    refused(second.generic(0), &[606]);
    refused(second.generic(1), &[713]);
}

#[test]
fn get_specific_of_another_client_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let mapping = PortMapping::new(&first, bed.port());
    first.add(&mapping).expect("an own mapping");
    refused(second.specific(&mapping), &[606]);
}

#[test]
fn get_specific_of_a_port_below_1024_is_606() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(client.specific(&PortMapping::new(&client, 80)), &[606]);
}

#[test]
fn status_type_and_address_are_for_everybody() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(3);
    for action in [
        "GetStatusInfo",
        "GetConnectionTypeInfo",
        "GetExternalIPAddress",
        "GetNATRSIPStatus",
    ] {
        client
            .call(action, &[])
            .unwrap_or_else(|fault| panic!("{action}: {fault}"));
    }
}

#[test]
fn wildcards_are_checked_before_policy() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    // The most specific error: 732 although 0 is below 1024, 715 although nobody is not the caller.
    refused(client.add(&PortMapping::new(&client, 80).to_port(0)), &[732]);
    refused(client.add(&PortMapping::new(&client, 80).to_client("")), &[715]);
}

#[test]
fn the_protocol_is_checked_before_policy() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, 80);
    mapping.protocol = String::from("SCTP");
    refused(client.add(&mapping), &[601]);
}

#[test]
fn policy_is_checked_before_conflicts() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let mapping = PortMapping::new(&first, bed.port());
    first.add(&mapping).expect("an own mapping");
    // Asked for the owner's address by somebody else: whether the port is taken is none of its business.
    refused(second.add(&mapping), &[606]);
}
