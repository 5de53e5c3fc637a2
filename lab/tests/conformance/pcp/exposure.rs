//! Who is answered, from where, and with how much.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::Broadcast;
use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::announcements::{GROUP, GROUP_IPV6};
use portreeve_lab::port_control::nat_pmp::EXTERNAL_ADDRESS;
use portreeve_lab::port_control::pcp::{Map, Request, option};
use portreeve_lab::port_control::{Client, SERVER_PORT};
use portreeve_lab::subject::Settings;
use portreeve_testkit::{Host, wait_until};

use super::client;

/// Far more than an answer takes; what follows each wait proves that the server is there.
const QUIET: Duration = Duration::from_millis(150);

/// Requests of every kind, from this address.
fn requests(own: IpAddr) -> Vec<Vec<u8>> {
    let map = Map::new(Protocol::Tcp, 7000);
    let mut requests = vec![
        Request::announce(own).bytes(),
        Request::map(own, &map, 600).bytes(),
        vec![2, 9, 0, 0],
        vec![1; 60],
    ];
    if own.is_ipv4() {
        requests.push(EXTERNAL_ADDRESS.to_vec());
        requests.push(vec![0, 1, 0, 0, 0x1b, 0x58, 0, 0, 0, 0, 2, 0x58]);
    }
    requests
}

/// Sends requests of every kind to an address; who answers?
fn answerers(host: &Host, own: IpAddr, to: SocketAddr) -> Vec<SocketAddr> {
    let bound = match (own, to) {
        (IpAddr::V6(own), SocketAddr::V6(to)) => SocketAddrV6::new(own, 0, 0, to.scope_id()).into(),
        _ => SocketAddr::new(own, 0),
    };
    let socket = host.run(|| UdpSocket::bind(bound)).expect("any port will do");
    setsockopt(&socket, Broadcast, &true).expect("anybody may broadcast");
    for request in requests(own) {
        // A port that is closed refuses the next datagram.
        let _ = socket.send_to(&request, to).or_else(|_| socket.send_to(&request, to));
    }
    socket
        .set_read_timeout(Some(QUIET))
        .expect("sockets take a read timeout");
    let mut answered = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((_, from)) => answered.push(from),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(_) => return answered,
        }
    }
}

#[track_caller]
fn nobody_answers(host: &Host, own: impl Into<IpAddr>, to: impl Into<SocketAddr>) {
    let to = to.into();
    assert_eq!(answerers(host, own.into(), to), [], "to {to} from {}", host.name());
}

#[test]
fn a_lan_host_is_answered_by_whom_it_asked() {
    let Some(bed) = Bed::shared() else { return };
    let (host, gateway) = (bed.lan_host(1), bed.gateway());
    let at = SocketAddr::from((gateway.ipv4(), SERVER_PORT));
    assert!(answerers(host, host.ipv4().into(), at).iter().all(|from| *from == at));
    let at = SocketAddr::from((gateway.ipv6(), SERVER_PORT));
    assert!(answerers(host, host.ipv6().into(), at).iter().all(|from| *from == at));
}

#[test]
fn a_second_address_of_the_gateway_answers_for_itself() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let second = Ipv4Addr::new(192, 168, 77, 2);
    bed.gateway().ip(&format!("addr add {second}/24 dev br0"));
    let host = bed.lan_host(1);
    let serves = |address: Ipv4Addr| Client::on(host, address).is_served(QUIET);
    assert!(wait_until(Duration::from_secs(5), || serves(second)));
    assert!(Client::on(host, bed.gateway().ipv4()).is_served(Duration::from_secs(3)));
}

#[test]
fn the_internet_is_not_answered() {
    let Some(bed) = Bed::shared() else { return };
    let host = bed.internet_host(1);
    nobody_answers(host, host.ipv4(), (bed.wan_ipv4(), SERVER_PORT));
    nobody_answers(host, host.ipv6(), (bed.wan_ipv6(), SERVER_PORT));
    // Nor where it finds a way to the address on the LAN.
    nobody_answers(host, host.ipv6(), (bed.gateway().ipv6(), SERVER_PORT));
    assert!(client(&bed, 1).is_served(Duration::from_secs(3)));
}

#[test]
fn the_internet_is_not_answered_at_the_lan_address_either() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let host = bed.internet_host(1);
    let way = format!("route add {} via {}", bed.gateway().ipv4(), bed.wan_ipv4());
    host.ip(&way);
    nobody_answers(host, host.ipv4(), (bed.gateway().ipv4(), SERVER_PORT));
    assert!(client(&bed, 1).is_served(Duration::from_secs(3)));
}

#[test]
fn the_address_on_the_internet_does_not_answer_the_lan() {
    let Some(bed) = Bed::shared() else { return };
    let host = bed.lan_host(1);
    nobody_answers(host, host.ipv4(), (bed.wan_ipv4(), SERVER_PORT));
    nobody_answers(host, host.ipv6(), (bed.wan_ipv6(), SERVER_PORT));
    assert!(client(&bed, 1).is_served(Duration::from_secs(3)));
}

#[test]
fn what_is_sent_to_everybody_is_not_answered() {
    let Some(bed) = Bed::shared() else { return };
    let host = bed.lan_host(1);
    for to in [GROUP, Ipv4Addr::BROADCAST, Ipv4Addr::new(192, 168, 77, 255)] {
        nobody_answers(host, host.ipv4(), (to, SERVER_PORT));
    }
    let own = host.link_local("eth0");
    let group = SocketAddrV6::new(GROUP_IPV6, SERVER_PORT, 0, own.scope_id());
    nobody_answers(host, *own.ip(), group);
    assert!(client(&bed, 1).is_served(Duration::from_secs(3)));
}

#[test]
fn a_source_that_is_not_of_this_lan_is_not_answered() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (host, gateway) = (bed.lan_host(1), bed.gateway());
    for foreign in [Ipv4Addr::new(10, 9, 8, 7), Ipv4Addr::new(11, 11, 11, 99)] {
        host.ip(&format!("addr add {foreign}/32 dev eth0"));
        // Answers find their way, if there are any.
        gateway.ip(&format!("route add {foreign}/32 dev br0"));
        nobody_answers(host, foreign, (gateway.ipv4(), SERVER_PORT));
    }
    assert!(client(&bed, 1).is_served(Duration::from_secs(3)));
}

#[test]
fn no_answer_is_longer_than_its_request_but_for_a_whole_header_or_map() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let own = client.address();
    let map = Map::new(Protocol::Udp, bed.port());
    let mut datagrams = vec![vec![1, 0], vec![9, 1, 0, 0], vec![2; 24], vec![2; 1200], vec![2; 61]];
    datagrams.extend((0..24).map(|opcode| [2, opcode, 0, 0].repeat(opcode.into())));
    datagrams.push(
        Request::map(own, &map, 600)
            .option(option::DESCRIPTION, &[b'x'; 900])
            .bytes(),
    );
    datagrams.push(Request::map(own, &map, 600).option(200, &[b'x'; 900]).bytes());
    datagrams.push(Request::map(own, &map, 600).option(100, &[b'x'; 900]).bytes());
    for datagram in datagrams {
        client.send(&datagram);
        while let Some(answer) = client.receive(Duration::from_millis(20)) {
            let least = if datagram.get(1) == Some(&1) { 60 } else { 24 };
            let longest = datagram.len().next_multiple_of(4).max(least).min(1100);
            assert!(answer.len() <= longest, "{datagram:02x?}: {answer:02x?}");
        }
    }
}
