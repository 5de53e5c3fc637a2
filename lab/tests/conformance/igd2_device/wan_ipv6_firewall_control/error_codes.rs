//! Every error that can be provoked, with the text of the standard. A gateway may add a reason after the text.

use portreeve_lab::Bed;
use portreeve_lab::upnp::{Fault, Pinhole, refused};

#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T, Fault>, code: u16, text: &str) {
    let fault = refused(result, &[code]);
    assert!(
        fault.description.to_lowercase().starts_with(&text.to_lowercase()),
        "{code} reads {:?}, not {text:?}",
        fault.description
    );
}

/// Asks for a pinhole with one argument changed.
#[track_caller]
fn with(name: &str, value: &str, code: u16, text: &str) {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let pinhole = Pinhole::new(&client, bed.port());
    let arguments = pinhole
        .arguments()
        .map(|(known, default)| (known, if known == name { value } else { default }));
    says(client.call_firewall("AddPinhole", &arguments), code, text);
}

#[test]
fn error_402_when_the_lease_is_out_of_range() {
    for lease in ["0", "86401", "4294967295", "-1", "soon"] {
        with("LeaseTime", lease, 402, "Invalid Args");
    }
}

#[test]
fn error_402_when_updating_to_a_lease_out_of_range() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let id = client.open(&Pinhole::new(&client, bed.port())).expect("an own pinhole");
    for lease in [0, 86_401] {
        says(client.prolong(id, lease), 402, "Invalid Args");
    }
}

#[test]
fn error_402_when_an_argument_is_missing() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let pinhole = Pinhole::new(&client, bed.port());
    for missing in 0..6 {
        let mut arguments = pinhole.arguments().to_vec();
        arguments.remove(missing);
        says(client.call_firewall("AddPinhole", &arguments), 402, "Invalid Args");
    }
}

#[test]
fn error_402_when_the_remote_host_cannot_be_resolved() {
    with("RemoteHost", "no-such-host.invalid", 402, "Invalid Args");
}

#[test]
fn error_402_when_an_address_is_of_ipv4() {
    with("RemoteHost", "11.11.11.7", 402, "Invalid Args");
}

#[test]
fn error_704_no_such_entry() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    // No gateway gives this one before it has given all others.
    const NONE: u16 = 65_535;
    for action in ["DeletePinhole", "GetPinholePackets"] {
        says(client.call_pinhole(action, NONE), 704, "NoSuchEntry");
    }
    says(client.prolong(NONE, 60), 704, "NoSuchEntry");
}

#[test]
fn error_705_protocol_not_supported() {
    with("Protocol", "1", 705, "ProtocolNotSupported");
}

#[test]
fn error_706_internal_port_wildcarding_not_allowed() {
    with("InternalPort", "0", 706, "InternalPortWildcardingNotAllowed");
}

#[test]
fn error_707_protocol_wildcarding_not_allowed() {
    with("Protocol", "65535", 707, "ProtocolWildcardingNotAllowed");
}

#[test]
fn error_708_wildcard_not_permitted_in_src_ip() {
    with("InternalClient", "", 708, "WildCardNotPermittedInSrcIP");
}

#[test]
fn error_709_no_traffic_received() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let id = client.open(&Pinhole::new(&client, bed.port())).expect("an own pinhole");
    let fault = refused(client.call_pinhole("CheckPinholeWorking", id), &[401, 602, 709]);
    if fault.code == 709 {
        assert!(fault.description.starts_with("NoTrafficReceived"), "{fault}");
    }
}
