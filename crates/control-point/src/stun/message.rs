//! The Binding request and its answer (RFC 5389 sections 6, 7.3, 15.1, 15.2 and 15.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What tells our answer from others'.
pub(crate) type TransactionId = [u8; 12];

/// Why an answer tells no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAddress {
    /// It is no answer to this request.
    #[error("it is no answer to the request")]
    NotForUs,
    /// The server refuses, with this error code.
    #[error("the server refuses with error {0}")]
    Refused(u16),
    /// It is an answer without a well-formed address.
    #[error("the answer has no address in it")]
    Missing,
}

/// A Binding request without attributes.
pub(crate) fn request(id: TransactionId) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[0..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    bytes[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    bytes[8..20].copy_from_slice(&id);
    bytes
}

/// The address in the answer to a Binding request: XOR-MAPPED-ADDRESS if there is one, since some gateways rewrite
/// addresses that they find in packets, else MAPPED-ADDRESS.
pub(crate) fn parse_answer(bytes: &[u8], id: TransactionId) -> Result<SocketAddr, NoAddress> {
    let (header, rest) = bytes.split_at_checked(HEADER).ok_or(NoAddress::NotForUs)?;
    let kind = u16_at(header, 0);
    let length = usize::from(u16_at(header, 2));
    let is_ours = header[4..8] == MAGIC_COOKIE.to_be_bytes() && header[8..20] == id;
    let is_answer = kind == BINDING_SUCCESS || kind == BINDING_ERROR;
    if !is_ours || !is_answer || !length.is_multiple_of(4) {
        return Err(NoAddress::NotForUs);
    }
    let attributes = rest.get(..length).ok_or(NoAddress::NotForUs)?;
    let find = |wanted| {
        Attributes(attributes)
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| value)
    };
    if kind == BINDING_ERROR {
        // The hundreds are in three bits of the third byte, the rest in the fourth (section 15.6).
        let code = find(ERROR_CODE).and_then(|value| value.get(2..4));
        return Err(NoAddress::Refused(
            code.map_or(0, |code| u16::from(code[0] & 7) * 100 + u16::from(code[1])),
        ));
    }
    let xored = find(XOR_MAPPED_ADDRESS).and_then(|value| address(value, &header[4..20]));
    let plain = || find(MAPPED_ADDRESS).and_then(|value| address(value, &[0; 16]));
    xored.or_else(plain).ok_or(NoAddress::Missing)
}

/// The address in an attribute, after XOR with the mask (sections 15.1 and 15.2).
fn address(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let (head, bytes) = value.split_at_checked(4)?;
    let port = u16_at(head, 2) ^ u16_at(mask, 0);
    let unmasked = bytes
        .iter()
        .zip(mask)
        .map(|(byte, mask)| byte ^ mask)
        .collect::<Vec<u8>>();
    let ip: IpAddr = match (head[1], bytes.len()) {
        (FAMILY_IPV4, 4) => Ipv4Addr::from(<[u8; 4]>::try_from(unmasked).ok()?).into(),
        (FAMILY_IPV6, 16) => Ipv6Addr::from(<[u8; 16]>::try_from(unmasked).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Attributes one after another: type and value. It ends where the bytes make no sense.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.0.split_at_checked(4)?;
        let length = usize::from(u16_at(head, 2));
        let value = rest.get(..length)?;
        self.0 = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16_at(head, 0), value))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

const HEADER: usize = 20;
const MAGIC_COOKIE: u32 = 0x2112_A442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: TransactionId = *b"abcdefghijkl";

    /// An answer of this type with these attributes, each padded.
    fn answer(kind: u16, id: TransactionId, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend(kind.to_be_bytes());
            body.extend((value.len() as u16).to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut bytes = request(id).to_vec();
        bytes[0..2].copy_from_slice(&kind.to_be_bytes());
        bytes[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn the_request_is_the_standards() {
        let mut expected = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xA4, 0x42];
        expected.extend(ID);
        assert_eq!(request(ID).to_vec(), expected);
    }

    /// The IPv4 and IPv6 responses of RFC 5769 sections 2.2 and 2.3, without what follows the address.
    #[test]
    fn the_answers_of_rfc_5769_are_read() {
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let software = (0x8022, &b"test vector"[..]);
        let v4 = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let bytes = answer(BINDING_SUCCESS, id, &[software, (XOR_MAPPED_ADDRESS, &v4)]);
        assert_eq!(parse_answer(&bytes, id), Ok("192.0.2.1:32853".parse().unwrap()));
        let v6 = [
            0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2,
            0xb9, 0xd9,
        ];
        let bytes = answer(BINDING_SUCCESS, id, &[software, (XOR_MAPPED_ADDRESS, &v6)]);
        let expected = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        assert_eq!(parse_answer(&bytes, id), Ok(expected));
    }

    #[test]
    fn the_plain_address_is_taken_only_where_there_is_no_other() {
        let plain = [0, 1, 0x12, 0x34, 11, 11, 11, 12];
        let bytes = answer(BINDING_SUCCESS, ID, &[(MAPPED_ADDRESS, &plain)]);
        assert_eq!(parse_answer(&bytes, ID), Ok("11.11.11.12:4660".parse().unwrap()));
        let xored = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let both = [(MAPPED_ADDRESS, &plain[..]), (XOR_MAPPED_ADDRESS, &xored)];
        let bytes = answer(BINDING_SUCCESS, ID, &both);
        assert_eq!(parse_answer(&bytes, ID), Ok("192.0.2.1:32853".parse().unwrap()));
    }

    #[test]
    fn what_is_not_for_us_is_told_from_what_is_useless() {
        let plain = [0, 1, 0x12, 0x34, 11, 11, 11, 12];
        let good = answer(BINDING_SUCCESS, ID, &[(MAPPED_ADDRESS, &plain)]);
        for spoil in [0, 4, 8, 19] {
            let mut bytes = good.clone();
            bytes[spoil] ^= 0xff;
            assert_eq!(parse_answer(&bytes, ID), Err(NoAddress::NotForUs), "byte {spoil}");
        }
        for length in 0..good.len() {
            assert_eq!(
                parse_answer(&good[..length], ID),
                Err(NoAddress::NotForUs),
                "{length} bytes"
            );
        }
        let refused = answer(BINDING_ERROR, ID, &[(ERROR_CODE, &[0, 0, 4, 20, b'x'])]);
        assert_eq!(parse_answer(&refused, ID), Err(NoAddress::Refused(420)));
        let empty = answer(BINDING_SUCCESS, ID, &[]);
        assert_eq!(parse_answer(&empty, ID), Err(NoAddress::Missing));
        let family = answer(BINDING_SUCCESS, ID, &[(MAPPED_ADDRESS, &[0, 2, 0, 1, 1, 2, 3, 4])]);
        assert_eq!(parse_answer(&family, ID), Err(NoAddress::Missing));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_answer(&bytes, ID);
        }

        #[test]
        fn no_attributes_break_the_parser(kind in prop::sample::select(vec![BINDING_SUCCESS, BINDING_ERROR]),
                                          body in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = answer(kind, ID, &[]);
            bytes[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
            bytes.extend(body);
            let _ = parse_answer(&bytes, ID);
        }

        #[test]
        fn every_address_survives_the_mask(ip in any::<u32>(), port in any::<u16>(), id in any::<[u8; 12]>()) {
            let mut value = vec![0, 1];
            value.extend((port ^ 0x2112).to_be_bytes());
            value.extend((ip ^ MAGIC_COOKIE).to_be_bytes());
            let bytes = answer(BINDING_SUCCESS, id, &[(XOR_MAPPED_ADDRESS, &value)]);
            prop_assert_eq!(parse_answer(&bytes, id), Ok(SocketAddr::new(Ipv4Addr::from(ip).into(), port)));
        }
    }
}
