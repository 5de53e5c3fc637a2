//! The bytes of one record.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

use portreeve_engine::{Expiry, Key, Mapping, Origin, Protocol, RemoteHost, Time};

use crate::table::Record;

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const NOTE: u8 = 3;
const BOOT: u8 = 4;

/// Appends the record; `None` if a text is too long for the format.
pub(super) fn encode(out: &mut Vec<u8>, record: &Record) -> Option<()> {
    match record {
        Record::Put(mapping) => {
            out.push(PUT);
            encode_key(out, mapping.key);
            out.extend_from_slice(&mapping.internal_client.octets());
            out.extend_from_slice(&mapping.internal_port.get().to_le_bytes());
            out.push(u8::from(mapping.enabled));
            match mapping.expiry {
                Expiry::Never => out.push(0),
                Expiry::At(end) => {
                    out.push(1);
                    out.extend_from_slice(&end.as_millis().to_le_bytes());
                }
            }
            match mapping.origin {
                Origin::Static => out.push(0),
                Origin::Upnp(IpAddr::V4(address)) => {
                    out.push(4);
                    out.extend_from_slice(&address.octets());
                }
                Origin::Upnp(IpAddr::V6(address)) => {
                    out.push(6);
                    out.extend_from_slice(&address.octets());
                }
            }
            encode_text(out, &mapping.description)
        }
        Record::Remove(key) => {
            out.push(REMOVE);
            encode_key(out, *key);
            Some(())
        }
        Record::Note { name, value } => {
            out.push(NOTE);
            encode_text(out, name)?;
            encode_text(out, value)
        }
        Record::Boot(boot_id) => {
            out.push(BOOT);
            encode_text(out, boot_id)
        }
    }
}

/// Takes a record off the front of `bytes`; `None` if there is none.
pub(super) fn decode(bytes: &mut &[u8]) -> Option<Record> {
    match u8(bytes)? {
        PUT => Some(Record::Put(Arc::new(Mapping {
            key: decode_key(bytes)?,
            internal_client: Ipv4Addr::from(take::<4>(bytes)?),
            internal_port: port(bytes)?,
            enabled: match u8(bytes)? {
                0 => false,
                1 => true,
                _ => return None,
            },
            expiry: match u8(bytes)? {
                0 => Expiry::Never,
                1 => Expiry::At(Time::from_millis(u64(bytes)?)),
                _ => return None,
            },
            origin: match u8(bytes)? {
                0 => Origin::Static,
                4 => Origin::Upnp(Ipv4Addr::from(take::<4>(bytes)?).into()),
                6 => Origin::Upnp(Ipv6Addr::from(take::<16>(bytes)?).into()),
                _ => return None,
            },
            description: text(bytes)?.into(),
        }))),
        REMOVE => Some(Record::Remove(decode_key(bytes)?)),
        NOTE => Some(Record::Note {
            name: text(bytes)?.to_owned(),
            value: text(bytes)?.to_owned(),
        }),
        BOOT => Some(Record::Boot(text(bytes)?.to_owned())),
        _ => None,
    }
}

fn encode_key(out: &mut Vec<u8>, key: Key) {
    out.push(key.protocol.number());
    out.extend_from_slice(&key.external_port.get().to_le_bytes());
    match key.remote_host {
        RemoteHost::Any => out.push(0),
        RemoteHost::Host(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
    }
}

fn decode_key(bytes: &mut &[u8]) -> Option<Key> {
    Some(Key {
        protocol: match u8(bytes)? {
            6 => Protocol::Tcp,
            17 => Protocol::Udp,
            _ => return None,
        },
        external_port: port(bytes)?,
        remote_host: match u8(bytes)? {
            0 => RemoteHost::Any,
            4 => RemoteHost::Host(Ipv4Addr::from(take::<4>(bytes)?)),
            _ => return None,
        },
    })
}

fn encode_text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    Some(())
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(u32(bytes)?).ok()?;
    std::str::from_utf8(bytes.split_off(..length)?).ok()
}

fn port(bytes: &mut &[u8]) -> Option<NonZeroU16> {
    NonZeroU16::new(u16::from_le_bytes(take(bytes)?))
}

fn u8(bytes: &mut &[u8]) -> Option<u8> {
    bytes.split_off_first().copied()
}

pub(super) fn u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_le_bytes)
}

pub(super) fn u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_le_bytes)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    bytes.split_off(..N)?.try_into().ok()
}
