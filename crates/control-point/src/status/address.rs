//! What the external address of a gateway says about the way to the internet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::Unusable;

/// What kind of address a gateway has towards the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// Reachable from the internet.
    Public,
    /// Private (RFC 1918, or not for use on the internet at all): another router is in front of the gateway.
    Private,
    /// Shared among customers of the provider: 100.64.0.0/10 (RFC 6598) or 192.0.0.0/24 (DS-Lite, RFC 6333).
    Shared,
    /// No address, or none that could be one: empty, 0.0.0.0, link-local, multicast.
    None,
}

impl AddressKind {
    /// The kind of this address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// Whether a mapping on this address, which is of this kind, leads to the internet.
    pub(crate) fn usable(self, address: IpAddr) -> Result<(), Unusable> {
        match self {
            Self::Public => Ok(()),
            Self::Private => Err(Unusable::DoubleNat(address)),
            Self::Shared => Err(Unusable::CarrierGradeNat(address)),
            Self::None => Err(Unusable::NoExternalAddress(address.to_string())),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let within = |net: [u8; 4], prefix: u32| (address.to_bits() ^ u32::from_be_bytes(net)) >> (32 - prefix) == 0;
        if within([0, 0, 0, 0], 8) || address.is_link_local() || within([224, 0, 0, 0], 3) {
            Self::None
        } else if within([100, 64, 0, 0], 10) || within([192, 0, 0, 0], 24) {
            Self::Shared
        } else if address.is_private()
            || address.is_loopback()
            || address.is_documentation()
            || within([198, 18, 0, 0], 15)
        {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if address.is_unspecified() || address.is_unicast_link_local() || address.is_multicast() {
            Self::None
        } else if address.is_unique_local() || address.is_loopback() || address.segments()[..2] == [0x2001, 0xdb8] {
            Self::Private
        } else {
            Self::Public
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::None => "none",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_has_its_kind() {
        let table = [
            ("11.11.11.1", AddressKind::Public),
            ("8.8.8.8", AddressKind::Public),
            ("100.63.255.255", AddressKind::Public),
            ("100.128.0.0", AddressKind::Public),
            ("172.32.0.1", AddressKind::Public),
            ("192.0.1.1", AddressKind::Public),
            ("198.20.0.1", AddressKind::Public),
            ("223.255.255.255", AddressKind::Public),
            ("10.0.0.1", AddressKind::Private),
            ("172.16.0.1", AddressKind::Private),
            ("172.31.255.255", AddressKind::Private),
            ("192.168.1.1", AddressKind::Private),
            ("127.0.0.1", AddressKind::Private),
            ("192.0.2.1", AddressKind::Private),
            ("198.19.255.255", AddressKind::Private),
            ("203.0.113.9", AddressKind::Private),
            ("100.64.0.0", AddressKind::Shared),
            ("100.127.255.255", AddressKind::Shared),
            ("192.0.0.2", AddressKind::Shared),
            ("0.0.0.0", AddressKind::None),
            ("169.254.7.7", AddressKind::None),
            ("224.0.0.1", AddressKind::None),
            ("255.255.255.255", AddressKind::None),
            ("2a00::1", AddressKind::Public),
            ("fd77::1", AddressKind::Private),
            ("2001:db8::1", AddressKind::Private),
            ("fe80::1", AddressKind::None),
            ("::", AddressKind::None),
            ("::ffff:100.64.0.1", AddressKind::Shared),
        ];
        for (address, kind) in table {
            assert_eq!(AddressKind::of(address.parse().unwrap()), kind, "{address}");
        }
    }
}
