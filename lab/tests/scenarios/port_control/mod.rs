//! PCP and NAT-PMP beside UPnP: one table, restarts that clients learn of, and what floods do to it.

mod floods;
mod peers;
mod protection;
mod restarts;
mod switches;

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::nat_pmp;
use portreeve_lab::port_control::pcp::{Answer, Map, Request};

/// On LAN host `number`, over IPv4.
fn client(bed: &Bed, number: usize) -> Client {
    Client::on(bed.lan_host(number), bed.gateway().ipv4())
}

/// Asks for a mapping over PCP that must be granted; the external port.
#[track_caller]
fn by_pcp(client: &Client, map: &Map) -> u16 {
    let answer = client.ask_pcp(&Request::map(client.address(), map, 3600));
    answer.granted().external_port
}

/// Ends a mapping over PCP.
#[track_caller]
fn end(client: &Client, map: &Map) -> Answer {
    client.ask_pcp(&Request::map(client.address(), &map.suggesting(0), 0))
}

/// Asks for a mapping over NAT-PMP that must be granted; the external port.
#[track_caller]
fn by_nat_pmp(client: &Client, protocol: Protocol, internal: u16, suggested: u16) -> u16 {
    let answer = client.ask(&nat_pmp::map(protocol, internal, suggested, 3600));
    let mapped = nat_pmp::mapped(protocol, &answer);
    assert_eq!((mapped.result, mapped.lifetime), (0, 3600), "{mapped:?}");
    mapped.external_port
}

/// What an ANNOUNCE says of the epoch.
#[track_caller]
fn epoch(client: &Client) -> u32 {
    client.ask_pcp(&Request::announce(client.address())).epoch()
}
