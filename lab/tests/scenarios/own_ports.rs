//! Ports on which the gateway itself listens.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::Echo;

use crate::support::{bed, is_served_by, shared};

#[test]
fn a_port_on_which_the_gateway_listens_towards_the_internet_is_refused() {
    let Some(bed) = bed(&[]) else { return };
    for address in [bed.wan_ipv4(), Ipv4Addr::UNSPECIFIED] {
        // Far from the next: AddAnyPortMapping takes a port beside the one that is taken.
        let port = 30_000 + 100 * u16::from(address.is_unspecified());
        let listener = bed
            .gateway()
            .run(|| TcpListener::bind((address, port)))
            .expect("a free port");
        let client = bed.client(1);
        // The list of listeners may be a second old.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        refused(client.add(&PortMapping::new(&client, port)), &[729]);
        let any = client.add_any(&PortMapping::new(&client, port)).expect("another port");
        assert_ne!(any, port, "{address}");
        client.add(&PortMapping::new(&client, port).udp()).expect("UDP is free");
        drop(listener);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        client.add(&PortMapping::new(&client, port)).expect("free again");
    }
}

#[test]
fn a_udp_port_on_which_the_gateway_listens_is_refused() {
    let Some(bed) = bed(&[]) else { return };
    let port = bed.port();
    let _socket = bed
        .gateway()
        .run(|| UdpSocket::bind((bed.wan_ipv4(), port)))
        .expect("a free port");
    let client = bed.client(1);
    refused(client.add(&PortMapping::new(&client, port).udp()), &[729]);
    client.add(&PortMapping::new(&client, port)).expect("TCP is free");
}

#[test]
fn a_listener_towards_the_lan_only_is_in_nobodys_way() {
    let Some(bed) = bed(&[]) else { return };
    for address in [bed.gateway().ipv4(), Ipv4Addr::LOCALHOST] {
        let port = bed.port();
        let _listener = bed
            .gateway()
            .run(|| TcpListener::bind((address, port)))
            .expect("a free port");
        let client = bed.client(1);
        let _echo = Echo::tcp(client.host(), port);
        client
            .add(&PortMapping::new(&client, port))
            .expect("nobody listens on the WAN");
        assert!(is_served_by(&bed, port, "lan1"));
    }
}

#[test]
fn the_control_port_is_clients_own_on_the_wan_and_that_of_ssdp_is_kept() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let control = client.server().port();
    let _echo = Echo::tcp(client.host(), control);
    client
        .add(&PortMapping::new(&client, control))
        .expect("the gateway listens on the LAN only");
    assert!(is_served_by(&bed, control, "lan1"));
    client
        .call("GetExternalIPAddress", &[])
        .expect("it still serves the LAN");
    refused(client.add(&PortMapping::new(&client, 1900).udp()), &[729]);
}

#[test]
fn reserved_ports_are_kept() {
    let Some(bed) = bed(&["gateway.reserved-ports=[\"21000-21002/tcp\", \"22000\"]"]) else {
        return;
    };
    let client = bed.client(1);
    refused(client.add(&PortMapping::new(&client, 21_001)), &[729]);
    refused(client.add(&PortMapping::new(&client, 22_000).udp()), &[729]);
    client
        .add(&PortMapping::new(&client, 21_001).udp())
        .expect("only TCP is reserved");
    let any = client
        .add_any(&PortMapping::new(&client, 21_000))
        .expect("another port");
    assert!(!(21_000..=21_002).contains(&any), "{any}");
}
