//! The actions of a gateway's services as typed methods, one client a service.
//!
//! The clients are written by `cargo xtask generate` from the service tables of `portreeve-wire`. They ask the gateway
//! and believe the answer; what proves and keeps a mapping is built on them.

#[cfg(test)]
mod every_call;
mod lan_host_config_management;
mod layer3_forwarding;
#[cfg(test)]
mod tests;
mod wan_common_interface_config;
mod wan_ip_connection;
mod wan_ipv6_firewall_control;
mod wan_ppp_connection;

use std::vec;

use portreeve_wire::Value;

use crate::endpoint::Endpoint;
use crate::error::{Conversation, Error};
pub use lan_host_config_management::*;
pub use layer3_forwarding::*;
pub use wan_common_interface_config::*;
pub use wan_ip_connection::*;
pub use wan_ipv6_firewall_control::*;
pub use wan_ppp_connection::*;

/// Carries out an action of the endpoint's service, with `in` arguments in the table's order.
async fn perform(endpoint: &Endpoint, action: &str, values: &[Value]) -> Result<Answer, Error> {
    let (service, version) = (endpoint.service(), endpoint.version());
    let Some(action) = service.action(action, version) else {
        let what = format!("{action} (its {} has version {version})", service.name);
        return Err(Conversation::NotOffered(what).into());
    };
    let values = endpoint.call(action, values).await?;
    Ok(Answer(values.into_iter()))
}

/// The `out` arguments of an action that have not been taken yet, in the table's order and of its types: the clients
/// are generated from the table by which they were decoded.
struct Answer(vec::IntoIter<Value>);

impl Answer {
    fn ui2(&mut self) -> u16 {
        match self.0.next() {
            Some(Value::Ui2(number)) => number,
            other => panic!("the table has a ui2 here, not {other:?}"),
        }
    }

    fn ui4(&mut self) -> u32 {
        match self.0.next() {
            Some(Value::Ui4(number)) => number,
            other => panic!("the table has a ui4 here, not {other:?}"),
        }
    }

    fn boolean(&mut self) -> bool {
        match self.0.next() {
            Some(Value::Boolean(truth)) => truth,
            other => panic!("the table has a boolean here, not {other:?}"),
        }
    }

    fn string(&mut self) -> String {
        match self.0.next() {
            Some(Value::String(text)) => text,
            other => panic!("the table has a string here, not {other:?}"),
        }
    }
}
