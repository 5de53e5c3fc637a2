//! Refusals as they are told to callers.

use std::time::Duration;

use portreeve_wire::{nat_pmp, pcp};

use super::Carrier;
use super::message::Refused;
use crate::error::PortControlRefusal;

/// Longest time that an error is believed to last (RFC 6887 section 7.2).
const LONGEST: Duration = Duration::from_secs(1800);

impl PortControlRefusal {
    /// What a server answered. NAT-PMP does not tell for how long.
    pub(super) fn new(carrier: Carrier, refused: Refused) -> Self {
        Self {
            carrier,
            code: refused.code,
            name: name(carrier, refused.code),
            lifetime: Duration::from_secs(refused.lifetime.into()).min(LONGEST),
        }
    }

    /// The server granted another port than the only one that was wished for.
    pub(super) fn another_port(carrier: Carrier) -> Self {
        Self {
            carrier,
            code: 0,
            name: "another port",
            lifetime: Duration::ZERO,
        }
    }

    /// Whether it is about what all protocols of a gateway share: its connection, its table, and who has the port.
    pub(crate) fn is_same_for_all(&self) -> bool {
        use pcp::ResultCode::{CannotProvideExternal, NetworkFailure, NoResources, UserExQuota};
        match self.carrier {
            // Another port was granted than the only one.
            _ if self.code == 0 => true,
            Carrier::NatPmp => nat_pmp::ResultCode::from_number(self.code).is_some_and(|code| {
                matches!(
                    code,
                    nat_pmp::ResultCode::NetworkFailure | nat_pmp::ResultCode::OutOfResources
                )
            }),
            _ => [CannotProvideExternal, NetworkFailure, NoResources, UserExQuota]
                .iter()
                .any(|code| u16::from(code.number()) == self.code),
        }
    }

    /// Whether the gateway has no way to the internet at present.
    pub(super) fn is_network_failure(&self) -> bool {
        match self.carrier {
            Carrier::NatPmp => self.code == nat_pmp::ResultCode::NetworkFailure.number(),
            _ => self.code == u16::from(pcp::ResultCode::NetworkFailure.number()),
        }
    }
}

fn name(carrier: Carrier, code: u16) -> &'static str {
    let known = match carrier {
        Carrier::NatPmp => nat_pmp::ResultCode::from_number(code).map(nat_pmp::ResultCode::name),
        _ => {
            let number = u8::try_from(code).ok();
            number.and_then(pcp::ResultCode::from_number).map(pcp::ResultCode::name)
        }
    };
    known.unwrap_or("a code that no standard names")
}
