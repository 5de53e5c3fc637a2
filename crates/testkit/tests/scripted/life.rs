use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::time::Duration;

use portreeve_testkit::ScriptedGateway;

use crate::client::*;

#[test]
fn it_goes_comes_back_and_moves() {
    let listener = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    listener.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let gateway = ScriptedGateway::builder()
        .announce_to(listener.local_addr().expect("it is bound"))
        .start_on_loopback();
    add(&gateway, 18080, 3600);
    let before = gateway.http_address();
    gateway.advance(Duration::from_secs(100));
    gateway.go_silent();
    let refused = TcpStream::connect(before).map(|_| ()).map_err(|e| e.kind());
    assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
    assert!(search(&gateway, "upnp:rootdevice").is_empty());
    gateway.resume();
    assert_eq!((gateway.http_address(), gateway.mappings().len()), (before, 1));
    assert_eq!(element(&call(&gateway, "GetStatusInfo", &[]), "NewUptime"), Some("100"));
    gateway.go_silent();
    gateway.come_back();
    assert_eq!((gateway.http_address(), gateway.mappings().len()), (before, 0));
    assert_eq!(element(&call(&gateway, "GetStatusInfo", &[]), "NewUptime"), Some("0"));
    assert_eq!(
        header(&search(&gateway, "upnp:rootdevice")[0], "BOOTID.UPNP.ORG"),
        Some("2")
    );

    gateway.change_http_port();
    assert_ne!(gateway.http_address(), before);
    assert!(TcpStream::connect(before).is_err());
    let location = format!("LOCATION: {}\r\n", gateway.description_url());
    let mut buffer = [0; 2048];
    loop {
        let length = listener.recv(&mut buffer).expect("it announces where it is");
        if String::from_utf8_lossy(&buffer[..length]).contains(&location) {
            break;
        }
    }
    gateway.set_status("Disconnected", "ERROR_ISP_DISCONNECT");
    gateway.set_external_address("");
    let status = call(&gateway, "GetStatusInfo", &[]);
    assert_eq!(element(&status, "NewConnectionStatus"), Some("Disconnected"));
    assert_eq!(element(&status, "NewLastConnectionError"), Some("ERROR_ISP_DISCONNECT"));
    assert_eq!(
        element(&call(&gateway, "GetExternalIPAddress", &[]), "NewExternalIPAddress"),
        Some("")
    );
}

#[test]
fn gateways_run_side_by_side() {
    let gateways: Vec<_> = (0..20)
        .map(|_| ScriptedGateway::builder().start_on_loopback())
        .collect();
    let mut addresses: Vec<Ipv4Addr> = gateways.iter().map(ScriptedGateway::address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 20);
    assert!(addresses.iter().all(Ipv4Addr::is_loopback));
    add(&gateways[3], 18080, 60);
    assert!(gateways[4].mappings().is_empty());
}
