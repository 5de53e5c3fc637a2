//! upnpc, Debian's miniupnpc, over IPv4 with its own discovery.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_testkit::Finished;

use crate::support::{Protocol, is_closed, is_open, require_program};

fn bed() -> Option<Bed> {
    require_program("upnpc", "miniupnpc")?;
    Bed::own(&Settings::default())
}

fn upnpc(bed: &Bed, arguments: &str) -> Finished {
    bed.lan_host(1).command("upnpc", arguments.split_whitespace())
}

/// Runs upnpc on LAN host 1 and returns what it printed; it must have succeeded.
#[track_caller]
fn said(bed: &Bed, arguments: &str) -> String {
    upnpc(bed, arguments).success()
}

#[test]
fn status_shows_a_connected_gateway_with_its_address() {
    let Some(bed) = bed() else { return };
    let output = said(&bed, "-s");
    for expected in [
        "Found valid IGD",
        "Status : Connected",
        "ExternalIPAddress = 11.11.11.2",
        "Connection Type : IP_Routed",
    ] {
        assert!(output.contains(expected), "no {expected:?} in:\n{output}");
    }
}

/// Adds, lists and deletes a mapping; bytes pass in between and only then.
#[track_caller]
fn maps_lists_and_deletes(protocol: Protocol) {
    let Some(bed) = bed() else { return };
    let echo = protocol.echo(&bed);
    let (external, name) = (9000, protocol.name());
    is_closed(&bed, protocol, external);
    let output = said(
        &bed,
        &format!("-e lab -a 192.168.77.11 {} {external} {name} 600", echo.port()),
    );
    let expected = format!(
        "11.11.11.2:{external} {name} is redirected to internal 192.168.77.11:{}",
        echo.port()
    );
    assert!(output.contains(&expected), "no {expected:?} in:\n{output}");
    is_open(&bed, protocol, external);
    let output = said(&bed, "-l");
    let expected = format!("{name}  {external}->192.168.77.11:{:<5} 'lab'", echo.port());
    assert!(output.contains(&expected), "no {expected:?} in:\n{output}");
    said(&bed, &format!("-d {external} {name}"));
    is_closed(&bed, protocol, external);
    let output = said(&bed, "-l");
    assert!(!output.contains("->192.168.77.11"), "still listed:\n{output}");
}

#[test]
fn tcp_is_mapped_listed_and_deleted() {
    maps_lists_and_deletes(Protocol::Tcp);
}

#[test]
fn udp_is_mapped_listed_and_deleted() {
    maps_lists_and_deletes(Protocol::Udp);
}

#[test]
fn several_ports_are_redirected_at_once() {
    let Some(bed) = bed() else { return };
    said(&bed, "-r 9000 TCP 9000 UDP 7001 9001 TCP");
    let output = said(&bed, "-l");
    for expected in [
        "TCP  9000->192.168.77.11:9000",
        "UDP  9000->192.168.77.11:9000",
        "TCP  9001->192.168.77.11:7001",
    ] {
        assert!(output.contains(expected), "no {expected:?} in:\n{output}");
    }
}

#[test]
fn a_mapping_without_a_lease_is_accepted() {
    let Some(bed) = bed() else { return };
    // upnpc sends 0, as most clients do.
    let output = said(&bed, "-a 192.168.77.11 7000 9000 TCP");
    assert!(output.contains("is redirected"), "{output}");
}

/// `upnpc` searches for version 1; with the URL of the description it uses version 2.
fn description(bed: &Bed) -> String {
    bed.client(1).location().to_owned()
}

#[test]
fn any_free_port_will_do() {
    let Some(bed) = bed() else { return };
    said(&bed, "-a 192.168.77.11 7000 9000 TCP 600");
    let url = description(&bed);
    let arguments = ["-u", &url, "-n", "192.168.77.12", "7000", "9000", "TCP", "600"];
    let output = bed.lan_host(2).command("upnpc", arguments).success();
    assert!(
        output.contains("is redirected to internal 192.168.77.12:7000"),
        "{output}"
    );
    assert!(
        !output.contains("11.11.11.2:9000 TCP is"),
        "that one belongs to somebody else:\n{output}"
    );
}

#[test]
fn the_list_of_port_mappings_is_understood() {
    let Some(bed) = bed() else { return };
    said(&bed, "-e lab -a 192.168.77.11 7000 9000 TCP 600");
    said(&bed, "-e lab -a 192.168.77.11 7001 9001 UDP 600");
    // upnpc asks for all ports from 1 on; 606 is the answer of the standard for those below 1024.
    let output = upnpc(&bed, &format!("-u {} -L", description(&bed)));
    let text = output.stdout + &output.stderr;
    let listed = text.contains("9000->192.168.77.11:7000") && text.contains("9001->192.168.77.11:7001");
    assert!(listed || text.contains("606"), "{text}");
}

#[test]
fn a_range_is_deleted() {
    let Some(bed) = bed() else { return };
    said(&bed, "-r 9000 TCP 9001 TCP 9005 TCP");
    said(&bed, &format!("-u {} -N 9000 9003 TCP", description(&bed)));
    let output = said(&bed, "-l");
    assert!(!output.contains("9000->") && !output.contains("9001->"), "{output}");
    assert!(output.contains("9005->192.168.77.11:9005"), "{output}");
}

#[test]
fn a_port_of_another_client_is_refused_with_718() {
    let Some(bed) = bed() else { return };
    said(&bed, "-a 192.168.77.11 7000 9000 TCP 600");
    let refused = bed
        .lan_host(2)
        .command("upnpc", ["-a", "192.168.77.12", "7000", "9000", "TCP", "600"]);
    let text = refused.stdout + &refused.stderr;
    assert!(text.contains("failed with code 718"), "{text}");
}

#[test]
fn a_mapping_to_another_host_is_refused() {
    let Some(bed) = bed() else { return };
    let refused = upnpc(&bed, "-a 192.168.77.12 7000 9000 TCP 600");
    let text = refused.stdout + &refused.stderr;
    assert!(text.contains("failed with code"), "{text}");
    is_closed(&bed, Protocol::Tcp, 9000);
}
