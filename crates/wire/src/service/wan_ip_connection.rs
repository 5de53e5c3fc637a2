//! WANIPConnection:2.

use super::Service;

/// WANIPConnection:2.
pub static WAN_IP_CONNECTION: Service = Service {
    name: "WANIPConnection",
    version: 2,
    id: "WANIPConn1",
    variables: &[],
    actions: &[],
};
