//! What a claim that is not granted is to a control point (WANIPConnection:2 table 2-1).

use portreeve_wire::{ErrorCode, Fault};

use crate::change::Refusal;
use crate::claim::Denied;
use crate::upstream::UpstreamRefusal;

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            Denied::Policy | Denied::NotOnLan(_) => return ErrorCode::ActionNotAuthorized.into(),
            Denied::AnotherHosts => return ErrorCode::ConflictInMappingEntry.into(),
            Denied::Gateways | Denied::Backend(Refusal::PortTaken | Refusal::PortForbidden) => {
                return ErrorCode::ConflictWithOtherMechanisms.into();
            }
            Denied::NoPortAllowed | Denied::NoPortFree | Denied::Backend(Refusal::NoRoom) => {
                return ErrorCode::NoPortMapsAvailable.into();
            }
            // What PCP's codes are to a control point: RFC 6970.
            Denied::Backend(Refusal::Upstream(UpstreamRefusal::PortTaken { .. })) | Denied::AnotherProtocols => {
                ErrorCode::ConflictInMappingEntry
            }
            Denied::Backend(Refusal::Upstream(UpstreamRefusal::NotAuthorized)) => ErrorCode::ActionNotAuthorized,
            Denied::Backend(Refusal::Upstream(UpstreamRefusal::NoRoom)) => ErrorCode::NoPortMapsAvailable,
            Denied::TableFull | Denied::Quota { .. } => ErrorCode::NoPortMapsAvailable,
            Denied::NatOff | Denied::NoAddress | Denied::LinkDown(_) | Denied::Backend(_) => ErrorCode::ActionFailed,
        };
        Self::because(code, denied.to_string())
    }
}
