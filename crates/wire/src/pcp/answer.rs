//! What a server writes (sections 7.2, 8.2 and 14.1.3).

use super::layout::{ANNOUNCE, Fields, HEADER, MAP, MAP_MESSAGE, PEER, RESPONSE, write_map, write_peer};
use super::message::{Answer, Assigned, Refused};
use super::option::{DESCRIPTION, FILTER, Options, PORT_SET, PREFER_FAILURE, THIRD_PARTY};
use super::result::ResultCode;
use super::{LONGEST, VERSION};

/// The answer to a request, from its bytes as they were received: any that [`receive`](super::receive) does not ignore.
///
/// It is never longer than the request, but for what is missing there to a multiple of 4, to the 24 octets of a header
/// and, in an error about a MAP, to the 60 octets of a MAP.
pub fn answer(request: &[u8], answer: &Answer) -> Vec<u8> {
    match &answer.outcome {
        Ok(assigned) => success(request, assigned, answer.epoch),
        Err(refused) => error(request, *refused, answer.epoch),
    }
}

/// What tells everybody that the epoch began anew, sent from the server's port to the clients'.
pub fn announcement(epoch: u32) -> [u8; 24] {
    header(ANNOUNCE, 0, 0, epoch)
}

fn success(request: &[u8], assigned: &Assigned, epoch: u32) -> Vec<u8> {
    let opcode = opcode(request);
    let mut out = header(opcode, 0, assigned.lifetime, epoch).to_vec();
    let mut fields = Fields(request.get(HEADER..).unwrap_or_default());
    match opcode {
        MAP => {
            let Some(mut map) = fields.map() else { return out };
            if let Some((address, port)) = assigned.external {
                (map.external_address, map.external_port) = (address, port);
            }
            write_map(&mut out, &map);
        }
        PEER => {
            let Some(mut peer) = fields.peer() else { return out };
            if let Some((address, port)) = assigned.external {
                (peer.external_address, peer.external_port) = (address, port);
            }
            write_peer(&mut out, &peer);
        }
        // Nothing else has options that are processed.
        _ => return out,
    }
    for option in Options(fields).flatten() {
        match (option.code, assigned.port_set) {
            (THIRD_PARTY | PREFER_FAILURE | FILTER | DESCRIPTION, _) => option.write(&mut out),
            (PORT_SET, Some(granted)) => granted.write(&mut out),
            // Not processed, which the client learns by its absence.
            _ => {}
        }
    }
    out
}

/// The request itself, as far as a message goes, under another header.
fn error(request: &[u8], refused: Refused, epoch: u32) -> Vec<u8> {
    let mut out = request[..request.len().min(LONGEST)].to_vec();
    let opcode = opcode(request);
    let least = if opcode == MAP { MAP_MESSAGE } else { HEADER };
    out.resize(out.len().next_multiple_of(4).max(least), 0);
    let lifetime = refused.lifetime.unwrap_or_else(|| refused.code.lasting().seconds());
    let header = header(opcode, refused.code.number(), lifetime, epoch);
    // The rest of the header is reserved, but the standard leaves in it what a request has that could not be read.
    let unread = matches!(
        refused.code,
        ResultCode::UnsuppVersion | ResultCode::MalformedRequest | ResultCode::MalformedOption
    );
    let replaced = if unread { HEADER / 2 } else { HEADER };
    out[..replaced].copy_from_slice(&header[..replaced]);
    out
}

fn opcode(request: &[u8]) -> u8 {
    request.get(1).map_or(ANNOUNCE, |octet| octet & !RESPONSE)
}

fn header(opcode: u8, result: u8, lifetime: u32, epoch: u32) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[..4].copy_from_slice(&[VERSION, RESPONSE | opcode, 0, result]);
    out[4..8].copy_from_slice(&lifetime.to_be_bytes());
    out[8..12].copy_from_slice(&epoch.to_be_bytes());
    out
}
