//! What a pinhole shall be: checked, so that it can be asked for.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::Transport;
use crate::actions::AddPinholeArguments;
use crate::error::InvalidRequest;

/// A pinhole that makes sense. What it is for decides whether two are the same (RemoteHost, RemotePort, InternalClient,
/// InternalPort, Protocol); the lease does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) transport: Transport,
    pub(crate) internal_client: Ipv6Addr,
    /// 0 for all.
    pub(crate) internal_port: u16,
    /// Empty on the wire if there is none: everybody may come.
    pub(crate) remote_host: Option<Ipv6Addr>,
    /// 0 for all.
    pub(crate) remote_port: u16,
    pub(crate) lease: LeaseSeconds,
}

impl Wanted {
    /// Whether the address means something outside of the site (RFC 4193).
    pub(crate) fn is_global(&self) -> bool {
        !self.internal_client.is_unique_local()
    }

    pub(crate) fn arguments(&self) -> AddPinholeArguments {
        AddPinholeArguments {
            remote_host: self.remote_host.map(|host| host.to_string()).unwrap_or_default(),
            remote_port: self.remote_port,
            internal_client: self.internal_client.to_string(),
            internal_port: self.internal_port,
            protocol: self.transport.number(),
            lease_time: self.lease.get(),
        }
    }
}

/// A_ARG_TYPE_LeaseTime: 1 to 86400 s; a pinhole without an end is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseSeconds(u32);

impl LeaseSeconds {
    /// An hour.
    pub(crate) const DEFAULT: Duration = Duration::from_secs(3600);

    const LONGEST: u64 = 86_400;

    /// Takes whole seconds; a fraction is dropped.
    pub(crate) fn new(lease: Duration) -> Result<Self, InvalidRequest> {
        match lease.as_secs() {
            seconds @ 1..=Self::LONGEST => Ok(Self(seconds as u32)),
            _ => Err(InvalidRequest::PinholeLease(lease)),
        }
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }

    pub(crate) const fn span(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// The address of one host that more than its own link can reach.
pub(crate) fn host(what: &'static str, address: Ipv6Addr) -> Result<Ipv6Addr, InvalidRequest> {
    let problem = if address.to_ipv4_mapped().is_some() {
        "this is an IPv4 address; pinholes are for IPv6"
    } else if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        "this is not the address of a host"
    } else if address.is_unicast_link_local() {
        "this address means something on its own link only"
    } else {
        return Ok(address);
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
    fn leases_are_between_a_second_and_a_day() {
        assert_eq!(LeaseSeconds::new(Duration::from_secs(86_400)).unwrap().get(), 86_400);
        for lease in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(86_401)] {
            assert_eq!(LeaseSeconds::new(lease), Err(InvalidRequest::PinholeLease(lease)));
        }
    }

    #[test]
    fn hosts_can_be_reached_from_elsewhere() {
        for (address, good) in [
            ("2001:db8::1", true),
            ("fd77::1", true),
            ("fe80::1", false),
            ("::1", false),
            ("::", false),
            ("ff02::c", false),
            ("::ffff:192.168.77.1", false),
        ] {
            assert_eq!(host("x", address.parse().unwrap()).is_ok(), good, "{address}");
        }
    }
}
