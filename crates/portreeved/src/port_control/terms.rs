//! What is spoken where.

use std::fmt;

use portreeve_engine::config::Nat;

use crate::config::{Own, Pinholes, Settings};
use crate::machine::Lan;

/// The terms on which clients are served. A reload may change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// What is spoken over IPv4.
    pub(crate) ipv4: Spoken,
    /// What is spoken over IPv6.
    pub(crate) ipv6: Spoken,
    /// Requests per second that one client may make in the long run.
    pub(crate) per_second: u32,
}

/// Which protocols are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// NAT-PMP.
    pub(crate) nat_pmp: bool,
    /// PCP.
    pub(crate) pcp: bool,
}

impl Terms {
    /// What follows from the settings on this machine. Nothing is spoken where there is nothing to be had: mappings are
    /// for hosts of IPv4 behind a NAT, pinholes for hosts of IPv6.
    pub(crate) fn of(settings: &Settings, own: &Own) -> Self {
        let translates = settings.gateway.nat == Nat::Enabled;
        let pinholes = own.offer.pinholes && own.pinholes != Pinholes::Impossible;
        Self {
            ipv4: Spoken {
                nat_pmp: translates && settings.nat_pmp.enabled,
                pcp: translates && settings.pcp.enabled,
            },
            ipv6: Spoken {
                nat_pmp: false,
                pcp: pinholes && settings.pcp.enabled,
            },
            per_second: settings.limits.requests_per_second_per_client,
        }
    }

    /// What is spoken on an interface whose addresses are of one family.
    pub(super) fn spoken_on(&self, lan: &Lan) -> Spoken {
        match lan.ipv4() {
            Some(_) => self.ipv4,
            None => self.ipv6,
        }
    }
}

impl Spoken {
    /// Whether there is anything.
    pub(super) fn is_something(self) -> bool {
        self.nat_pmp || self.pcp
    }
}

/// Their names.
impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.nat_pmp, self.pcp) {
            (true, true) => "NAT-PMP and PCP",
            (true, false) => "NAT-PMP",
            (false, true) => "PCP",
            (false, false) => "nothing",
        })
    }
}

#[cfg(test)]
mod tests {
    use portreeve_wire::Offer;

    use super::*;
    use crate::config::{LinkSettings, OwnLink};

    fn spoken(settings: &Settings, pinholes: Pinholes) -> [Spoken; 2] {
        let own = Own {
            lans: Vec::new(),
            addresses: Vec::new(),
            connection_device: String::new(),
            offer: Offer {
                pinholes: settings.ipv6.pinholes,
                ..Offer::default()
            },
            pinholes,
            link: OwnLink::from(&LinkSettings::default()),
        };
        let Terms { ipv4, ipv6, .. } = Terms::of(settings, &own);
        [ipv4, ipv6]
    }

    const BOTH: Spoken = Spoken {
        nat_pmp: true,
        pcp: true,
    };
    const PCP: Spoken = Spoken {
        nat_pmp: false,
        pcp: true,
    };
    const NOTHING: Spoken = Spoken {
        nat_pmp: false,
        pcp: false,
    };

    #[test]
    fn nothing_is_spoken_where_there_is_nothing_to_be_had() {
        let mut settings = Settings::default();
        assert_eq!(spoken(&settings, Pinholes::Effective), [BOTH, PCP]);
        assert_eq!(spoken(&settings, Pinholes::Needless), [BOTH, PCP]);
        assert_eq!(spoken(&settings, Pinholes::Impossible), [BOTH, NOTHING]);
        settings.gateway.nat = Nat::Disabled;
        assert_eq!(spoken(&settings, Pinholes::Effective), [NOTHING, PCP]);
        settings.ipv6.pinholes = false;
        assert_eq!(spoken(&settings, Pinholes::Effective), [NOTHING; 2]);
    }

    #[test]
    fn each_protocol_has_its_switch() {
        let mut settings = Settings::default();
        settings.nat_pmp.enabled = false;
        assert_eq!(spoken(&settings, Pinholes::Effective), [PCP, PCP]);
        settings.pcp.enabled = false;
        assert_eq!(spoken(&settings, Pinholes::Effective), [NOTHING; 2]);
    }
}
