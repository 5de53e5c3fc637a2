//! The bytes of one record.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

use portreeve_engine::{
    Expiry, Key, Mapping, Origin, PcpOpcode, PcpOrigin, Pinhole, PinholeKey, Protocol, RemoteHost, Time, Transport,
    UniqueId,
};
use portreeve_wire::pcp::Nonce;

use crate::table::Record;

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const NOTE: u8 = 3;
const BOOT: u8 = 4;
const PUT_PINHOLE: u8 = 5;
const REMOVE_PINHOLE: u8 = 6;
const LAST_UNIQUE_ID: u8 = 7;

/// Kinds of origin, beside the families of addresses, 4 and 6, which stand for UPnP.
const STATIC: u8 = 0;
const NAT_PMP: u8 = 1;
const PCP_MAP: u8 = 2;
const PCP_PEER: u8 = 3;

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
            encode_origin(out, mapping.origin);
            encode_text(out, &mapping.description)
        }
        Record::Remove(key) => {
            out.push(REMOVE);
            encode_key(out, *key);
            Some(())
        }
        Record::PutPinhole(pinhole) => {
            out.push(PUT_PINHOLE);
            encode_pinhole_key(out, pinhole.key);
            out.extend_from_slice(&pinhole.id.0.to_le_bytes());
            out.extend_from_slice(&pinhole.expiry.as_millis().to_le_bytes());
            encode_origin(out, pinhole.origin);
            Some(())
        }
        Record::RemovePinhole(key) => {
            out.push(REMOVE_PINHOLE);
            encode_pinhole_key(out, *key);
            Some(())
        }
        Record::LastUniqueId(UniqueId(id)) => {
            out.push(LAST_UNIQUE_ID);
            out.extend_from_slice(&id.to_le_bytes());
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
            origin: decode_origin(bytes)?,
            description: text(bytes)?.into(),
        }))),
        REMOVE => Some(Record::Remove(decode_key(bytes)?)),
        PUT_PINHOLE => Some(Record::PutPinhole(Arc::new(Pinhole {
            key: decode_pinhole_key(bytes)?,
            id: UniqueId(u16(bytes)?),
            expiry: Time::from_millis(u64(bytes)?),
            origin: decode_origin(bytes)?,
        }))),
        REMOVE_PINHOLE => Some(Record::RemovePinhole(decode_pinhole_key(bytes)?)),
        LAST_UNIQUE_ID => Some(Record::LastUniqueId(UniqueId(u16(bytes)?))),
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

fn encode_pinhole_key(out: &mut Vec<u8>, key: PinholeKey) {
    out.extend_from_slice(&key.internal_client.octets());
    out.extend_from_slice(&key.internal_port.get().to_le_bytes());
    out.push(key.transport.number());
    match key.remote_host {
        None => out.push(0),
        Some(address) => encode_address(out, address.into()),
    }
    out.extend_from_slice(&key.remote_port.map_or(0, NonZeroU16::get).to_le_bytes());
}

fn decode_pinhole_key(bytes: &mut &[u8]) -> Option<PinholeKey> {
    Some(PinholeKey {
        internal_client: Ipv6Addr::from(take::<16>(bytes)?),
        internal_port: port(bytes)?,
        transport: Transport::from_number(u8(bytes)?.into())?,
        remote_host: match u8(bytes)? {
            0 => None,
            6 => Some(Ipv6Addr::from(take::<16>(bytes)?)),
            _ => return None,
        },
        remote_port: NonZeroU16::new(u16(bytes)?),
    })
}

/// The kind, then whose request it was; nothing else for what the administrator wrote, which is not kept.
fn encode_origin(out: &mut Vec<u8>, origin: Origin) {
    match origin {
        Origin::Static => out.push(STATIC),
        Origin::Upnp(caller) => encode_address(out, caller),
        Origin::NatPmp(caller) => {
            out.push(NAT_PMP);
            out.extend_from_slice(&caller.octets());
        }
        Origin::Pcp(PcpOrigin { caller, nonce, opcode }) => {
            out.push(match opcode {
                PcpOpcode::Map => PCP_MAP,
                PcpOpcode::Peer => PCP_PEER,
            });
            encode_address(out, caller);
            out.extend_from_slice(&nonce.0);
        }
    }
}

fn decode_origin(bytes: &mut &[u8]) -> Option<Origin> {
    let opcode = match u8(bytes)? {
        STATIC => return Some(Origin::Static),
        NAT_PMP => return Some(Origin::NatPmp(Ipv4Addr::from(take::<4>(bytes)?))),
        PCP_MAP => PcpOpcode::Map,
        PCP_PEER => PcpOpcode::Peer,
        family => return Some(Origin::Upnp(decode_address(family, bytes)?)),
    };
    let family = u8(bytes)?;
    Some(Origin::Pcp(PcpOrigin {
        caller: decode_address(family, bytes)?,
        nonce: Nonce(take::<12>(bytes)?),
        opcode,
    }))
}

/// The family's number, 4 or 6, then the address.
fn encode_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
    }
}

fn decode_address(family: u8, bytes: &mut &[u8]) -> Option<IpAddr> {
    match family {
        4 => Some(Ipv4Addr::from(take::<4>(bytes)?).into()),
        6 => Some(Ipv6Addr::from(take::<16>(bytes)?).into()),
        _ => None,
    }
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
    NonZeroU16::new(u16(bytes)?)
}

fn u8(bytes: &mut &[u8]) -> Option<u8> {
    bytes.split_off_first().copied()
}

fn u16(bytes: &mut &[u8]) -> Option<u16> {
    take(bytes).map(u16::from_le_bytes)
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
