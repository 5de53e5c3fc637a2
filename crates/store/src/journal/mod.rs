//! The journal's bytes, without a disk: a file header, then frames, then zeros.
//!
//! A frame is what one commit wrote, and counts as a whole or not at all:
//!
//! ```text
//! length u32   of the body; never 0
//! check  u32   CRC-32 of salt, position of the frame and length; highest bit set
//! body         boot clock u64, calendar u64 (both milliseconds), SystemUpdateID u32, records
//! check  u32   CRC-32 of salt and body; highest bit set
//! ```
//!
//! All numbers are little-endian. The file is extended with zeros, a [`CHUNK`] at a time and durably, before frames go
//! there, for two reasons: overwriting costs the disk one write where growing costs two, and what loss of power left
//! of a frame can be told from damage, since every sector is either as written or still zero. The salt is drawn anew
//! for each file, so that nobody can hide a false frame in the text of a mapping.

pub(crate) mod crc;
mod record;
#[cfg(test)]
pub(crate) mod tests;

use crate::Clocks;
use crate::table::{Record, Stamp, Table};
use portreeve_engine::Time;

/// The format that this program writes. The first had no pinholes, and is otherwise the same.
pub(crate) const FORMAT: u32 = 2;
/// The size of a journal is a multiple of this many bytes.
pub(crate) const CHUNK: usize = 256 * 1024;
/// Bytes before the first frame.
pub(crate) const HEADER: usize = 32;
/// Zeros that follow the last frame in every file, so that a file cut anywhere shows it.
pub(crate) const MARGIN: usize = 8;

const MAGIC: [u8; 16] = *b"portreeve leases";
/// What a disk writes in one piece.
const SECTOR: usize = 512;
/// The highest bit of a check is set, so that a check never ends in a zero.
const CHECK_MARK: u32 = 0x8000_0000;

/// Why bytes are not a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They are not, or no longer.
    Damaged(String),
    /// They are of a format not known yet.
    Newer(u32),
}

/// What a journal says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) table: Table,
    pub(crate) format: u32,
    pub(crate) salt: u64,
    /// Where the next frame goes.
    pub(crate) end: usize,
    /// Records that the table no longer needs.
    pub(crate) superfluous: usize,
    pub(crate) ending: Ending,
}

/// What follows the last whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Zeros.
    Clean,
    /// Pieces of one frame whose write was interrupted, and which nobody was told is kept.
    Torn,
}

/// The bytes before the first frame.
pub(crate) fn header(salt: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..16].copy_from_slice(&MAGIC);
    bytes[16..20].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[20..28].copy_from_slice(&salt.to_le_bytes());
    let check = crc::crc32(0, &bytes[..28]);
    bytes[28..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Appends to `out` the frame with these records, to be written at `position` in the file. `None` if there are more
/// than a frame can hold; `out` is then of no use.
pub(crate) fn frame(
    out: &mut Vec<u8>,
    salt: u64,
    position: usize,
    stamp: Stamp,
    records: impl Iterator<Item = Record>,
) -> Option<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&stamp.clocks.boot.as_millis().to_le_bytes());
    out.extend_from_slice(&stamp.clocks.unix_millis.to_le_bytes());
    out.extend_from_slice(&stamp.system_update_id.to_le_bytes());
    for record in records {
        record::encode(out, &record)?;
    }
    let length = u32::try_from(out.len() - start - 8).ok()?.to_le_bytes();
    out[start..start + 4].copy_from_slice(&length);
    out[start + 4..start + 8].copy_from_slice(&head_check(salt, position, length));
    let check = body_check(salt, &out[start + 8..]);
    out.extend_from_slice(&check);
    Some(())
}

/// Reads a whole journal.
pub(crate) fn replay(bytes: &[u8]) -> Result<Replayed, Fault> {
    let (format, salt) = read_header(bytes)?;
    if !bytes.len().is_multiple_of(CHUNK) {
        return Err(Fault::Damaged(format!(
            "it was cut off: {} bytes are not a multiple of {CHUNK}",
            bytes.len()
        )));
    }
    let mut replayed = Replayed {
        table: Table::default(),
        format,
        salt,
        end: HEADER,
        superfluous: 0,
        ending: Ending::Clean,
    };
    while let Some(body) = body_at(bytes, salt, replayed.end) {
        replay_body(&mut replayed, body)
            .ok_or_else(|| Fault::Damaged(format!("the entry at byte {} makes no sense", replayed.end)))?;
        replayed.end += body.len() + 12;
    }
    replayed.ending = ending(bytes, salt, replayed.end)?;
    Ok(replayed)
}

/// The format and the salt.
fn read_header(bytes: &[u8]) -> Result<(u32, u64), Fault> {
    let damaged = |cause: &str| Err(Fault::Damaged(cause.to_owned()));
    if bytes.is_empty() {
        return damaged("it is empty");
    }
    if !bytes.starts_with(&MAGIC) {
        return damaged("it is not a store of portreeved");
    }
    let Some(header) = bytes.get(..HEADER) else {
        return damaged("it was cut off within its first line");
    };
    let (mut fields, mut check) = (&header[16..28], &header[28..]);
    if record::u32(&mut check) != Some(crc::crc32(0, &header[..28])) {
        return damaged("its header is damaged");
    }
    match (record::u32(&mut fields), record::u64(&mut fields)) {
        (Some(format @ 1..=FORMAT), Some(salt)) => Ok((format, salt)),
        (Some(newer), _) => Err(Fault::Newer(newer)),
        _ => damaged("its header is damaged"),
    }
}

fn replay_body(replayed: &mut Replayed, mut body: &[u8]) -> Option<()> {
    let rest = &mut body;
    replayed.table.stamp = Stamp {
        clocks: Clocks {
            boot: Time::from_millis(record::u64(rest)?),
            unix_millis: record::u64(rest)?,
        },
        system_update_id: record::u32(rest)?,
    };
    while !rest.is_empty() {
        replayed.superfluous += replayed.table.apply(record::decode(rest)?);
    }
    Some(())
}

/// The body of the whole frame at this position.
fn body_at(bytes: &[u8], salt: u64, position: usize) -> Option<&[u8]> {
    let length = length_at(bytes, salt, position)?;
    let body = bytes.get(position + 8..)?.get(..length)?;
    let check = bytes.get(position + 8 + length..)?.get(..4)?;
    (check == body_check(salt, body)).then_some(body)
}

/// The length of the body of the frame at this position, if a frame begins there.
fn length_at(bytes: &[u8], salt: u64, position: usize) -> Option<usize> {
    let head = bytes.get(position..)?.get(..8)?;
    let length: [u8; 4] = head[..4].try_into().ok()?;
    if length == [0; 4] || head[4..] != head_check(salt, position, length) {
        return None;
    }
    usize::try_from(u32::from_le_bytes(length)).ok()
}

/// Judges what follows the last whole frame, which ends at `end`.
fn ending(bytes: &[u8], salt: u64, end: usize) -> Result<Ending, Fault> {
    let damaged = |cause: &str| Err(Fault::Damaged(format!("the entry at byte {end} {cause}")));
    let rest = &bytes[end..];
    let Some(last) = rest.iter().rposition(|&byte| byte != 0) else {
        return match rest.len() {
            ..MARGIN => damaged("was the last before the file was cut off"),
            _ => Ok(Ending::Clean),
        };
    };
    // A frame is begun only when all before it are whole, so a whole one after this place is proof of damage.
    if (end + 1..end + last).any(|position| body_at(bytes, salt, position).is_some()) {
        return damaged("is damaged");
    }
    let Some(length) = length_at(bytes, salt, end) else {
        return match is_unwritten(bytes, end, end + 8) {
            true => Ok(Ending::Torn),
            false => damaged("has a damaged head"),
        };
    };
    let frame_end = end.saturating_add(length).saturating_add(12);
    if frame_end > bytes.len().saturating_sub(MARGIN) {
        return damaged("goes beyond the end of the file, which was cut off");
    }
    match end + last < frame_end && is_unwritten(bytes, end, frame_end) {
        true => Ok(Ending::Torn),
        false => damaged("is damaged"),
    }
}

/// Whether an interrupted write explains what is between these positions: the last byte, which is never written as
/// zero, is missing, or a whole sector's part of it is.
fn is_unwritten(bytes: &[u8], from: usize, to: usize) -> bool {
    bytes[to - 1] == 0 || {
        let first = (from / SECTOR + 1) * SECTOR;
        let mut sectors = (first..to).step_by(SECTOR).map(|start| (start, to.min(start + SECTOR)));
        let zero = |(start, end): (usize, usize)| bytes[start..end].iter().all(|&byte| byte == 0);
        zero((from, first.min(to))) || sectors.any(zero)
    }
}

fn head_check(salt: u64, position: usize, length: [u8; 4]) -> [u8; 4] {
    let check = crc::crc32(0, &salt.to_le_bytes());
    let check = crc::crc32(check, &(position as u64).to_le_bytes());
    (crc::crc32(check, &length) | CHECK_MARK).to_le_bytes()
}

fn body_check(salt: u64, body: &[u8]) -> [u8; 4] {
    (crc::crc32(crc::crc32(0, &salt.to_le_bytes()), body) | CHECK_MARK).to_le_bytes()
}
