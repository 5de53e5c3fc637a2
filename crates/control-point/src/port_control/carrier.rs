//! By which protocol a gateway is asked.

use std::fmt;
use std::str::FromStr;

use crate::error::InvalidRequest;

/// A protocol that carries requests for mappings to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// The UPnP Internet Gateway Device, version 1 or 2.
    Igd,
    /// The Port Control Protocol (RFC 6887).
    Pcp,
    /// The NAT Port Mapping Protocol (RFC 6886).
    NatPmp,
}

impl Carrier {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Igd => "UPnP IGD",
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Carrier {
    type Err = InvalidRequest;

    /// Takes `igd` or `upnp`, `pcp`, and `nat-pmp` or `natpmp`, in any letter case.
    fn from_str(text: &str) -> Result<Self, InvalidRequest> {
        match text.trim().to_ascii_lowercase().as_str() {
            "igd" | "upnp" => Ok(Self::Igd),
            "pcp" => Ok(Self::Pcp),
            "nat-pmp" | "natpmp" => Ok(Self::NatPmp),
            _ => Err(InvalidRequest::Value {
                what: "protocol",
                value: text.to_owned(),
                problem: "it is none of igd, pcp and nat-pmp".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_are_named_as_people_write_them() {
        for (text, carrier, shown) in [
            ("igd", Carrier::Igd, "UPnP IGD"),
            ("UPnP", Carrier::Igd, "UPnP IGD"),
            (" pcp ", Carrier::Pcp, "PCP"),
            ("nat-pmp", Carrier::NatPmp, "NAT-PMP"),
            ("NATPMP", Carrier::NatPmp, "NAT-PMP"),
        ] {
            assert_eq!(text.parse(), Ok(carrier), "{text}");
            assert_eq!(carrier.to_string(), shown);
        }
        for text in ["", "stun", "igd,pcp", "nat pmp"] {
            assert!(text.parse::<Carrier>().is_err(), "{text}");
        }
    }
}
