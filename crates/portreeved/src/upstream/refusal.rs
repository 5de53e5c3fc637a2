//! What the upstream gateway says, in the words of the engine (RFC 6970 read backwards).

use portreeve::{Carrier, Error, PortControlRefusal, PortsRefused, Refusal, Untrue};
use portreeve_engine::upstream::UpstreamRefusal;

/// Why a port is not open there.
pub(super) fn refusal(error: &Error) -> UpstreamRefusal {
    match error {
        Error::Refused(refusal) | Error::PortsRefused(PortsRefused { last: refusal, .. }) => by_code(refusal),
        Error::PortControl(refusal) => by_result(refusal),
        Error::Untrue(Untrue::Elsewhere { .. }) => UpstreamRefusal::PortTaken { offered: None },
        Error::Unusable(why) => UpstreamRefusal::Unavailable(why.to_string()),
        Error::Conversation(why) => UpstreamRefusal::Unavailable(why.to_string()),
        Error::NoGateway(why) => UpstreamRefusal::Unavailable(why.to_string()),
        other => UpstreamRefusal::Failed(other.to_string()),
    }
}

fn by_code(refusal: &Refusal) -> UpstreamRefusal {
    match refusal.code {
        718 | 729 => UpstreamRefusal::PortTaken { offered: None },
        606 => UpstreamRefusal::NotAuthorized,
        728 => UpstreamRefusal::NoRoom,
        _ => UpstreamRefusal::Failed(refusal.to_string()),
    }
}

/// By the result codes of PCP (RFC 6887 section 7.4) and of NAT-PMP (RFC 6886 section 3.5). 0: it granted another port.
fn by_result(refusal: &PortControlRefusal) -> UpstreamRefusal {
    match (refusal.carrier, refusal.code) {
        (_, 0) | (Carrier::Pcp, 11) => UpstreamRefusal::PortTaken { offered: None },
        (_, 2) => UpstreamRefusal::NotAuthorized,
        (Carrier::Pcp, 8 | 10) | (Carrier::NatPmp, 4) => UpstreamRefusal::NoRoom,
        (Carrier::Pcp, 7) | (Carrier::NatPmp, 3) => UpstreamRefusal::Unavailable(refusal.to_string()),
        _ => UpstreamRefusal::Failed(refusal.to_string()),
    }
}
