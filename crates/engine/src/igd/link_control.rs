//! Actions that would change the link, or name the connection over it (WANIPConnection:2 sections 2.5.1 to 2.5.8,
//! WANCommonInterfaceConfig:1, Layer3Forwarding:1). The link is only watched here, so nobody may change it.

use portreeve_wire::{Answer, Call, ErrorCode, Fault};

use super::{Context, state};
use crate::link::ConnectionStatus;

/// Answers according to the link's state what changes nothing, and refuses the rest.
pub(super) fn control(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let status = context.link.status();
    match call.action.name {
        // The type follows from the interface; nobody sets it.
        "SetConnectionType" => Err(ErrorCode::ReadOnly.into()),
        "RequestConnection" => match status {
            ConnectionStatus::Unconfigured => Err(ErrorCode::ConnectionNotConfigured.into()),
            ConnectionStatus::Connected => Ok(Answer::new()),
            ConnectionStatus::Disconnected => Err(not_ours_to_change()),
        },
        "RequestTermination" | "ForceTermination" => match status {
            ConnectionStatus::Unconfigured => Err(ErrorCode::ConnectionNotConfigured.into()),
            ConnectionStatus::Disconnected => Err(ErrorCode::ConnectionAlreadyTerminated.into()),
            ConnectionStatus::Connected => Err(not_ours_to_change()),
        },
        "SetDefaultConnectionService" => set_default_connection_service(context, call),
        _ => Err(not_ours_to_change()),
    }
}

/// GetActiveConnection: there is one connection while the link is up.
pub(super) fn active_connection(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let connected = context.link.status() == ConnectionStatus::Connected;
    if !connected || call.ui2("NewActiveConnectionIndex") != 0 {
        return Err(ErrorCode::SpecifiedArrayIndexInvalid.into());
    }
    super::read(context, call)
}

fn not_ours_to_change() -> Fault {
    Fault::because(
        ErrorCode::ActionNotAuthorized,
        "control points may not change the link of this gateway",
    )
}

/// There is one connection, which is the default already: naming it succeeds, and anything else does not exist.
fn set_default_connection_service(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let wanted = call.text("NewDefaultConnectionService");
    let (device, service) = wanted.split_once(',').ok_or(ErrorCode::InvalidConnServiceSelection)?;
    if device.trim() != state::connection_device_container(context) {
        return Err(ErrorCode::InvalidDeviceUuid.into());
    }
    match service.trim() == state::CONNECTION_SERVICE_ID {
        true => Ok(Answer::new()),
        false => Err(ErrorCode::InvalidServiceId.into()),
    }
}
