//! GetListOfPortMappings.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::xml::{self, Element};
use portreeve_lab::upnp::{PortMapping, refused};

const NAMESPACE: &str = "urn:schemas-upnp-org:gw:WANIPConnection";

#[track_caller]
fn entries(listing: &str) -> Vec<Element> {
    let list = xml::parse(listing).unwrap_or_else(|e| panic!("{e}\n{listing}"));
    assert_eq!(
        (list.name.as_str(), list.namespace.as_str()),
        ("PortMappingList", NAMESPACE)
    );
    assert!(
        list.children.iter().all(|child| child.name == "PortMappingEntry"),
        "{listing}"
    );
    list.children
}

fn ports(entries: &[Element]) -> Vec<String> {
    let mut ports: Vec<_> = entries.iter().map(|entry| entry.text_of("NewExternalPort")).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn an_entry_has_the_eight_elements_of_the_schema_in_order() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let port = bed.port();
    client
        .add(&PortMapping::new(&client, port).to_port(7000).described("listed"))
        .expect("an own mapping");
    let entries = entries(&client.list(port, port, "TCP", "0", 0).expect("an own mapping"));
    let [entry] = entries.as_slice() else {
        panic!("one entry: {entries:?}")
    };
    assert_eq!(
        entry.child_names(),
        [
            "NewRemoteHost",
            "NewExternalPort",
            "NewProtocol",
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewDescription",
            "NewLeaseTime"
        ]
    );
    let values: Vec<_> = entry.children[..7].iter().map(|child| child.text.clone()).collect();
    assert_eq!(
        values,
        ["", &port.to_string(), "TCP", "7000", "192.168.77.11", "1", "listed"]
    );
    let left: u32 = entry.text_of("NewLeaseTime").parse().expect("ui4");
    assert!((3590..=3600).contains(&left), "{left}");
    for element in std::iter::once(entry).chain(&entry.children) {
        assert_eq!(element.namespace, NAMESPACE, "{}", element.name);
    }
}

#[test]
fn a_description_with_markup_does_not_break_the_document() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let port = bed.port();
    let text = "]]> </p:NewDescription> & <x>";
    client
        .add(&PortMapping::new(&client, port).described(text))
        .expect("an own mapping");
    let entries = entries(&client.list(port, port, "TCP", "0", 0).expect("an own mapping"));
    assert_eq!(
        entries[0].child("NewDescription").map(|element| element.text.as_str()),
        Some(text)
    );
}

#[test]
fn only_the_range_and_the_protocol_are_listed() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    for port in 9000..9005 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    client
        .add(&PortMapping::new(&client, 9002).udp())
        .expect("an own mapping");
    let tcp = entries(&client.list(9001, 9003, "TCP", "0", 0).expect("own mappings"));
    assert_eq!(ports(&tcp), ["9001", "9002", "9003"]);
    let udp = entries(&client.list(1024, 65_535, "UDP", "0", 0).expect("own mappings"));
    assert_eq!(ports(&udp), ["9002"]);
}

#[test]
fn no_more_than_the_number_asked_for() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    for port in 9000..9005 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    assert_eq!(
        entries(&client.list(1024, 65_535, "TCP", "0", 2).expect("own mappings")).len(),
        2
    );
}

#[test]
fn number_zero_is_no_limit_of_the_caller() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    for port in 9000..9020 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    assert_eq!(
        entries(&client.list(1024, 65_535, "TCP", "0", 0).expect("own mappings")).len(),
        20
    );
}

#[test]
fn a_long_list_can_be_read_in_pages() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    for port in 9000..9025 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    let mut seen = Vec::new();
    let mut start = 1024;
    while let Ok(listing) = client.list(start, 65_535, "TCP", "0", 10) {
        let page = entries(&listing);
        assert!(page.len() <= 10, "{}", page.len());
        if page.is_empty() {
            break;
        }
        let last = page
            .iter()
            .filter_map(|entry| entry.text_of("NewExternalPort").parse::<u16>().ok())
            .max();
        seen.extend(page);
        // One entry per port here, so that the next page begins behind the largest port of this one.
        start = last.expect("every entry has a port") + 1;
    }
    let expected: Vec<_> = (9000..9025).map(|port: u16| port.to_string()).collect();
    assert_eq!(ports(&seen), expected);
}

#[test]
fn manage_0_lists_the_callers_own() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    first.add(&PortMapping::new(&first, 9000)).expect("an own mapping");
    second.add(&PortMapping::new(&second, 9001)).expect("an own mapping");
    assert_eq!(
        ports(&entries(
            &first.list(1024, 65_535, "TCP", "0", 0).expect("an own mapping")
        )),
        ["9000"]
    );
}

#[test]
fn manage_1_does_not_lift_access_control() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    first.add(&PortMapping::new(&first, 9000)).expect("an own mapping");
    second.add(&PortMapping::new(&second, 9001)).expect("an own mapping");
    assert_eq!(
        ports(&entries(
            &first.list(1024, 65_535, "TCP", "1", 0).expect("an own mapping")
        )),
        ["9000"]
    );
}

#[test]
fn nothing_to_list_is_730() {
    let Some(bed) = Bed::shared() else { return };
    let port = bed.port();
    refused(bed.client(1).list(port, port, "TCP", "0", 0), &[730]);
}

#[test]
fn only_entries_of_others_is_730() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    second.add(&PortMapping::new(&second, port)).expect("an own mapping");
    refused(first.list(port, port, "TCP", "1", 0), &[730]);
}

#[test]
fn start_after_end_is_733() {
    let Some(bed) = Bed::shared() else { return };
    refused(bed.client(1).list(9001, 9000, "TCP", "0", 0), &[733]);
}

#[test]
fn a_protocol_outside_the_list_is_601() {
    let Some(bed) = Bed::shared() else { return };
    refused(bed.client(1).list(1024, 65_535, "SCTP", "0", 0), &[601]);
}
