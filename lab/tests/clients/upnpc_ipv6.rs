//! upnpc, Debian's miniupnpc, over IPv6 with its own discovery: pinholes through the gateway's own firewall.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_testkit::{Echo, Finished, Host, Reply, reach_tcp, reach_udp, wait_until};

use crate::support::{Protocol, require_program};

/// The shortest lease that leaves time to look, and longer than that by what a busy machine needs.
const LEASE: u64 = 6;
const AFTER_LEASE: Duration = Duration::from_secs(LEASE + 4);

/// A gateway that is the firewall, so that nothing gets in without a pinhole.
fn bed() -> Option<Bed> {
    require_program("upnpc", "miniupnpc")?;
    let settings = Settings {
        overrides: vec![String::from("ipv6.firewall=own")],
        ..Settings::default()
    };
    (Kind::from_environment() == Kind::Portreeved).then(|| Bed::own(&settings))?
}

/// Runs upnpc on LAN host 1 and returns all that it printed.
fn said(bed: &Bed, arguments: &str) -> String {
    let arguments = arguments.split_whitespace();
    let Finished { stdout, stderr, .. } = bed.lan_host(1).command("upnpc", ["-6"].into_iter().chain(arguments));
    stdout + &stderr
}

#[track_caller]
fn says(bed: &Bed, arguments: &str, expected: &str) {
    let output = said(bed, arguments);
    assert!(output.contains(expected), "no {expected:?} in:\n{output}");
}

/// Opens a pinhole to LAN host 1 for everybody who is `remote`, and returns its UniqueID.
#[track_caller]
fn pinhole(bed: &Bed, remote: &str, echo: &Echo, protocol: Protocol, lease: u64) -> u16 {
    let (own, port, name) = (bed.lan_host(1).ipv6(), echo.port(), protocol.name());
    let output = said(bed, &format!("-A {remote} 0 {own} {port} {name} {lease}"));
    let id = output.lines().find_map(|line| line.rsplit_once("Pinhole ID = "));
    let id = id.and_then(|(_, id)| id.trim().parse().ok());
    id.unwrap_or_else(|| panic!("no pinhole:\n{output}"))
}

/// From an Internet host to a port of LAN host 1.
fn reach(bed: &Bed, from: &Host, protocol: Protocol, port: u16) -> io::Result<Reply> {
    let to = SocketAddr::from((bed.lan_host(1).ipv6(), port));
    match protocol {
        Protocol::Tcp => reach_tcp(from, to),
        Protocol::Udp => reach_udp(from, to),
    }
}

fn is_open(bed: &Bed, protocol: Protocol, port: u16) -> bool {
    reach(bed, bed.internet_host(1), protocol, port).is_ok_and(|reply| {
        let whole_way = reply.server == "lan1" && reply.seen.ip() == bed.internet_host(1).ipv6();
        assert!(whole_way, "translated, or somebody else: {reply:?}");
        whole_way
    })
}

/// What upnpc says that the pinhole has counted.
#[track_caller]
fn packets(bed: &Bed, id: u16) -> u64 {
    let output = said(bed, &format!("-K {id}"));
    let packets = output.lines().find_map(|line| line.rsplit_once("PinholePackets = "));
    let packets = packets.and_then(|(_, packets)| packets.trim().parse().ok());
    packets.unwrap_or_else(|| panic!("no count:\n{output}"))
}

#[test]
fn the_gateway_is_found_over_ipv6_with_its_status() {
    let Some(bed) = bed() else { return };
    let output = said(&bed, "-s");
    let link_local = bed.gateway().link_local("br0");
    for expected in [
        &format!("desc: http://[{}]:5000/igd2.xml", link_local.ip()),
        "Found valid IGD",
        "Status : Connected",
        "ExternalIPAddress = 11.11.11.2",
    ] {
        assert!(output.contains(expected), "no {expected:?} in:\n{output}");
    }
}

#[test]
fn the_firewall_is_on_and_lets_pinholes_be_made() {
    let Some(bed) = bed() else { return };
    let output = said(&bed, "-S");
    for expected in ["Firewall Enabled: Yes", "Inbound Pinhole Allowed: Yes"] {
        assert!(output.contains(expected), "no {expected:?} in:\n{output}");
    }
}

/// Adds, checks, counts, updates and deletes a pinhole; bytes pass in between and only then.
#[track_caller]
fn lives_its_life(protocol: Protocol) {
    let Some(bed) = bed() else { return };
    let echo = protocol.echo(&bed);
    let remote = bed.internet_host(1).ipv6().to_string();
    assert!(!is_open(&bed, protocol, echo.port()), "open without a pinhole");

    let id = pinhole(&bed, &remote, &echo, protocol, 600);
    says(&bed, &format!("-C {id}"), "failed with code 709");
    assert_eq!(packets(&bed, id), 0);
    assert!(is_open(&bed, protocol, echo.port()));
    let stranger = reach(&bed, bed.internet_host(2), protocol, echo.port());
    assert!(stranger.is_err(), "open for another host: {stranger:?}");
    says(&bed, &format!("-C {id}"), "IsWorking = Yes");
    let counted = packets(&bed, id);
    assert!(counted > 0);

    let output = said(&bed, &format!("-U {id} 3600"));
    assert!(
        output.contains("UpdatePinhole") && !output.contains("failed"),
        "{output}"
    );
    assert!(is_open(&bed, protocol, echo.port()), "closed by the update");
    assert!(packets(&bed, id) > counted, "the update lost the count");

    says(&bed, &format!("-D {id}"), "UPNP_DeletePinhole() returned : 0");
    assert!(!is_open(&bed, protocol, echo.port()), "open after its end");
    says(&bed, &format!("-D {id}"), "UPNP_DeletePinhole() returned : 704");
    says(&bed, &format!("-K {id}"), "failed with code 704");
}

#[test]
fn a_pinhole_for_tcp_lives_its_life() {
    lives_its_life(Protocol::Tcp);
}

#[test]
fn a_pinhole_for_udp_lives_its_life() {
    lives_its_life(Protocol::Udp);
}

#[test]
fn the_count_is_that_of_the_packets_that_came() {
    let Some(bed) = bed() else { return };
    let echo = Protocol::Udp.echo(&bed);
    let remote = bed.internet_host(1).ipv6().to_string();
    let id = pinhole(&bed, &remote, &echo, Protocol::Udp, 600);
    for _ in 0..7 {
        assert!(is_open(&bed, Protocol::Udp, echo.port()));
    }
    // One datagram each; answers and strangers do not count.
    assert_eq!(packets(&bed, id), 7);
    assert!(reach(&bed, bed.internet_host(2), Protocol::Udp, echo.port()).is_err());
    assert_eq!(packets(&bed, id), 7);
}

#[test]
fn a_pinhole_ends_with_its_lease_whether_the_daemon_lives_or_not() {
    let Some(bed) = bed() else { return };
    let remote = bed.internet_host(1).ipv6().to_string();
    let (first, second) = (Protocol::Tcp.echo(&bed), Protocol::Tcp.echo(&bed));
    let id = pinhole(&bed, &remote, &first, Protocol::Tcp, LEASE);
    assert!(is_open(&bed, Protocol::Tcp, first.port()));
    let closes = |echo: &Echo| wait_until(AFTER_LEASE, || !is_open(&bed, Protocol::Tcp, echo.port()));
    assert!(closes(&first), "open after its lease");
    says(&bed, &format!("-D {id}"), "returned : 704");

    pinhole(&bed, &remote, &second, Protocol::Tcp, LEASE);
    bed.subject().kill();
    assert!(
        is_open(&bed, Protocol::Tcp, second.port()),
        "killing the daemon closed it"
    );
    assert!(closes(&second), "open after its lease with the daemon dead");
}

#[test]
fn a_pinhole_outlives_a_killed_daemon_and_its_restart() {
    let Some(bed) = bed() else { return };
    let echo = Protocol::Tcp.echo(&bed);
    let id = pinhole(
        &bed,
        &bed.internet_host(1).ipv6().to_string(),
        &echo,
        Protocol::Tcp,
        600,
    );
    assert!(is_open(&bed, Protocol::Tcp, echo.port()));
    let counted = packets(&bed, id);
    bed.subject().kill();
    assert!(is_open(&bed, Protocol::Tcp, echo.port()));
    bed.start();
    assert!(is_open(&bed, Protocol::Tcp, echo.port()));
    assert!(packets(&bed, id) > counted, "the count began anew");
    says(&bed, &format!("-D {id}"), "returned : 0");
    assert!(!is_open(&bed, Protocol::Tcp, echo.port()));
}

#[test]
fn a_pinhole_to_another_host_is_refused() {
    let Some(bed) = bed() else { return };
    let remote = bed.internet_host(1).ipv6();
    for client in [
        bed.lan_host(2).ipv6(),
        Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 5),
    ] {
        says(
            &bed,
            &format!("-A {remote} 0 {client} 7000 TCP 600"),
            "failed with code 606",
        );
    }
}

#[test]
fn the_outbound_timeout_is_told() {
    let Some(bed) = bed() else { return };
    let (remote, own) = (bed.internet_host(1).ipv6(), bed.lan_host(1).ipv6());
    says(
        &bed,
        &format!("-G {remote} 0 {own} 7000 6"),
        "GetOutboundPinholeTimeout: (",
    );
}
