//! Real packets through the maps.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream, ToSocketAddrs, UdpSocket};

use portreeve_testkit::{Echo, Host, Lab, reach_tcp, reach_udp, require_root, wait_until};
use socket2::{Domain, Socket, Type};

use super::*;

const EXTERNAL: Ipv4Addr = Ipv4Addr::new(11, 11, 11, 2);

#[test]
fn a_mapping_carries_tcp_and_udp_with_the_real_source() {
    let Some(lab) = lab("a_mapping_carries_tcp_and_udp_with_the_real_source") else {
        return;
    };
    let (_tcp, _udp) = (Echo::tcp(lab.lan_host(1), 8080), Echo::udp(lab.lan_host(1), 8080));
    let mut backend = start(&lab);
    let internet = lab.internet_host(1);
    assert!(reach_tcp(internet, (EXTERNAL, 80)).is_err());

    backend
        .apply(&[add(&mapping(80)), add(&udp(mapping(81)))], NOW)
        .unwrap();
    let reply = reach_tcp(internet, (EXTERNAL, 80)).unwrap();
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("lan1", internet.ipv4().into())
    );
    let reply = reach_udp(internet, (EXTERNAL, 81)).unwrap();
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("lan1", internet.ipv4().into())
    );
    assert!(reach_tcp(internet, (EXTERNAL, 81)).is_err());
    assert!(reach_udp(internet, (EXTERNAL, 80)).is_err());

    backend.apply(&[remove(&mapping(80))], NOW).unwrap();
    assert!(reach_tcp(internet, (EXTERNAL, 80)).is_err());
}

#[test]
fn a_mapping_for_a_remote_host_serves_only_that_and_goes_first() {
    let Some(lab) = lab("a_mapping_for_a_remote_host_serves_only_that_and_goes_first") else {
        return;
    };
    let _echoes = [Echo::tcp(lab.lan_host(1), 8080), Echo::tcp(lab.lan_host(2), 8080)];
    let mut backend = start(&lab);
    let (one, two) = (lab.internet_host(1), lab.internet_host(2));
    let server = |host: &Host| reach_tcp(host, (EXTERNAL, 80)).map(|reply| reply.server).ok();

    backend.apply(&[add(&only_for(two.ipv4(), mapping(80)))], NOW).unwrap();
    assert_eq!((server(one), server(two)), (None, Some("lan1".to_owned())));
    let for_all = Mapping {
        internal_client: OTHER_CLIENT,
        ..mapping(80)
    };
    backend.apply(&[add(&for_all)], NOW).unwrap();
    assert_eq!(
        (server(one), server(two)),
        (Some("lan2".to_owned()), Some("lan1".to_owned()))
    );
}

#[test]
fn lan_hosts_reach_each_other_through_the_external_address() {
    let Some(lab) = lab("lan_hosts_reach_each_other_through_the_external_address") else {
        return;
    };
    let _echoes = (Echo::tcp(lab.lan_host(1), 8080), Echo::udp(lab.lan_host(1), 8080));
    let mut backend = start(&lab);
    backend
        .apply(&[add(&mapping(80)), add(&udp(mapping(80)))], NOW)
        .unwrap();
    let gateway = lab.gateway().ipv4();
    for host in lab.lan_hosts() {
        let reply = reach_tcp(host, (EXTERNAL, 80)).unwrap();
        assert_eq!((reply.server.as_str(), reply.seen.ip()), ("lan1", gateway.into()));
        let reply = reach_udp(host, (EXTERNAL, 80)).unwrap();
        assert_eq!((reply.server.as_str(), reply.seen.ip()), ("lan1", gateway.into()));
        assert_eq!(reply.from, SocketAddr::from((EXTERNAL, 80)));
    }
}

#[test]
fn a_mapped_udp_socket_is_seen_with_its_external_port_at_every_address() {
    let Some(lab) = lab("a_mapped_udp_socket_is_seen_with_its_external_port_at_every_address") else {
        return;
    };
    let _echo = Echo::udp(lab.internet_host(1), 3478);
    let mut backend = start(&lab);
    let change = Change::Outbound {
        before: None,
        after: Some(outbound(40000, 3074)),
    };
    backend.apply(&[change], NOW).unwrap();
    let socket = lab.lan_host(1).run(|| UdpSocket::bind((CLIENT, 3074)).unwrap());
    let other = lab.lan_host(1).run(|| UdpSocket::bind((CLIENT, 3075)).unwrap());
    let server = (lab.internet_host(1).ipv4(), 3478);
    assert!(ask(&socket, server).unwrap().contains(" 11.11.11.2:40000 "));
    // Not mapped, and not masqueraded unless so configured: it leaves with an address to which nobody can answer.
    assert_eq!(ask(&other, server), None);

    let moved = Ipv4Addr::new(11, 11, 11, 3);
    lab.set_wan_address(Some(moved));
    backend.set_external(&[moved]).unwrap();
    let mut answer = None;
    soon(|| {
        answer = ask(&socket, server);
        answer
            .as_deref()
            .is_some_and(|answer| answer.contains(" 11.11.11.3:40000 "))
    });

    let masquerading = Settings {
        masquerade: true,
        ..lab_settings(&lab)
    };
    backend.reconfigure(masquerading).unwrap();
    let fresh = lab.lan_host(1).run(|| UdpSocket::bind((CLIENT, 3076)).unwrap());
    assert!(ask(&fresh, server).unwrap().contains(" 11.11.11.3:"));
}

#[test]
fn a_mapped_tcp_socket_is_seen_with_its_external_port_at_every_address() {
    let Some(lab) = lab("a_mapped_tcp_socket_is_seen_with_its_external_port_at_every_address") else {
        return;
    };
    let _echoes = [1, 2].map(|host| Echo::tcp(lab.internet_host(host), 3478));
    let mut backend = start(&lab);
    let change = |before, after| Change::Outbound { before, after };
    let mapped = outbound_tcp(40000, 3074);
    backend
        .apply(
            &[change(None, Some(mapped)), change(None, Some(outbound(40001, 3074)))],
            NOW,
        )
        .unwrap();
    let connect = |host| {
        let stream = lab
            .lan_host(1)
            .run(|| connect_from((CLIENT, 3074), (lab.internet_host(host).ipv4(), 3478)));
        stream.expect("a mapping hinders no connection")
    };
    let streams = [connect(1), connect(2)];
    for stream in &streams {
        assert!(say(stream).unwrap().contains(" 11.11.11.2:40000 "));
    }

    // It begins to lead elsewhere, and ends: what the client began goes on, and what it begins is new.
    let moved = outbound_tcp(40002, 3074);
    backend.apply(&[change(Some(mapped), Some(moved))], NOW).unwrap();
    backend.apply(&[change(Some(moved), None)], NOW).unwrap();
    drop(backend);
    for stream in &streams {
        assert!(say(stream).unwrap().contains(" 11.11.11.2:40000 "));
    }
}

#[test]
fn the_external_port_of_a_flow_is_told() {
    let Some(lab) = lab("the_external_port_of_a_flow_is_told") else {
        return;
    };
    let internet = lab.internet_host(1);
    let _echoes = (
        Echo::udp(internet, 3478),
        Echo::tcp(internet, 3478),
        Echo::tcp(lab.lan_host(1), 8080),
    );
    let masquerading = Settings {
        masquerade: true,
        ..lab_settings(&lab)
    };
    let mut backend = start_with(&lab, masquerading);
    let server = SocketAddrV4::new(internet.ipv4(), 3478);
    let flow = |protocol, port, destination| Flow {
        protocol,
        source: SocketAddrV4::new(CLIENT, port),
        destination,
    };
    let mut seen = |flow: Flow| {
        lab.gateway()
            .run(|| backend.external_port(&flow))
            .unwrap()
            .map(NonZeroU16::get)
    };
    assert_eq!(seen(flow(Protocol::Udp, 3074, server)), None);

    // What the remote host says it sees.
    let port_in = |said: &str| {
        said.split(' ')
            .nth(1)
            .and_then(|seen| seen.parse::<SocketAddr>().ok())
            .unwrap()
            .port()
    };
    let socket = lab.lan_host(1).run(|| UdpSocket::bind((CLIENT, 3074)).unwrap());
    let said = ask(&socket, server).unwrap();
    assert_eq!(seen(flow(Protocol::Udp, 3074, server)), Some(port_in(&said)));
    assert_eq!(seen(flow(Protocol::Tcp, 3074, server)), None);
    let stream = lab.lan_host(1).run(|| connect_from((CLIENT, 3074), server)).unwrap();
    assert_eq!(
        seen(flow(Protocol::Tcp, 3074, server)),
        Some(port_in(&say(&stream).unwrap()))
    );
    let elsewhere = SocketAddrV4::new(lab.internet_host(2).ipv4(), 3478);
    assert_eq!(seen(flow(Protocol::Tcp, 3074, elsewhere)), None);
}

#[test]
fn the_external_port_of_a_flow_from_outside_is_told() {
    let Some(lab) = lab("the_external_port_of_a_flow_from_outside_is_told") else {
        return;
    };
    let _echo = Echo::tcp(lab.lan_host(1), 8080);
    let mut backend = start(&lab);
    backend.apply(&[add(&mapping(80))], NOW).unwrap();
    let internet = lab.internet_host(1);
    let remote = SocketAddrV4::new(internet.ipv4(), 5000);
    let stream = internet.run(|| connect_from(remote, (EXTERNAL, 80))).unwrap();
    assert!(talks(&stream));
    let flow = Flow {
        protocol: Protocol::Tcp,
        source: SocketAddrV4::new(CLIENT, 8080),
        destination: remote,
    };
    let seen = lab.gateway().run(|| backend.external_port(&flow)).unwrap();
    assert_eq!(seen, Some(port(80)));
}

#[test]
fn a_connection_ends_with_its_mapping_and_not_with_a_new_lease() {
    let Some(lab) = lab("a_connection_ends_with_its_mapping_and_not_with_a_new_lease") else {
        return;
    };
    let _echoes = [Echo::tcp(lab.lan_host(1), 8080), Echo::tcp(lab.lan_host(2), 8080)];
    let mut backend = start(&lab);
    let changes = [add(&mapping(80)), add(&mapping(81)), add(&mapping(82))];
    backend.apply(&changes, NOW).unwrap();
    let connect = |port| {
        let stream = lab
            .internet_host(1)
            .run(|| TcpStream::connect((EXTERNAL, port)).unwrap());
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream
    };
    let (removed, moved, renewed) = (connect(80), connect(81), connect(82));
    assert!(talks(&removed) && talks(&moved) && talks(&renewed));

    let elsewhere = Mapping {
        internal_client: OTHER_CLIENT,
        ..mapping(81)
    };
    let longer = Mapping {
        expiry: seconds(7200),
        ..mapping(82)
    };
    backend
        .apply(
            &[
                remove(&mapping(80)),
                replace(&mapping(81), &elsewhere),
                replace(&mapping(82), &longer),
            ],
            NOW,
        )
        .unwrap();
    soon(|| !talks(&removed));
    soon(|| !talks(&moved));
    assert!(talks(&renewed));
    assert_eq!(reach_tcp(lab.internet_host(1), (EXTERNAL, 81)).unwrap().server, "lan2");
}

#[test]
fn connections_stay_if_so_configured() {
    let Some(lab) = lab("connections_stay_if_so_configured") else {
        return;
    };
    let _echo = Echo::tcp(lab.lan_host(1), 8080);
    let settings = Settings {
        cut_connections: false,
        ..lab_settings(&lab)
    };
    let mut backend = start_with(&lab, settings);
    backend.apply(&[add(&mapping(80))], NOW).unwrap();
    let stream = lab.internet_host(1).run(|| TcpStream::connect((EXTERNAL, 80)).unwrap());
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(talks(&stream));
    backend.apply(&[remove(&mapping(80))], NOW).unwrap();
    drop(backend);
    assert!(talks(&stream));
}

#[test]
fn a_sender_that_was_there_before_the_mapping_gets_through() {
    let Some(lab) = lab("a_sender_that_was_there_before_the_mapping_gets_through") else {
        return;
    };
    let _echo = Echo::udp(lab.lan_host(1), 8080);
    let mut backend = start(&lab);
    let socket = lab.internet_host(1).run(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    assert_eq!(ask(&socket, (EXTERNAL, 80)), None);
    backend.apply(&[add(&udp(mapping(80)))], NOW).unwrap();
    soon(|| ask(&socket, (EXTERNAL, 80)).is_some());
}

#[test]
fn a_mapping_for_every_client_reaches_them_all() {
    let Some(lab) = lab("a_mapping_for_every_client_reaches_them_all") else {
        return;
    };
    let listeners = [1, 2].map(|host| lab.lan_host(host).run(|| UdpSocket::bind("0.0.0.0:9").unwrap()));
    let settings = Settings {
        broadcast: Some(Ipv4Addr::new(192, 168, 77, 255)),
        ..lab_settings(&lab)
    };
    lab.gateway().run(|| {
        for interface in ["all", "wan0"] {
            std::fs::write(format!("/proc/sys/net/ipv4/conf/{interface}/bc_forwarding"), "1").unwrap();
        }
    });
    let mut backend = start_with(&lab, settings);
    let every = Mapping {
        internal_client: Mapping::EVERY_CLIENT,
        internal_port: port(9),
        ..udp(mapping(9))
    };
    backend.apply(&[add(&every)], NOW).unwrap();
    let socket = lab.internet_host(1).run(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    socket.send_to(b"wake up", (EXTERNAL, 9)).unwrap();
    for listener in listeners {
        listener.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut buffer = [0; 16];
        let (len, _) = listener.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"wake up");
    }
}

#[test]
fn packets_for_other_addresses_are_left_alone() {
    let Some(lab) = lab("packets_for_other_addresses_are_left_alone") else {
        return;
    };
    let (_mapped, _own) = (Echo::tcp(lab.lan_host(1), 8080), Echo::tcp(lab.gateway(), 80));
    let mut backend = start(&lab);
    backend.apply(&[add(&mapping(80))], NOW).unwrap();
    let server = |to| reach_tcp(lab.lan_host(2), (to, 80)).unwrap().server;
    assert_eq!(server(lab.gateway().ipv4()), "gateway");
    assert_eq!(server(EXTERNAL), "lan1");
    backend.set_external(&[]).unwrap();
    assert_eq!(server(EXTERNAL), "gateway");
}

pub(super) fn lab(test: &str) -> Option<Lab> {
    require_root(test)?;
    let lab = Lab::builder().lan_hosts(2).internet_hosts(2).build();
    // A router's packets are not filtered in its bridge too; where they are, a LAN host cannot reach itself from
    // outside, because a bridge never sends back where a frame came from.
    lab.gateway().run(|| {
        let _ = std::fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
    });
    Some(lab)
}

pub(super) fn lab_settings(lab: &Lab) -> Settings {
    Settings::new(lab.wan_interface(), vec![lab.lan_interface(0)])
}

fn start(lab: &Lab) -> Nftables {
    start_with(lab, lab_settings(lab))
}

fn start_with(lab: &Lab, settings: Settings) -> Nftables {
    let mut backend = lab.gateway().run(|| open(settings));
    backend.set_external(&[lab.wan_ipv4()]).unwrap();
    backend
}

/// What an echo server says to a datagram.
pub(super) fn ask(socket: &UdpSocket, server: impl ToSocketAddrs + Copy) -> Option<String> {
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    // A port that is closed is reported with the next call, which then has not done its work.
    while socket.send_to(b"who am I", server).is_err() {}
    let mut buffer = [0; 200];
    let (len, _) = socket.recv_from(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..len]).into_owned())
}

/// Whether a line comes back over a connection.
pub(super) fn talks(stream: &TcpStream) -> bool {
    say(stream).is_some_and(|line| line.ends_with("hello\n"))
}

/// What an echo server says to a line.
fn say(mut stream: &TcpStream) -> Option<String> {
    stream.write_all(b"hello\n").ok()?;
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') {
        stream.read_exact(&mut byte).ok()?;
        line.push(byte[0]);
    }
    String::from_utf8(line).ok()
}

/// A connection from a port of one's choice, from which others may be up.
fn connect_from(local: impl Into<SocketAddr>, remote: impl Into<SocketAddr>) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&local.into().into())?;
    socket.connect_timeout(&remote.into().into(), Duration::from_secs(2))?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    Ok(stream)
}

/// Waits until it holds.
pub(super) fn soon(condition: impl FnMut() -> bool) {
    assert!(wait_until(Duration::from_secs(5), condition));
}
