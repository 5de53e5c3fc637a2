//! What the upstream gateway says, in the words of the engine (RFC 6970 read backwards).

use portreeve::{Error, PortsRefused, Refusal, Untrue};
use portreeve_engine::upstream::UpstreamRefusal;

/// Why a port is not open there.
pub(super) fn refusal(error: &Error) -> UpstreamRefusal {
    match error {
        Error::Refused(refusal) | Error::PortsRefused(PortsRefused { last: refusal, .. }) => by_code(refusal),
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
