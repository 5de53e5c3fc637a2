//! The services of the InternetGatewayDevice over the engine's state: each action in, each answer out.

mod add_mapping;
mod denied;
mod lan_host;
mod link_control;
mod mapping_entries;
mod pinholes;
mod state;

use portreeve_wire::service::{Access, Direction, Service, StateVariable};
use portreeve_wire::{Answer, Call, ErrorCode, Fault, Value};

use crate::claim::Denied;
use crate::config::LinkControl;
use crate::context::Context;
use crate::eventing::Evented;

/// Carries out an action.
pub(crate) fn call(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    if call.service.name == "WANIPv6FirewallControl" {
        return pinholes::call(context, call);
    }
    let adds = matches!(call.action.name, "AddPortMapping" | "AddAnyPortMapping");
    if !adds && let Some(refusal) = context.refusals.first() {
        return Err(Denied::Backend(refusal.why.clone()).into());
    }
    let outcome = match call.action.name {
        "AddPortMapping" => add_mapping::add_port_mapping(context, call),
        "AddAnyPortMapping" => add_mapping::add_any_port_mapping(context, call),
        "DeletePortMapping" => mapping_entries::delete(context, call),
        "DeletePortMappingRange" => mapping_entries::delete_range(context, call),
        "GetSpecificPortMappingEntry" => mapping_entries::specific(context, call),
        "GetGenericPortMappingEntry" => mapping_entries::generic(context, call),
        "GetListOfPortMappings" => mapping_entries::list(context, call),
        "X_GetTotalPortMappings" => mapping_entries::total(context, call),
        "GetActiveConnection" => link_control::active_connection(context, call),
        "ConfigureConnection" if context.config.link_control == LinkControl::Lan => {
            Err(ErrorCode::ActionDisallowedWhenAutoConfigEnabled.into())
        }
        _ if call.action.access == Access::Nobody => Err(ErrorCode::ActionNotAuthorized.into()),
        _ if call.service.name == "LANHostConfigManagement" => lan_host::read(context, call),
        _ if call.action.access == Access::LinkControl => link_control::control(context, call),
        _ => read(context, call),
    };
    let upstream_forbids = || {
        context
            .refusals
            .iter()
            .any(|refused| refused.why.is_forbidden_upstream())
    };
    outcome.map_err(|fault| match (call.version, fault.code) {
        (1, ErrorCode::ActionNotAuthorized) if upstream_forbids() => Fault {
            code: ErrorCode::ConflictInMappingEntry,
            ..fault
        },
        (1, _) if ["WANIPConnection", "WANPPPConnection"].contains(&call.service.name) => as_version_1(fault),
        _ => fault,
    })
}

/// The value of a state variable, for QueryStateVariable.
pub(crate) fn query(context: &Context<'_>, service: &'static Service, variable: &str) -> Result<Value, Fault> {
    if service.variable(variable).is_none() {
        return Err(ErrorCode::InvalidVar.into());
    }
    state::value(context, service, variable).ok_or_else(|| {
        Fault::because(
            ErrorCode::ActionFailed,
            format!("{variable} has no value of its own; it describes arguments"),
        )
    })
}

/// Every evented state variable of the services that are offered, with its value.
pub(crate) fn evented(context: &Context<'_>) -> Vec<Evented> {
    let variables = context.config.offer.services().flat_map(|service| {
        let evented = service.variables.iter().filter(|variable| variable.evented);
        evented.map(move |variable| (service, variable))
    });
    let value = |service, variable: &'static StateVariable| state::value(context, service, variable.name);
    variables
        .filter_map(|(service, variable)| {
            let value = value(service, variable)?;
            Some(Evented {
                service,
                variable,
                value,
            })
        })
        .collect()
}

/// An action that only reads: each `out` argument is the value of its related variable. That is how the table says
/// what such an action returns, and no code can say otherwise.
fn read(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let outputs = call.action.arguments(Direction::Out);
    let values = outputs.map(|argument| state::value(context, call.service, argument.variable));
    values
        .collect::<Option<Answer>>()
        // What has nothing to tell is no reading, and its success must not be claimed.
        .filter(|answer| !answer.is_empty())
        .ok_or_else(|| ErrorCode::OptionalActionNotImplemented.into())
}

/// Version 1 has no 728 and no 729, and clients of its time try another port only on 718.
fn as_version_1(fault: Fault) -> Fault {
    let code = match fault.code {
        ErrorCode::NoPortMapsAvailable => ErrorCode::ActionFailed,
        ErrorCode::ConflictWithOtherMechanisms => ErrorCode::ConflictInMappingEntry,
        other => other,
    };
    Fault { code, ..fault }
}
