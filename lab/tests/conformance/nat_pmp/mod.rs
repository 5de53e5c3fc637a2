//! NAT-PMP: RFC 6886, April 2013.

mod section_3_2_external_address;
mod section_3_3_requesting_a_mapping;
mod section_3_4_destroying_a_mapping;
mod section_3_5_versions_and_opcodes;
mod section_3_6_epoch;

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::nat_pmp::{self, Mapped};

/// On LAN host `number`.
fn client(bed: &Bed, number: usize) -> Client {
    Client::on(bed.lan_host(number), bed.gateway().ipv4())
}

/// Asks for a mapping, or for its end, and reads the answer.
#[track_caller]
fn map(client: &Client, protocol: Protocol, internal: u16, suggested: u16, lifetime: u32) -> Mapped {
    nat_pmp::mapped(
        protocol,
        &client.ask(&nat_pmp::map(protocol, internal, suggested, lifetime)),
    )
}

/// The same of a mapping that must be granted; returns the external port.
#[track_caller]
fn granted(client: &Client, protocol: Protocol, internal: u16, suggested: u16, lifetime: u32) -> u16 {
    let mapped = map(client, protocol, internal, suggested, lifetime);
    assert_eq!((mapped.result, mapped.internal_port), (0, internal), "{mapped:?}");
    assert_ne!(mapped.external_port, 0, "{mapped:?}");
    mapped.external_port
}
