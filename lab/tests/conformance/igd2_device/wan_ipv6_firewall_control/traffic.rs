//! What a pinhole lets in.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::Pinhole;
use portreeve_testkit::{Echo, Host, reach_tcp, reach_udp, wait_until};

fn at(host: &Host, port: u16) -> SocketAddr {
    SocketAddr::from((host.ipv6(), port))
}

#[test]
fn tcp_comes_in_while_the_pinhole_is_there_and_not_before_and_after() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let (outside, server) = (bed.internet_host(1), Echo::tcp(client.host(), bed.port()));
    let to = at(client.host(), server.port());
    reach_tcp(outside, to).expect_err("nothing is open yet");
    let id = client
        .open(&Pinhole::new(&client, server.port()))
        .expect("an own pinhole");
    let reply = reach_tcp(outside, to).expect("it is open");
    assert_eq!(reply.seen.ip(), outside.ipv6(), "nothing is translated");
    client.call_pinhole("DeletePinhole", id).expect("an own pinhole");
    reach_tcp(outside, to).expect_err("it is closed again");
}

#[test]
fn udp_comes_in_until_the_lease_ends() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let (outside, server) = (bed.internet_host(1), Echo::udp(client.host(), bed.port()));
    let to = at(client.host(), server.port());
    reach_udp(outside, to).expect_err("nothing is open yet");
    client
        .open(&Pinhole::new(&client, server.port()).udp().lease(4))
        .expect("an own pinhole");
    reach_udp(outside, to).expect("it is open");
    reach_tcp(outside, to).expect_err("only UDP is");
    let closed = wait_until(Duration::from_secs(10), || reach_udp(outside, to).is_err());
    assert!(closed, "it is open beyond its lease");
}

#[test]
fn only_the_remote_host_that_was_named_comes_in() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let (named, other) = (bed.internet_host(1), bed.internet_host(2));
    let server = Echo::tcp(client.host(), bed.port());
    let pinhole = Pinhole::new(&client, server.port()).from_host(&named.ipv6().to_string());
    client.open(&pinhole).expect("an own pinhole");
    reach_tcp(named, at(client.host(), server.port())).expect("it is open to this one");
    reach_tcp(other, at(client.host(), server.port())).expect_err("and to nobody else");
}

#[test]
fn only_the_remote_port_that_was_named_comes_in() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let outside = bed.internet_host(1);
    let server = Echo::udp(client.host(), bed.port());
    let to = at(client.host(), server.port());
    let answers = |port: u16| {
        outside.run(|| {
            let socket = std::net::UdpSocket::bind((outside.ipv6(), port)).expect("the port is free");
            socket
                .set_read_timeout(Some(Duration::from_secs(1)))
                .expect("sockets take a timeout");
            socket.send_to(b"hello", to).expect("it can be sent");
            socket.recv_from(&mut [0; 512]).is_ok()
        })
    };
    let named = bed.port();
    let pinhole = Pinhole {
        remote_port: named.to_string(),
        ..Pinhole::new(&client, server.port()).udp()
    };
    client.open(&pinhole).expect("an own pinhole");
    assert!(answers(named), "it is open to this port");
    assert!(!answers(named + 1), "and to no other");
}

#[test]
fn packets_are_counted_and_make_the_pinhole_a_working_one() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let server = Echo::udp(client.host(), bed.port());
    let id = client
        .open(&Pinhole::new(&client, server.port()).udp())
        .expect("an own pinhole");
    let count = || {
        client
            .call_pinhole("GetPinholePackets", id)
            .expect("an own pinhole")
            .number("PinholePackets")
    };
    assert_eq!(count(), 0);
    for packets in 1..=3 {
        reach_udp(bed.internet_host(1), at(client.host(), server.port())).expect("it is open");
        assert_eq!(count(), packets);
    }
    match client.call_pinhole("CheckPinholeWorking", id) {
        Ok(answer) => assert_eq!(answer.get("IsWorking"), "1"),
        Err(fault) => assert!([401, 602].contains(&fault.code), "{fault}"),
    }
}

#[test]
fn what_a_lan_host_begins_is_answered_without_a_pinhole() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let server = Echo::tcp(bed.internet_host(1), 0);
    reach_tcp(client.host(), at(bed.internet_host(1), server.port())).expect("the way out is open");
}
