//! InternalClient 255.255.255.255, which the standard wants for UDP.

use std::fs;

use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, Host};

use crate::support::{bed, external};

/// Lets the kernel pass directed broadcasts on, which it does not by default.
fn allow_directed_broadcasts(gateway: &Host) {
    gateway.run(|| {
        for interface in ["all", "wan0"] {
            let path = format!("/proc/sys/net/ipv4/conf/{interface}/bc_forwarding");
            fs::write(&path, "1").unwrap_or_else(|e| panic!("cannot write {path}: {e}"));
        }
    });
}

#[test]
fn udp_for_every_host_arrives_at_every_host() {
    let Some(bed) = bed(&["access.own-address-only=false"]) else {
        return;
    };
    allow_directed_broadcasts(bed.gateway());
    let client = bed.client(1);
    let port = bed.port();
    let sockets = [1, 2].map(|host| {
        let host = bed.lan_host(host);
        let socket = host
            .run(|| std::net::UdpSocket::bind(("0.0.0.0", port)))
            .expect("a free port");
        socket
            .set_read_timeout(Some(std::time::Duration::from_secs(2)))
            .expect("sockets take a read timeout");
        socket
    });
    let mapping = PortMapping::new(&client, port).to_client("255.255.255.255").udp();
    client.add(&mapping).expect("policy allows it");
    let entry = client.specific(&mapping).expect("it is in the table");
    assert_eq!(entry.get("NewInternalClient"), "255.255.255.255");

    let sender = bed
        .internet_host(1)
        .run(|| std::net::UdpSocket::bind(("0.0.0.0", 0)))
        .expect("any port");
    sender
        .send_to(b"to everybody", external(&bed, port))
        .expect("the WAN is connected");
    for (number, socket) in sockets.iter().enumerate() {
        let mut buffer = [0; 64];
        let got = socket.recv_from(&mut buffer);
        let (n, from) = got.unwrap_or_else(|e| panic!("nothing arrives at lan{}: {e}", number + 1));
        assert_eq!(
            (&buffer[..n], from.ip()),
            (&b"to everybody"[..], bed.internet_host(1).ipv4().into())
        );
    }
}

#[test]
fn tcp_for_every_host_is_refused() {
    let Some(bed) = bed(&["access.own-address-only=false"]) else {
        return;
    };
    let client = bed.client(1);
    let _echo = Echo::tcp(client.host(), 8080);
    let mapping = PortMapping::new(&client, bed.port()).to_client("255.255.255.255");
    refused(client.add(&mapping), &[600, 601, 402]);
}
