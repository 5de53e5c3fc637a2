//! Real IPv6 packets past the firewall and through pinholes.

use std::io::Read;
use std::net::{SocketAddrV6, TcpStream, UdpSocket};

use portreeve_testkit::{Echo, Host, Lab, reach_tcp, reach_udp, wait_until};
use socket2::{Domain, Socket, Type};

use super::traffic::{ask, lab, lab_settings, soon, talks};
use super::*;

const OTHER: Ipv6Firewall = Ipv6Firewall::Other { mark: MARK };

/// A firewall as people have it: nothing comes in but what belongs to a connection.
const FOREIGN: &str = "table inet fw {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname br0 accept
        tcp dport 2222 accept
    }
}";

#[test]
fn bytes_pass_only_while_the_pinhole_is_there() {
    let Some(lab) = lab6("bytes_pass_only_while_the_pinhole_is_there") else {
        return;
    };
    let _echoes = (Echo::tcp(lab.lan_host(1), 8080), Echo::udp(lab.lan_host(1), 8080));
    let mut backend = start(&lab, Ipv6Firewall::Own);
    let internet = lab.internet_host(1);
    let (tcp, udp) = (pinhole(Transport::Tcp, 8080), pinhole(Transport::Udp, 8080));
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_err());

    backend.apply(&[opened(&tcp)], NOW).unwrap();
    let reply = reach_tcp(internet, (CLIENT_IPV6, 8080)).unwrap();
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("lan1", internet.ipv6().into())
    );
    assert!(reach_udp(internet, (CLIENT_IPV6, 8080)).is_err());

    backend.apply(&[opened(&udp), closed(&tcp)], NOW).unwrap();
    assert_eq!(reach_udp(internet, (CLIENT_IPV6, 8080)).unwrap().server, "lan1");
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_err());
    backend.apply(&[closed(&udp)], NOW).unwrap();
    assert!(reach_udp(internet, (CLIENT_IPV6, 8080)).is_err());
}

#[test]
fn a_pinhole_for_a_remote_host_or_port_lets_in_only_that() {
    let Some(lab) = lab6("a_pinhole_for_a_remote_host_or_port_lets_in_only_that") else {
        return;
    };
    let _echoes = [8081, 8082, 8083].map(|port| Echo::udp(lab.lan_host(1), port));
    let mut backend = start(&lab, Ipv6Firewall::Own);
    let one = lab.internet_host(1).ipv6();
    let pinholes = [
        from(Some(one), None, &pinhole(Transport::Udp, 8081)),
        from(None, Some(4000), &pinhole(Transport::Udp, 8082)),
        from(Some(one), Some(4000), &pinhole(Transport::Udp, 8083)),
    ];
    backend.apply(&pinholes.each_ref().map(opened), NOW).unwrap();
    let mut through = Vec::new();
    for (number, local) in [(1, 4000), (1, 4001), (2, 4000), (2, 4001)] {
        let socket = udp_socket(lab.internet_host(number), local);
        for port in [8081, 8082, 8083] {
            if ask(&socket, (CLIENT_IPV6, port)).is_some() {
                through.push((number, local, port));
            }
        }
    }
    let expected = [
        (1, 4000, 8081),
        (1, 4000, 8082),
        (1, 4000, 8083),
        (1, 4001, 8081),
        (2, 4000, 8082),
    ];
    assert_eq!(through, expected);
    let counts = pinholes.each_ref().map(|pinhole| packets(&mut backend, pinhole));
    assert_eq!(counts, [2, 2, 1]);
}

#[test]
fn every_packet_that_a_pinhole_lets_in_is_counted() {
    let Some(lab) = lab6("every_packet_that_a_pinhole_lets_in_is_counted") else {
        return;
    };
    let _echo = Echo::udp(lab.lan_host(1), 8080);
    for firewall in [Ipv6Firewall::Own, OTHER] {
        let mut backend = start(&lab, firewall);
        let udp = pinhole(Transport::Udp, 8080);
        backend.apply(&[opened(&udp)], NOW).unwrap();
        assert_eq!(packets(&mut backend, &udp), 0);
        // Of one connection, and of many; what goes out does not count.
        let socket = udp_socket(lab.internet_host(1), 0);
        for sent in 1..=100 {
            assert!(ask(&socket, (CLIENT_IPV6, 8080)).is_some());
            assert_eq!(packets(&mut backend, &udp), sent);
        }
        for sent in 101..=110 {
            let socket = udp_socket(lab.internet_host(2), 0);
            assert!(ask(&socket, (CLIENT_IPV6, 8080)).is_some());
            assert_eq!(packets(&mut backend, &udp), sent);
        }
        let longer = lasting(7200, &udp);
        backend.apply(&[prolonged(&udp, &longer)], NOW).unwrap();
        assert_eq!(packets(&mut backend, &longer), 110);
        backend.flush().unwrap();
        lab.gateway().run(|| close(backend));
    }
}

#[test]
fn connections_end_with_their_pinhole() {
    let Some(lab) = lab6("connections_end_with_their_pinhole") else {
        return;
    };
    let _echoes = (
        Echo::tcp(lab.lan_host(1), 8080),
        Echo::udp(lab.lan_host(1), 8080),
        Echo::tcp(lab.lan_host(1), 8081),
    );
    let mut backend = start(&lab, Ipv6Firewall::Own);
    let (tcp, udp) = (pinhole(Transport::Tcp, 8080), pinhole(Transport::Udp, 8080));
    let renewed = pinhole(Transport::Tcp, 8081);
    backend
        .apply(&[opened(&tcp), opened(&udp), opened(&renewed)], NOW)
        .unwrap();
    let ended = connect(lab.internet_host(1), 8080);
    let stays = connect(lab.internet_host(1), 8081);
    let flow = udp_socket(lab.internet_host(1), 0);
    assert!(talks(&ended) && talks(&stays) && ask(&flow, (CLIENT_IPV6, 8080)).is_some());

    let longer = lasting(7200, &renewed);
    backend
        .apply(&[closed(&tcp), closed(&udp), prolonged(&renewed, &longer)], NOW)
        .unwrap();
    assert!(!talks(&ended) && ask(&flow, (CLIENT_IPV6, 8080)).is_none());
    assert!(talks(&stays));
}

#[test]
fn a_lease_ends_with_its_connections_though_the_process_is_gone() {
    let Some(lab) = lab6("a_lease_ends_with_its_connections_though_the_process_is_gone") else {
        return;
    };
    let _echo = Echo::tcp(lab.lan_host(1), 8080);
    for firewall in [Ipv6Firewall::Own, OTHER] {
        if firewall == OTHER {
            lab.gateway().nft(FOREIGN);
            lab.gateway()
                .nft("insert rule inet fw forward ct mark and 0x10000000 != 0 accept");
        }
        let mut backend = start(&lab, firewall);
        let short = lasting(4, &pinhole(Transport::Tcp, 8080));
        backend.apply(&[opened(&short)], NOW).unwrap();
        let stream = connect(lab.internet_host(1), 8080);
        assert!(talks(&stream));
        lab.gateway().run(|| close(backend));
        assert!(wait_until(Duration::from_secs(15), || !talks(&stream)));
        assert!(!talks(&stream));
        assert!(reach_tcp(lab.internet_host(1), (CLIENT_IPV6, 8080)).is_err());
    }
}

#[test]
fn what_the_lan_begins_passes_and_so_do_the_answers() {
    let Some(lab) = lab6("what_the_lan_begins_passes_and_so_do_the_answers") else {
        return;
    };
    let _echoes = (
        Echo::tcp(lab.internet_host(1), 443),
        Echo::udp(lab.internet_host(1), 443),
        Echo::tcp(lab.lan_host(2), 8080),
    );
    lab.gateway().nft(FOREIGN);
    let mut backend = start(&lab, Ipv6Firewall::Own);
    let server = (lab.internet_host(1).ipv6(), 443);
    let stream = lab.lan_host(1).run(|| TcpStream::connect(server).unwrap());
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    for firewall in [Ipv6Firewall::Own, OTHER, Ipv6Firewall::Own] {
        backend.reconfigure(settings_with(&lab, firewall)).unwrap();
        assert!(talks(&stream));
        assert_eq!(reach_tcp(lab.lan_host(1), server).unwrap().server, "internet1");
        assert_eq!(reach_udp(lab.lan_host(1), server).unwrap().server, "internet1");
        assert!(pings(lab.lan_host(1), server.0));
    }
    // Neither what a host of the LAN says to another, nor what it says from the port of a pinhole.
    assert_eq!(
        reach_tcp(lab.lan_host(1), (lab.lan_host(2).ipv6(), 8080))
            .unwrap()
            .server,
        "lan2"
    );
    let udp = pinhole(Transport::Udp, 3074);
    backend.apply(&[opened(&udp)], NOW).unwrap();
    let socket = udp_socket(lab.lan_host(1), 3074);
    assert!(ask(&socket, server).is_some());
    assert_eq!(packets(&mut backend, &udp), 0, "it needed no pinhole");
    backend.apply(&[closed(&udp)], NOW).unwrap();
    assert!(ask(&socket, server).is_some());
}

#[test]
fn only_the_icmpv6_that_must_pass_does() {
    const NODE_INFORMATION: u8 = 139;
    const ECHO_REQUEST: u8 = 128;
    let Some(lab) = lab6("only_the_icmpv6_that_must_pass_does") else {
        return;
    };
    let _backend = start(&lab, Ipv6Firewall::Own);
    let (sender, mut receiver) = (icmpv6(lab.internet_host(1)), icmpv6(lab.lan_host(1)));
    receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let to = SocketAddrV6::new(CLIENT_IPV6, 0, 0, 0).into();
    let sent = [NODE_INFORMATION, 1, 2, 3, 4, 5, ECHO_REQUEST];
    for kind in sent {
        // Nothing that the kernel of the sender or receiver would take for its own.
        let message = [kind, 0, 0, 0, 0x50, 0x72, 0x74, 0x72];
        sender.send_to(&message, &to).unwrap();
    }
    let mut passed = Vec::new();
    while passed.last() != Some(&ECHO_REQUEST) {
        let mut buffer = [0; 100];
        let len = receiver.read(&mut buffer).unwrap();
        if buffer[..len].ends_with(b"Prtr") {
            passed.push(buffer[0]);
        }
    }
    assert_eq!(passed, [1, 2, 3, 4, ECHO_REQUEST]);
}

#[test]
fn a_host_of_the_lan_learns_of_a_narrow_path() {
    const PACKET_TOO_BIG: u8 = 2;
    const UDP: u8 = 17;
    let Some(lab) = lab6("a_host_of_the_lan_learns_of_a_narrow_path") else {
        return;
    };
    let server = lab.internet_host(1);
    let mut backend = start(&lab, Ipv6Firewall::Own);
    // Of a connection that the LAN began, and of some that came in through pinholes. A path can only get narrower.
    for (firewall, pinhole, port, width) in [
        (Ipv6Firewall::Own, None, 4000_u16, 1320_u16),
        (Ipv6Firewall::Own, Some(pinhole(Transport::Udp, 4001)), 4001, 1300),
        (OTHER, Some(pinhole(Transport::Udp, 4002)), 4002, 1280),
    ] {
        backend.reconfigure(settings_with(&lab, firewall)).unwrap();
        let socket = udp_socket(lab.lan_host(1), port);
        if let Some(pinhole) = pinhole {
            backend.apply(&[opened(&pinhole)], NOW).unwrap();
            let caller = udp_socket(server, 9);
            caller.send_to(b"hello", (CLIENT_IPV6, port)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            assert_eq!(socket.recv(&mut [0; 16]).unwrap(), 5);
        }
        socket.connect((server.ipv6(), 9)).unwrap();
        socket.send(b"a packet that is too big").unwrap();

        // What a router on the way answers: the width of the path, and how the packet began.
        let mut message = vec![PACKET_TOO_BIG, 0, 0, 0, 0, 0];
        message.extend(width.to_be_bytes());
        message.extend([0x60, 0, 0, 0, 0, 32, UDP, 63]);
        message.extend(CLIENT_IPV6.octets());
        message.extend(server.ipv6().octets());
        for field in [port, 9, 32, 0] {
            message.extend(field.to_be_bytes());
        }
        message.extend(b"a packet that is too big");
        let to = SocketAddrV6::new(CLIENT_IPV6, 0, 0, 0).into();
        icmpv6(server).send_to(&message, &to).unwrap();
        soon(|| {
            let route = lab.lan_host(1).ip(&format!("-6 route get {}", server.ipv6()));
            route.contains(&format!("mtu {width}"))
        });
    }
}

#[test]
fn another_firewall_lets_in_by_the_mark_what_has_a_pinhole() {
    let Some(lab) = lab6("another_firewall_lets_in_by_the_mark_what_has_a_pinhole") else {
        return;
    };
    let _echoes = [8080, 8081, 2222].map(|port| Echo::tcp(lab.lan_host(1), port));
    let gateway = lab.gateway();
    gateway.nft(FOREIGN);
    // Somebody else uses other bits of the mark, and they have to stay.
    gateway.nft("add chain inet fw first { type filter hook prerouting priority mangle; ct mark set ct mark | 0x55; }");
    let mut backend = start(&lab, OTHER);
    let internet = lab.internet_host(1);
    let tcp = pinhole(Transport::Tcp, 8080);
    backend.apply(&[opened(&tcp)], NOW).unwrap();
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_err());
    assert!(packets(&mut backend, &tcp) > 0);

    let advice = || gateway.run(|| foreign_filters("portreeve", OTHER)).unwrap();
    let remedies: Vec<_> = advice()
        .into_iter()
        .filter(|advice| advice.dropped == Dropped::Pinholes(OTHER))
        .map(|advice| advice.remedy())
        .collect();
    assert_eq!(
        remedies,
        ["nft insert rule inet fw forward ct mark and 0x10000000 != 0 accept"]
    );
    gateway.command("sh", ["-c", remedies[0].as_str()]).success();
    assert!(advice().iter().all(|advice| advice.dropped == Dropped::Mapped));
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_ok());
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8081)).is_err());

    gateway.nft("insert rule inet fw forward ct mark & 0x10000000 != 0 ct mark != 0x10000055 drop");
    let (through_pinhole, by_its_rule) = (connect(internet, 8080), connect(internet, 2222));
    assert!(talks(&through_pinhole) && talks(&by_its_rule));
    backend.apply(&[closed(&tcp)], NOW).unwrap();
    assert!(
        !talks(&through_pinhole),
        "though the other firewall accepts what is established"
    );
    assert!(talks(&by_its_rule));
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_err());
    assert_eq!(reach_tcp(internet, (CLIENT_IPV6, 2222)).unwrap().server, "lan1");

    backend.apply(&[opened(&tcp)], NOW).unwrap();
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_ok());
}

#[test]
fn the_firewall_can_be_changed_while_pinholes_are_open() {
    let Some(lab) = lab6("the_firewall_can_be_changed_while_pinholes_are_open") else {
        return;
    };
    let _echoes = [8080, 8081].map(|port| Echo::tcp(lab.lan_host(1), port));
    let internet = lab.internet_host(1);
    let mut backend = start(&lab, Ipv6Firewall::Own);
    let tcp = pinhole(Transport::Tcp, 8080);
    backend.apply(&[opened(&tcp)], NOW).unwrap();
    let stream = connect(internet, 8080);
    let mut counted = 0;
    for firewall in [Ipv6Firewall::Own, OTHER, Ipv6Firewall::None, OTHER, Ipv6Firewall::Own] {
        backend.reconfigure(settings_with(&lab, firewall)).unwrap();
        assert!(talks(&stream), "{firewall:?}");
        assert_eq!(reach_tcp(internet, (CLIENT_IPV6, 8080)).unwrap().server, "lan1");
        let open = firewall != Ipv6Firewall::Own;
        assert_eq!(reach_tcp(internet, (CLIENT_IPV6, 8081)).is_ok(), open, "{firewall:?}");
        let now = packets(&mut backend, &tcp);
        assert_eq!(
            now > counted,
            firewall != Ipv6Firewall::None,
            "{firewall:?}: {counted} to {now}"
        );
        counted = now;
    }
}

#[test]
fn what_is_not_for_the_lan_is_left_alone() {
    let Some(lab) = lab6("what_is_not_for_the_lan_is_left_alone") else {
        return;
    };
    let _echoes = (Echo::tcp(lab.gateway(), 80), Echo::tcp(lab.lan_host(1), 80));
    let settings = Settings {
        lan: vec!["br7".to_owned()],
        ..settings_with(&lab, Ipv6Firewall::Own)
    };
    let mut backend = lab.gateway().run(|| open(settings));
    let internet = lab.internet_host(1);
    assert_eq!(reach_tcp(internet, (CLIENT_IPV6, 80)).unwrap().server, "lan1");
    backend.reconfigure(settings_with(&lab, Ipv6Firewall::Own)).unwrap();
    assert!(reach_tcp(internet, (CLIENT_IPV6, 80)).is_err());
    let wan: Ipv6Addr = "2001:db8:113::2".parse().unwrap();
    assert_eq!(reach_tcp(internet, (wan, 80)).unwrap().server, "gateway");
}

#[test]
fn an_uplink_that_is_not_the_wan_is_no_way_around() {
    let Some(lab) = lab6("an_uplink_that_is_not_the_wan_is_no_way_around") else {
        return;
    };
    let (_open, _closed) = (Echo::tcp(lab.lan_host(1), 8080), Echo::tcp(lab.lan_host(1), 8081));
    let (gateway, internet) = (lab.gateway(), lab.internet_host(2));
    let beyond: Ipv6Addr = "2001:db8:114::2".parse().unwrap();
    let peer = internet.namespace();
    gateway.ip(&format!("link add tunnel type veth peer name eth1 netns {peer}"));
    gateway.ip("link set tunnel up");
    internet.ip("link set eth1 up");
    gateway.ip("addr add 2001:db8:114::1/64 dev tunnel nodad");
    internet.ip(&format!("addr add {beyond}/64 dev eth1 nodad"));
    internet.ip("-6 route add fd77::/64 via 2001:db8:114::1");
    soon(|| {
        let reply = reach_tcp(internet, (CLIENT_IPV6, 8080));
        reply.is_ok_and(|reply| reply.seen.ip() == beyond)
    });

    let mut backend = start(&lab, Ipv6Firewall::Own);
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_err());
    backend.apply(&[opened(&pinhole(Transport::Tcp, 8080))], NOW).unwrap();
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8080)).is_ok());
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8081)).is_err());
    let _server = Echo::tcp(internet, 443);
    assert_eq!(reach_tcp(lab.lan_host(1), (beyond, 443)).unwrap().server, "internet2");

    // LANs are not kept from each other.
    let both = Settings {
        lan: vec!["br0".to_owned(), "tunnel".to_owned()],
        ..settings_with(&lab, Ipv6Firewall::Own)
    };
    backend.reconfigure(both).unwrap();
    assert!(reach_tcp(internet, (CLIENT_IPV6, 8081)).is_ok());
}

/// A lab in which hosts of the Internet and of the LAN have reached each other: for the first second or two of an
/// interface its neighbours do not answer.
fn lab6(test: &str) -> Option<Lab> {
    let lab = lab(test)?;
    for host in lab.lan_hosts() {
        let _echo = Echo::udp(host, 9);
        for internet in [lab.internet_host(1), lab.internet_host(2)] {
            soon(|| reach_udp(internet, (host.ipv6(), 9)).is_ok());
        }
    }
    Some(lab)
}

fn settings_with(lab: &Lab, ipv6: Ipv6Firewall) -> Settings {
    Settings {
        ipv6,
        ..lab_settings(lab)
    }
}

fn start(lab: &Lab, ipv6: Ipv6Firewall) -> Nftables {
    lab.gateway().run(|| open(settings_with(lab, ipv6)))
}

fn packets(backend: &mut Nftables, pinhole: &Pinhole) -> u64 {
    backend.pinhole_packets(&pinhole.key).unwrap().unwrap()
}

fn udp_socket(host: &Host, port: u16) -> UdpSocket {
    host.run(|| UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap())
}

fn connect(host: &Host, port: u16) -> TcpStream {
    let stream = host.run(|| TcpStream::connect((CLIENT_IPV6, port)).unwrap());
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream
}

/// Whether an answer comes back.
fn pings(host: &Host, target: Ipv6Addr) -> bool {
    const ECHO_REQUEST: u8 = 128;
    const ECHO_REPLY: u8 = 129;
    let mut socket = icmpv6(host);
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let request = [ECHO_REQUEST, 0, 0, 0, 0x50, 0x72, 0, 1];
    socket
        .send_to(&request, &SocketAddrV6::new(target, 0, 0, 0).into())
        .unwrap();
    let mut buffer = [0; 100];
    while let Ok(len) = socket.read(&mut buffer) {
        if buffer[0] == ECHO_REPLY && buffer[4..len] == request[4..] {
            return true;
        }
    }
    false
}

fn icmpv6(host: &Host) -> Socket {
    host.run(|| Socket::new(Domain::IPV6, Type::RAW, Some(socket2::Protocol::ICMPV6)).unwrap())
}
