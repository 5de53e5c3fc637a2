//! WANCommonInterfaceConfig:1.

use super::Service;

/// WANCommonInterfaceConfig:1.
pub static WAN_COMMON_INTERFACE_CONFIG: Service = Service {
    name: "WANCommonInterfaceConfig",
    version: 1,
    id: "WANCommonIFC1",
    variables: &[],
    actions: &[],
};
