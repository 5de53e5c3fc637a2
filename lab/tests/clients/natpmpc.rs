//! natpmpc, Debian's libnatpmp: NAT-PMP.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_testkit::{Finished, Host};

use crate::support::{Protocol, is_closed, is_open, listed, require_program};

fn bed() -> Option<Bed> {
    require_program("natpmpc", "natpmpc")?;
    Bed::own(&Settings::default())
}

fn natpmpc(host: &Host, arguments: &str) -> Finished {
    host.command("natpmpc", arguments.split_whitespace())
}

/// Asks for a mapping and returns the external port and the lifetime that natpmpc says it got.
#[track_caller]
fn map(host: &Host, external: u16, internal: u16, protocol: Protocol, lifetime: u32) -> (u16, u32) {
    let name = protocol.name().to_lowercase();
    let output = natpmpc(host, &format!("-a {external} {internal} {name} {lifetime}")).success();
    let line = output.lines().find(|line| line.starts_with("Mapped public port"));
    // Mapped public port 9000 protocol TCP to local port 9000 liftime 3600
    let words: Vec<&str> = line.unwrap_or_else(|| panic!("{output}")).split_whitespace().collect();
    assert_eq!(
        (words[5], words[9]),
        (protocol.name(), internal.to_string().as_str()),
        "{output}"
    );
    let number = |at: usize| words[at].parse().expect("natpmpc prints numbers");
    (u16::try_from(number(3)).expect("it is a port"), number(11))
}

#[test]
fn it_finds_the_gateway_and_reads_its_address() {
    let Some(bed) = bed() else { return };
    let output = natpmpc(bed.lan_host(1), "").success();
    for expected in [
        "using gateway : 192.168.77.1",
        "Public IP address : 11.11.11.2",
        "epoch = ",
    ] {
        assert!(output.contains(expected), "no {expected:?} in:\n{output}");
    }
}

/// Maps, renews and deletes; bytes pass until then.
#[track_caller]
fn lives_its_life(protocol: Protocol) {
    let Some(bed) = bed() else { return };
    let (host, echo) = (bed.lan_host(1), protocol.echo(&bed));
    assert_eq!(map(host, 9000, echo.port(), protocol, 600), (9000, 600));
    is_open(&bed, protocol, 9000);
    let (leads_to, lease) = listed(&bed, protocol, 9000).expect("UPnP shows it");
    assert_eq!(leads_to, format!("192.168.77.11:{}", echo.port()));
    assert!((500..=600).contains(&lease), "{lease}");

    assert_eq!(map(host, 9000, echo.port(), protocol, 7200), (9000, 7200));
    is_open(&bed, protocol, 9000);
    let (_, lease) = listed(&bed, protocol, 9000).expect("it is renewed");
    assert!((7100..=7200).contains(&lease), "{lease}");

    assert_eq!(map(host, 0, echo.port(), protocol, 0), (0, 0));
    is_closed(&bed, protocol, 9000);
    assert_eq!(listed(&bed, protocol, 9000), None);
}

#[test]
fn tcp_is_mapped_renewed_and_deleted() {
    lives_its_life(Protocol::Tcp);
}

#[test]
fn udp_is_mapped_renewed_and_deleted() {
    lives_its_life(Protocol::Udp);
}

#[test]
fn a_port_in_use_becomes_another_one() {
    let Some(bed) = bed() else { return };
    let protocol = Protocol::Tcp;
    let echo = protocol.echo(&bed);
    assert_eq!(map(bed.lan_host(2), 9000, 7000, protocol, 600), (9000, 600));
    let (external, _) = map(bed.lan_host(1), 9000, echo.port(), protocol, 600);
    assert_ne!(external, 9000);
    is_open(&bed, protocol, external);
}

#[test]
fn all_mappings_of_the_host_are_deleted_at_once() {
    let Some(bed) = bed() else { return };
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    let echoes = [tcp.echo(&bed), tcp.echo(&bed), udp.echo(&bed)];
    for (external, (protocol, echo)) in (9000..).zip([tcp, tcp, udp].into_iter().zip(&echoes)) {
        map(bed.lan_host(1), external, echo.port(), protocol, 600);
        is_open(&bed, protocol, external);
    }
    map(bed.lan_host(2), 9010, 7000, tcp, 600);
    assert_eq!(map(bed.lan_host(1), 0, 0, tcp, 0), (0, 0));
    is_closed(&bed, tcp, 9000);
    is_closed(&bed, tcp, 9001);
    is_open(&bed, udp, 9002);
    // The other host still has its own: the same answer again.
    assert_eq!(map(bed.lan_host(2), 0, 7000, tcp, 600), (9010, 600));
}
