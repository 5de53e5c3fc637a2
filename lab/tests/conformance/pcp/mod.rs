//! PCP: RFC 6887, April 2013; and its options DESCRIPTION (RFC 7220) and PORT_SET (RFC 7753).

mod exposure;
mod ipv6;
mod option_description;
mod option_port_set;
mod section_11_map;
mod section_11_nonce;
mod section_12_peer;
mod section_13_1_third_party;
mod section_13_2_prefer_failure;
mod section_13_3_filter;
mod section_14_1_announce;
mod section_15_lifetimes_and_deletion;
mod section_7_3_options;
mod section_7_4_result_codes;
mod section_8_2_processing_a_request;
mod section_8_5_epoch;

use std::net::IpAddr;

use portreeve_lab::Bed;
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::pcp::{Answer, HEADER, Map, Request, result};

/// What errors say for how long they hold if they are expected to pass soon.
const SHORT: u32 = 30;
/// And if not.
const LONG: u32 = 1800;

/// On LAN host `number`, over IPv4.
fn client(bed: &Bed, number: usize) -> Client {
    Client::on(bed.lan_host(number), bed.gateway().ipv4())
}

/// The gateway's address on the Internet.
fn outside(bed: &Bed) -> IpAddr {
    bed.wan_ipv4().into()
}

/// Asks for a mapping that must be granted, and returns it as assigned, with its lifetime.
#[track_caller]
fn granted(client: &Client, map: &Map, lifetime: u32) -> (Map, u32) {
    let answer = client.ask_pcp(&Request::map(client.address(), map, lifetime));
    (answer.granted(), answer.lifetime())
}

/// Ends a mapping.
#[track_caller]
fn end(client: &Client, map: &Map) -> Answer {
    client.ask_pcp(&Request::map(client.address(), &map.suggesting(0), 0))
}

/// Asks for something that must be refused with this code and the lifetime that belongs to it.
#[track_caller]
fn refused(client: &Client, request: &Request, code: u8) {
    let answer = client.ask_pcp(request);
    assert_eq!(answer.result(), code, "{:02x?}", answer.bytes());
    let lifetime = match code {
        result::NETWORK_FAILURE | result::NO_RESOURCES | result::USER_EX_QUOTA | result::CANNOT_PROVIDE_EXTERNAL => {
            SHORT
        }
        _ => LONG,
    };
    assert_eq!(answer.lifetime(), lifetime, "{:02x?}", answer.bytes());
    assert_eq!(answer.opcode(), request.opcode & 0x7f);
    // Clients read the code only of an answer that is as long as what they asked.
    assert_eq!(answer.bytes()[HEADER..], request.bytes()[HEADER..]);
}
