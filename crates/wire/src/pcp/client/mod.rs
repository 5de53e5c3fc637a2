//! The client's side: requests as they are written, and what answers them as it is read.

mod epoch;
mod response;

pub use epoch::{Continuity, Observed, continuity};
pub use response::{Body, Failure, Malformed, MapBody, PeerBody, Response, read};

use super::layout::{ANNOUNCE, MAP, PEER, to_wire, write_map, write_peer};
use super::message::{Map, Operation, Peer, Request};
use super::option::{DESCRIPTION, LONGEST_DESCRIPTION, PREFER_FAILURE, Raw, THIRD_PARTY};
use super::{LONGEST, VERSION};

/// Writes a request. Of a description as much is said as there is room for; servers refuse what has more filters than
/// there is room for.
pub fn request(request: &Request) -> Vec<u8> {
    let opcode = opcode(&request.operation);
    let mut out = vec![VERSION, opcode, 0, 0];
    out.extend(request.lifetime.to_be_bytes());
    out.extend(to_wire(request.client));
    match &request.operation {
        Operation::Announce => {}
        Operation::Map(map) => write_whole_map(&mut out, map),
        Operation::Peer(peer) => write_whole_peer(&mut out, peer),
    }
    out
}

fn opcode(operation: &Operation) -> u8 {
    match operation {
        Operation::Announce => ANNOUNCE,
        Operation::Map(_) => MAP,
        Operation::Peer(_) => PEER,
    }
}

fn write_whole_map(out: &mut Vec<u8>, map: &Map) {
    write_map(out, map);
    if let Some(address) = map.third_party {
        write_option(out, THIRD_PARTY, &to_wire(address));
    }
    if map.prefer_failure {
        write_option(out, PREFER_FAILURE, &[]);
    }
    for filter in &map.filters {
        filter.write(out);
    }
    if let Some(set) = map.port_set {
        set.write(out);
    }
    write_description(out, map.description.as_deref());
}

fn write_whole_peer(out: &mut Vec<u8>, peer: &Peer) {
    write_peer(out, peer);
    if let Some(address) = peer.third_party {
        write_option(out, THIRD_PARTY, &to_wire(address));
    }
    write_description(out, peer.description.as_deref());
}

/// The last option, since it takes what room there is.
fn write_description(out: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else { return };
    // The header of the option goes off.
    let room = LONGEST.saturating_sub(out.len() + 4).min(LONGEST_DESCRIPTION);
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    write_option(out, DESCRIPTION, &text.as_bytes()[..end]);
}

fn write_option(out: &mut Vec<u8>, code: u8, data: &[u8]) {
    Raw { code, data }.write(out);
}
