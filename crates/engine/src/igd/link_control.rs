//! Actions that change the link, or name the connection over it (WANIPConnection:2 sections 2.5.1 to 2.5.8,
//! WANCommonInterfaceConfig:1, Layer3Forwarding:1).

use portreeve_wire::{Answer, Call, ErrorCode, Fault};

use super::state;
use crate::context::Context;
use crate::link::{Asker, Timer};

/// Asks of the link what the action says.
pub(super) fn control(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let Context { link, now, .. } = context;
    let (asker, now) = (Asker::ControlPoint, *now);
    match call.action.name {
        "SetConnectionType" => link.set_connection_type(call.text("NewConnectionType"), asker, now)?,
        "RequestConnection" => link.request_connection(asker, now)?,
        "RequestTermination" => link.request_termination(asker, now)?,
        "ForceTermination" => link.force_termination(asker, now)?,
        "SetAutoDisconnectTime" => set_timer(context, call, Timer::AutoDisconnectTime)?,
        "SetIdleDisconnectTime" => set_timer(context, call, Timer::IdleDisconnectTime)?,
        "SetWarnDisconnectDelay" => set_timer(context, call, Timer::WarnDisconnectDelay)?,
        "SetEnabledForInternet" => link.set_enabled_for_internet(call.boolean("NewEnabledForInternet"), asker, now)?,
        "SetDefaultConnectionService" => set_default_connection_service(context, call)?,
        // Whatever else needs this access is not this gateway's to do.
        _ => return Err(ErrorCode::ActionNotAuthorized.into()),
    }
    Ok(Answer::new())
}

fn set_timer(context: &mut Context<'_>, call: &Call, timer: Timer) -> Result<(), Fault> {
    let argument = match timer {
        Timer::AutoDisconnectTime => "NewAutoDisconnectTime",
        Timer::IdleDisconnectTime => "NewIdleDisconnectTime",
        Timer::WarnDisconnectDelay => "NewWarnDisconnectDelay",
    };
    let now = context.now;
    context
        .link
        .set_timer(timer, call.ui4(argument), Asker::ControlPoint, now)
}

/// GetActiveConnection: there is one connection while the link is up.
pub(super) fn active_connection(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    if !context.link.status().passes_packets() || call.ui2("NewActiveConnectionIndex") != 0 {
        return Err(ErrorCode::SpecifiedArrayIndexInvalid.into());
    }
    super::read(context, call)
}

/// There is one connection, which is the default already: naming it succeeds, and anything else does not exist.
fn set_default_connection_service(context: &Context<'_>, call: &Call) -> Result<(), Fault> {
    let wanted = call.text("NewDefaultConnectionService");
    let (device, service) = wanted.split_once(',').ok_or(ErrorCode::InvalidConnServiceSelection)?;
    if device.trim() != state::connection_device_container(context) {
        return Err(ErrorCode::InvalidDeviceUuid.into());
    }
    match service.trim() == state::CONNECTION_SERVICE_ID {
        true => Ok(()),
        false => Err(ErrorCode::InvalidServiceId.into()),
    }
}
