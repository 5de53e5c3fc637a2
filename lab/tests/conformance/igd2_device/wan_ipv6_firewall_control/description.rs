//! What the gateway tells of the service, and what it sends to subscribers.

use portreeve_lab::Bed;
use portreeve_lab::upnp::gena::Listener;

use super::SERVICE;

#[test]
fn the_service_is_in_the_wan_connection_device() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client(1);
    let connection = client
        .root_device()
        .device("WANConnectionDevice:2")
        .expect("a WANConnectionDevice:2");
    let service = connection
        .services
        .iter()
        .find(|service| service.service_type.ends_with(SERVICE))
        .expect("IPv6 is behind a firewall here");
    assert_eq!(service.service_id, "urn:upnp-org:serviceId:WANIPv6Firewall1");
}

#[test]
fn the_scpd_declares_the_actions_with_their_arguments_in_order() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let scpd = bed.client(1).scpd(SERVICE);
    const FIVE: [&str; 5] = ["RemoteHost", "RemotePort", "InternalClient", "InternalPort", "Protocol"];
    let with_lease = [&FIVE[..], &["LeaseTime"]].concat();
    let required: [(&str, &[&str], &[&str]); 5] = [
        ("GetFirewallStatus", &[], &["FirewallEnabled", "InboundPinholeAllowed"]),
        ("AddPinhole", &with_lease, &["UniqueID"]),
        ("UpdatePinhole", &["UniqueID", "NewLeaseTime"], &[]),
        ("DeletePinhole", &["UniqueID"], &[]),
        ("GetPinholePackets", &["UniqueID"], &["PinholePackets"]),
    ];
    let optional: [(&str, &[&str], &[&str]); 2] = [
        ("GetOutboundPinholeTimeout", &FIVE, &["OutboundPinholeTimeout"]),
        ("CheckPinholeWorking", &["UniqueID"], &["IsWorking"]),
    ];
    for (name, inputs, outputs) in required.into_iter().chain(optional) {
        let Some(action) = scpd.action(name) else {
            assert!(
                optional.iter().any(|(optional, ..)| *optional == name),
                "{name} is required"
            );
            continue;
        };
        assert_eq!(
            (action.names("in"), action.names("out")),
            (inputs.to_vec(), outputs.to_vec()),
            "{name}"
        );
    }
}

#[test]
fn the_scpd_declares_the_state_variables() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let scpd = bed.client(1).scpd(SERVICE);
    for (name, data_type, evented) in [
        ("FirewallEnabled", "boolean", "yes"),
        ("InboundPinholeAllowed", "boolean", "yes"),
        ("A_ARG_TYPE_IPv6Address", "string", "no"),
        ("A_ARG_TYPE_Port", "ui2", "no"),
        ("A_ARG_TYPE_Protocol", "ui2", "no"),
        ("A_ARG_TYPE_LeaseTime", "ui4", "no"),
        ("A_ARG_TYPE_UniqueID", "ui2", "no"),
        ("A_ARG_TYPE_PinholePackets", "ui4", "no"),
    ] {
        let variable = scpd.variable(name).unwrap_or_else(|| panic!("{name} is required"));
        assert_eq!(
            (variable.data_type.as_str(), variable.send_events.as_str()),
            (data_type, evented),
            "{name}"
        );
    }
    let lease = scpd
        .variable("A_ARG_TYPE_LeaseTime")
        .expect("it was there a moment ago");
    assert_eq!(lease.range, Some((String::from("1"), String::from("86400"))));
}

#[test]
fn the_initial_event_has_both_evented_variables() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(SERVICE, &listener.callback());
    let variables = listener.next().variables();
    for name in ["FirewallEnabled", "InboundPinholeAllowed"] {
        let known = (name.to_owned(), String::from("1"));
        assert!(variables.contains(&known), "{name} in {variables:?}");
    }
}
