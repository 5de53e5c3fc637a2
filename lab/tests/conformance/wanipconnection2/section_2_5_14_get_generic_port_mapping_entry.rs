//! GetGenericPortMappingEntry.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{ControlPoint, PortMapping, refused};

/// Ports of the entries from index 0 to the first 713; 606 stands for an entry that is there but hidden.
fn enumerate(client: &ControlPoint<'_>) -> Vec<Option<u64>> {
    let mut entries = Vec::new();
    for index in 0..1000 {
        match client.generic(index) {
            Ok(answer) => entries.push(Some(answer.number("NewExternalPort"))),
            Err(fault) if fault.code == 606 => entries.push(None),
            Err(fault) => {
                assert_eq!(fault.code, 713, "{fault}");
                return entries;
            }
        }
    }
    panic!("the array has no end");
}

#[test]
fn it_reports_all_eight_arguments_in_order() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    client
        .add(&PortMapping::new(&client, 9000).udp().to_port(7000).described("a & b"))
        .expect("an own mapping");
    let answer = client.generic(0).expect("an own mapping");
    assert_eq!(
        answer.names(),
        [
            "NewRemoteHost",
            "NewExternalPort",
            "NewProtocol",
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration"
        ]
    );
    let values: Vec<_> = answer.0[..7].iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["", "9000", "UDP", "7000", "192.168.77.11", "1", "a & b"]);
    assert!((3590..=3600).contains(&answer.number("NewLeaseDuration")));
}

#[test]
fn an_empty_array_has_no_index_zero() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    refused(bed.client(1).generic(0), &[713]);
}

#[test]
fn the_array_is_contiguous_and_compacted_on_delete() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    for port in 9000..9004 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    client.delete(&PortMapping::new(&client, 9001)).expect("an own mapping");
    let mut ports = enumerate(&client);
    ports.sort_unstable();
    assert_eq!(ports, [Some(9000), Some(9002), Some(9003)]);
}

#[test]
fn an_entry_of_somebody_else_is_606_and_the_array_goes_on() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    first.add(&PortMapping::new(&first, 9000)).expect("an own mapping");
    second.add(&PortMapping::new(&second, 9001)).expect("an own mapping");
    first.add(&PortMapping::new(&first, 9002)).expect("an own mapping");
    let seen = enumerate(&first);
    assert_eq!(seen.len(), 3, "hidden entries keep their place: {seen:?}");
    let mut visible: Vec<_> = seen.into_iter().flatten().collect();
    visible.sort_unstable();
    assert_eq!(visible, [9000, 9002]);
}

#[test]
fn a_v1_caller_sees_its_own_entries_without_gaps() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    second.add(&PortMapping::new(&second, 9001)).expect("an own mapping");
    first.add(&PortMapping::new(&first, 9000)).expect("an own mapping");
    first.add(&PortMapping::new(&first, 9002)).expect("an own mapping");
    let mut visible = Vec::new();
    let end = (0..10).find_map(|index: u32| {
        match first.call_v1(
            "GetGenericPortMappingEntry",
            &[("NewPortMappingIndex", &index.to_string())],
        ) {
            Ok(answer) => {
                visible.push(answer.number("NewExternalPort"));
                None
            }
            Err(fault) => Some(fault.code),
        }
    });
    // Clients of :1 stop at the first error and take only 713 for the end.
    assert_eq!(end, Some(713));
    visible.retain(|port| *port != 9001);
    visible.sort_unstable();
    assert_eq!(visible, [9000, 9002]);
}

#[test]
fn an_index_that_is_no_number_is_invalid() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for wrong in ["first", "", "-1", "65536"] {
        refused(
            client.call("GetGenericPortMappingEntry", &[("NewPortMappingIndex", wrong)]),
            &[402, 713],
        );
    }
}
