//! What a mapping shall be: checked, so that a plan can be made of it.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use super::Protocol;
use crate::error::InvalidRequest;

/// A mapping that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) protocol: Protocol,
    pub(crate) external: External,
    pub(crate) internal_client: Ipv4Addr,
    pub(crate) internal_port: NonZeroU16,
    pub(crate) lease: LeaseSeconds,
    /// Empty on the wire if there is none: everybody may come.
    pub(crate) remote_host: Option<Ipv4Addr>,
    pub(crate) description: Description,
}

/// Which external port is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum External {
    /// This one or none.
    Exact(NonZeroU16),
    /// This one, or another if it cannot be had.
    Preferred(NonZeroU16),
    /// Any.
    Any,
}

impl External {
    /// Whether another port will do too.
    pub(crate) const fn is_flexible(self) -> bool {
        !matches!(self, Self::Exact(_))
    }
}

/// A lease to ask for: 1 to 604800 seconds (`PortMappingLeaseDuration`, WANIPConnection:2 section 2.3.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeaseSeconds(u32);

impl LeaseSeconds {
    /// An hour, as the standard recommends.
    pub(crate) const DEFAULT: Duration = Duration::from_secs(3600);

    const LONGEST: u64 = 604_800;

    /// Takes whole seconds; a fraction is dropped.
    pub(crate) fn new(lease: Duration) -> Result<Self, InvalidRequest> {
        match lease.as_secs() {
            seconds @ 1..=Self::LONGEST => Ok(Self(seconds as u32)),
            _ => Err(InvalidRequest::Lease(lease)),
        }
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

/// Text that a gateway can keep and show: at most 255 bytes, without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description(String);

impl Description {
    const LONGEST: usize = 255;

    pub(crate) fn new(text: &str) -> Result<Self, InvalidRequest> {
        let problem = if text.len() > Self::LONGEST {
            format!("has {} bytes, and at most {} are possible", text.len(), Self::LONGEST)
        } else if text.chars().any(char::is_control) {
            "has control characters".to_owned()
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(InvalidRequest::Value {
            what: "the description",
            value: text.chars().take(40).collect(),
            problem,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A port that is not 0.
pub(crate) fn port(name: &'static str, port: u16) -> Result<NonZeroU16, InvalidRequest> {
    NonZeroU16::new(port).ok_or(InvalidRequest::Port(name))
}

/// The address of one IPv4 host: what port mappings are about.
pub(crate) fn host(what: &'static str, address: IpAddr) -> Result<Ipv4Addr, InvalidRequest> {
    let problem = match address.to_canonical() {
        IpAddr::V6(_) => "port mappings are for IPv4; over IPv6 a host is reached through a pinhole instead",
        IpAddr::V4(address) if address.is_unspecified() || address.is_multicast() => {
            "this is not the address of a host"
        }
        IpAddr::V4(address) => return Ok(address),
    };
    Err(InvalidRequest::Value {
        what,
        value: address.to_string(),
        problem: problem.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_between_a_second_and_a_week() {
        assert_eq!(LeaseSeconds::new(Duration::from_secs(1)).unwrap().get(), 1);
        assert_eq!(LeaseSeconds::new(Duration::from_secs(604_800)).unwrap().get(), 604_800);
        for lease in [
            Duration::ZERO,
            Duration::from_millis(999),
            Duration::from_secs(604_801),
            Duration::MAX,
        ] {
            assert_eq!(LeaseSeconds::new(lease), Err(InvalidRequest::Lease(lease)));
        }
    }

    #[test]
    fn descriptions_are_short_and_printable() {
        assert!(Description::new("").is_ok());
        assert!(Description::new(&"é".repeat(127)).is_ok());
        assert!(Description::new(&"é".repeat(128)).is_err());
        assert!(Description::new("a\nb").is_err());
    }

    #[test]
    fn hosts_are_ipv4() {
        assert_eq!(
            host("x", "::ffff:192.168.77.2".parse().unwrap()),
            Ok(Ipv4Addr::new(192, 168, 77, 2))
        );
        for address in ["0.0.0.0", "224.0.0.1", "fd77::2"] {
            assert!(host("x", address.parse().unwrap()).is_err(), "{address}");
        }
        assert!(
            host("x", "255.255.255.255".parse().unwrap()).is_ok(),
            "a broadcast is allowed by 2.3.19"
        );
    }
}
