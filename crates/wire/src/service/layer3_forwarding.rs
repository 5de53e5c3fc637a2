//! Layer3Forwarding:1.

use super::{Access, Action, Service, StateVariable};
use crate::error::ErrorCode::{InvalidConnServiceSelection, InvalidDeviceUuid, InvalidServiceId};

/// Layer3Forwarding:1.
pub static LAYER3_FORWARDING: Service = Service {
    name: "Layer3Forwarding",
    version: 1,
    since: 1,
    id: "L3Forwarding1",
    path: "L3Fwd",
    variables: &[StateVariable::string("DefaultConnectionService").evented()],
    actions: &[
        Action::new(
            "SetDefaultConnectionService",
            arguments![in NewDefaultConnectionService: DefaultConnectionService],
        )
        .errors(&[InvalidDeviceUuid, InvalidServiceId, InvalidConnServiceSelection])
        .access(Access::LinkControl),
        Action::new(
            "GetDefaultConnectionService",
            arguments![out NewDefaultConnectionService: DefaultConnectionService],
        ),
    ],
    former_errors: &[],
};
