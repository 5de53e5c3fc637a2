//! Who may map what and open what: rules in order, the first that matches decides, as in a firewall.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::str::FromStr;

use regex_lite::Regex;

use crate::mapping::{Mapping, Protocol};
use crate::pinhole::{PinholeKey, Transport};
use crate::ports::PortRange;

/// The rules that decide which mappings and pinholes a LAN host may make, see and remove.
#[derive(Clone, Debug)]
pub struct Policy {
    /// In order; the first that matches decides. None matches: refused.
    pub rules: Vec<Rule>,
    /// Whether a host may only touch mappings that lead to itself.
    pub reach: Reach,
}

/// Whose mappings a host may make, see and remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only those whose InternalClient is the host itself (WANIPConnection:2 section 2.6).
    OwnAddress,
    /// Those of every host on the LAN.
    Everyone,
}

/// A rule. What it does not name, it does not restrict.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What happens to a mapping that matches.
    pub verdict: Verdict,
    /// Addresses of the InternalClient.
    pub client: Option<Network>,
    /// External ports.
    pub external_ports: PortRange,
    /// Internal ports.
    pub internal_ports: PortRange,
    /// Transport.
    pub protocol: Option<Protocol>,
    /// Pattern that PortMappingDescription must contain.
    pub description: Option<Regex>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Lets the mapping be made.
    Allow,
    /// Refuses it with 606.
    Deny,
}

/// A network such as `192.168.77.0/24` or `fd77::/64`; a bare address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network such as 192.168.77.0/24 or fd77::/64")]
pub struct InvalidNetwork(String);

/// What a mapping or a pinhole has that rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// InternalClient.
    pub client: IpAddr,
    /// ExternalPort; a pinhole's is its InternalPort, since nothing is translated.
    pub external_port: NonZeroU16,
    /// InternalPort.
    pub internal_port: NonZeroU16,
    /// Transport; none: one that no rule names.
    pub protocol: Option<Protocol>,
    /// PortMappingDescription; a pinhole has none.
    pub description: &'a str,
}

impl Default for Policy {
    /// What the standard leaves to public control points: their own address and ports from 1024 on.
    fn default() -> Self {
        let rule = Rule {
            verdict: Verdict::Allow,
            client: None,
            external_ports: PortRange::UNPRIVILEGED,
            internal_ports: PortRange::UNPRIVILEGED,
            protocol: None,
            description: None,
        };
        Self {
            rules: vec![rule],
            reach: Reach::OwnAddress,
        }
    }
}

impl Policy {
    /// Whether `caller` may make, see or remove this mapping.
    pub fn permits(&self, caller: IpAddr, subject: Subject<'_>) -> bool {
        self.reaches(caller, subject.client) && self.allows(subject)
    }

    /// Whether `caller` may touch mappings and pinholes of `client` at all.
    pub fn reaches(&self, caller: IpAddr, client: IpAddr) -> bool {
        self.reach == Reach::Everyone || caller == client
    }

    /// Whether the rules allow this mapping or pinhole, whoever asks.
    pub fn allows(&self, subject: Subject<'_>) -> bool {
        let first = self.rules.iter().find(|rule| rule.matches(subject));
        first.is_some_and(|rule| rule.verdict == Verdict::Allow)
    }

    /// Whether the rules could allow this mapping at some external port, whichever it has here. Where not, there is no
    /// use in trying them all.
    pub fn may_allow(&self, subject: Subject<'_>) -> bool {
        let matching = self.rules.iter().filter(|rule| {
            let external_port = NonZeroU16::new(*rule.external_ports.bounds().start());
            external_port.is_some_and(|external_port| {
                rule.matches(Subject {
                    external_port,
                    ..subject
                })
            })
        });
        for rule in matching {
            match rule.verdict {
                Verdict::Allow => return true,
                Verdict::Deny if rule.external_ports == PortRange::ALL => return false,
                Verdict::Deny => {}
            }
        }
        false
    }

    /// Whether some mapping at this external port could be permitted to `caller`: what can be asked before the rest of
    /// the mapping is known.
    pub fn permits_external(&self, caller: IpAddr, port: NonZeroU16, protocol: Protocol) -> bool {
        // A rule that also looks at what is not known yet (internal port, description) may or may not match: the
        // question is whether a permitted mapping is possible, so a narrow Deny is passed over and a narrow Allow counts.
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.may_match_external(self.reach, caller, port, protocol))
        {
            match rule.verdict {
                Verdict::Allow => return true,
                Verdict::Deny if rule.covers_whole_port() => return false,
                Verdict::Deny => {}
            }
        }
        false
    }
}

impl Rule {
    fn matches(&self, subject: Subject<'_>) -> bool {
        self.client.is_none_or(|network| network.contains(subject.client))
            && self.external_ports.contains(subject.external_port)
            && self.internal_ports.contains(subject.internal_port)
            && (self.protocol.is_none() || self.protocol == subject.protocol)
            && self
                .description
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(subject.description))
    }

    fn may_match_external(&self, reach: Reach, caller: IpAddr, port: NonZeroU16, protocol: Protocol) -> bool {
        let client_fits = match (reach, self.client, caller) {
            (Reach::Everyone, ..) | (_, None, _) => true,
            (Reach::OwnAddress, Some(network), caller) => network.contains(caller),
        };
        client_fits && self.external_ports.contains(port) && self.protocol.is_none_or(|wanted| wanted == protocol)
    }

    /// Whether the rule decides for every mapping at a port, whatever its internal port and description.
    fn covers_whole_port(&self) -> bool {
        self.internal_ports == PortRange::ALL && self.description.is_none()
    }
}

impl<'a> From<&'a Mapping> for Subject<'a> {
    fn from(mapping: &'a Mapping) -> Self {
        Self {
            client: mapping.internal_client.into(),
            external_port: mapping.key.external_port,
            internal_port: mapping.internal_port,
            protocol: Some(mapping.key.protocol),
            description: &mapping.description,
        }
    }
}

impl From<&PinholeKey> for Subject<'_> {
    fn from(pinhole: &PinholeKey) -> Self {
        Self {
            client: pinhole.internal_client.into(),
            external_port: pinhole.internal_port,
            internal_port: pinhole.internal_port,
            protocol: match pinhole.transport {
                Transport::Tcp => Some(Protocol::Tcp),
                Transport::Udp => Some(Protocol::Udp),
                Transport::Dccp | Transport::Sctp | Transport::UdpLite => None,
            },
            description: "",
        }
    }
}

impl Network {
    /// The network with this prefix length (at most 32, or 128 for IPv6) that contains the address.
    pub fn new(address: impl Into<IpAddr>, prefix: u8) -> Option<Self> {
        let address = address.into();
        (prefix <= width(address)).then_some(Self { address, prefix })
    }

    /// Whether the address is in the network.
    pub fn contains(self, address: impl Into<IpAddr>) -> bool {
        match (self.address, address.into()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u32::from(own) ^ u32::from(other)) & self.mask_v4() == 0,
            (IpAddr::V6(own), IpAddr::V6(other)) => (u128::from(own) ^ u128::from(other)) & self.mask_v6() == 0,
            _ => false,
        }
    }

    /// The address that reaches every host of the network; IPv6 has none.
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) => Some((u32::from(address) | !self.mask_v4()).into()),
            IpAddr::V6(_) => None,
        }
    }

    /// The address that every router of the network answers to (RFC 4291 section 2.6.1); IPv4 has none, nor has a
    /// network of one or two addresses.
    pub fn routers(self) -> Option<Ipv6Addr> {
        match self.address {
            IpAddr::V6(address) if self.prefix < 127 => Some((u128::from(address) & self.mask_v6()).into()),
            IpAddr::V6(_) | IpAddr::V4(_) => None,
        }
    }

    /// The mask of the network; IPv6 has none.
    pub fn mask(self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(_) => Some(self.mask_v4().into()),
            IpAddr::V6(_) => None,
        }
    }

    fn mask_v4(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    fn mask_v6(self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0)
    }
}

/// Bits of an address.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let prefix = prefix
            .map_or_else(|| Ok(width(address)), str::parse)
            .map_err(|_| invalid())?;
        Self::new(address, prefix).ok_or_else(invalid)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
