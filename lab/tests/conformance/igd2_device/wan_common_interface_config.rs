//! WANCommonInterfaceConfig:1.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::description::Variable;
use portreeve_lab::upnp::{ControlPoint, PortMapping, refused};
use portreeve_testkit::{Cable, Echo, reach_tcp, wait_until};

const SERVICE: &str = "WANCommonInterfaceConfig:1";

#[track_caller]
fn properties(client: &ControlPoint<'_>) -> portreeve_lab::upnp::Answer {
    client
        .call_service(SERVICE, "GetCommonLinkProperties", &[])
        .expect("anybody may read them")
}

/// Type, eventing and presence of a variable; an absent optional one is right.
fn declared(name: &str, data_type: &str, evented: &str, required: bool) -> Option<Variable> {
    let bed = Bed::shared()?;
    let scpd = bed.client(1).scpd(SERVICE);
    let Some(variable) = scpd.variable(name) else {
        assert!(!required, "{name} is required");
        return None;
    };
    assert_eq!(
        (variable.data_type.as_str(), variable.send_events.as_str()),
        (data_type, evented),
        "{name}"
    );
    Some(variable.clone())
}

#[test]
fn wan_access_type_is_declared() {
    let Some(variable) = declared("WANAccessType", "string", "no", true) else {
        return;
    };
    assert!(
        variable.allowed.iter().any(|value| value == "Ethernet"),
        "{:?}",
        variable.allowed
    );
}

#[test]
fn the_maximum_bit_rates_are_declared() {
    declared("Layer1UpstreamMaxBitRate", "ui4", "no", true);
    declared("Layer1DownstreamMaxBitRate", "ui4", "no", true);
}

#[test]
fn physical_link_status_is_declared_and_evented() {
    let Some(variable) = declared("PhysicalLinkStatus", "string", "yes", true) else {
        return;
    };
    for value in ["Up", "Down"] {
        assert!(
            variable.allowed.iter().any(|allowed| allowed == value),
            "{:?}",
            variable.allowed
        );
    }
}

#[test]
fn the_counters_are_ui4_if_declared() {
    for name in [
        "TotalBytesSent",
        "TotalBytesReceived",
        "TotalPacketsSent",
        "TotalPacketsReceived",
    ] {
        declared(name, "ui4", "no", false);
    }
}

#[test]
fn link_properties_come_in_order() {
    let Some(bed) = Bed::shared() else { return };
    let answer = properties(&bed.client(1));
    assert_eq!(
        answer.names(),
        [
            "NewWANAccessType",
            "NewLayer1UpstreamMaxBitRate",
            "NewLayer1DownstreamMaxBitRate",
            "NewPhysicalLinkStatus"
        ]
    );
    assert!(
        ["DSL", "POTS", "Cable", "Ethernet"].contains(&answer.get("NewWANAccessType")),
        "{answer:?}"
    );
    for name in ["NewLayer1UpstreamMaxBitRate", "NewLayer1DownstreamMaxBitRate"] {
        assert!(answer.number(name) <= u64::from(u32::MAX), "{answer:?}");
    }
    assert_eq!(answer.get("NewPhysicalLinkStatus"), "Up");
}

#[test]
fn an_ethernet_interface_is_ethernet() {
    let Some(bed) = Bed::shared() else { return };
    assert_eq!(properties(&bed.client(1)).get("NewWANAccessType"), "Ethernet");
}

#[test]
fn the_link_status_follows_the_cable() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    let status = || properties(&client).get("NewPhysicalLinkStatus").to_owned();
    assert_eq!(status(), "Up");
    bed.wan_cable(Cable::Out);
    assert!(
        wait_until(Duration::from_secs(5), || status() == "Down"),
        "still {}",
        status()
    );
    bed.wan_cable(Cable::In);
    assert!(
        wait_until(Duration::from_secs(5), || status() == "Up"),
        "still {}",
        status()
    );
}

#[test]
fn the_counters_count_the_wan_interface() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let scpd = client.scpd(SERVICE);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let mapping = PortMapping::new(&client, bed.port()).to_port(echo.port());
    client.add(&mapping).expect("an own mapping");
    let port: u16 = mapping.external_port.parse().expect("a number");
    for name in [
        "TotalBytesSent",
        "TotalBytesReceived",
        "TotalPacketsSent",
        "TotalPacketsReceived",
    ] {
        let action = format!("Get{name}");
        if scpd.action(&action).is_none() {
            continue;
        }
        let argument = format!("New{name}");
        let read = || {
            client
                .call_service(SERVICE, &action, &[])
                .expect("anybody may read it")
                .number(&argument)
        };
        let before = read();
        reach_tcp(bed.internet_host(1), SocketAddr::from((bed.wan_ipv4(), port))).expect("open");
        // A daemon may cache the counters for a moment.
        assert!(
            wait_until(Duration::from_secs(3), || read() > before),
            "{name} stays at {before}"
        );
        assert!(read() <= u64::from(u32::MAX), "{name} exceeds ui4");
    }
}

#[test]
fn internet_access_cannot_be_switched_off_by_the_public() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let published = client.scpd(SERVICE).action("SetEnabledForInternet").is_some();
    let codes: &[u16] = if published { &[606] } else { &[401, 602] };
    refused(
        client.call_service(SERVICE, "SetEnabledForInternet", &[("NewEnabledForInternet", "0")]),
        codes,
    );
}

#[test]
fn every_published_reading_action_answers_with_its_arguments() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for action in client.scpd(SERVICE).actions {
        if action.name.starts_with("Get") && action.names("in").is_empty() {
            let answer = client
                .call_service(SERVICE, &action.name, &[])
                .unwrap_or_else(|e| panic!("{}: {e}", action.name));
            assert_eq!(answer.names(), action.names("out"), "{}", action.name);
        }
    }
}
