//! Layer3Forwarding:1.

use super::Service;

/// Layer3Forwarding:1.
pub static LAYER3_FORWARDING: Service = Service {
    name: "Layer3Forwarding",
    version: 1,
    id: "L3Forwarding1",
    variables: &[],
    actions: &[],
};
