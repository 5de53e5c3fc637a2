//! The events of the gateway that mappings are kept on.

use portreeve_wire::gena::subscriber::Property;

use super::keeping::Told;
use crate::events::{Means, Subscriber, SubscriptionNews, Variable};
use crate::gateway::Gateway;

/// A subscription to the events of the connection that has the mappings.
#[derive(Debug)]
pub(super) struct Events(Subscriber);

/// What a subscription tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventNews {
    /// Whether events come from now on.
    Come(bool),
    Told(Told),
    /// The gateway has forgotten that it was to tell us.
    Forgotten,
}

impl Events {
    /// Events are a help, not a need: a gateway may have none, and the system may not let us listen for them.
    pub(super) fn of(gateway: &Gateway) -> Option<Self> {
        let url = gateway.connection_events()?.clone();
        match Subscriber::start(gateway, vec![url]) {
            Ok(subscriber) => Some(Self(subscriber)),
            Err(error) => {
                tracing::debug!(%error, "events cannot be listened for");
                None
            }
        }
    }

    /// What comes next. It may be dropped at any time without losing anything.
    pub(super) async fn next(&mut self) -> EventNews {
        match self.0.next().await.1 {
            SubscriptionNews::Means(means) => EventNews::Come(means == Means::Events),
            SubscriptionNews::Lost => EventNews::Forgotten,
            SubscriptionNews::Values(properties) => EventNews::Told(told(&properties)),
        }
    }

    /// The gateway may have started anew: finds out whether it still knows us.
    pub(super) fn confirm(&self) {
        self.0.confirm();
    }

    /// Unsubscribes; tries it for two seconds.
    pub(super) async fn end(self) {
        self.0.end().await;
    }
}

fn told(properties: &[Property]) -> Told {
    let mut told = Told::default();
    for Property { name, value } in properties {
        match Variable::read(name, value) {
            Some(Variable::ConnectionStatus(status)) => told.connected = status.passes_packets(),
            Some(Variable::ExternalIpAddress(address)) => told.external_address = Some(address),
            Some(Variable::SystemUpdateId(number)) => told.system_update_id = Some(number),
            Some(Variable::PortMappingNumberOfEntries(_) | Variable::Other { .. }) | None => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_to_mappings_is_taken_from_a_message() {
        let property = |name: &str, value: &str| Property {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let message = [
            property("ConnectionStatus", "Disconnected"),
            property("ExternalIPAddress", ""),
            property("SystemUpdateID", "7"),
            property("PossibleConnectionTypes", "IP_Routed"),
        ];
        let expected = Told {
            connected: Some(false),
            external_address: Some(None),
            system_update_id: Some(7),
        };
        assert_eq!(told(&message), expected);
        // R84, and a word of a vendor.
        let message = [
            property("ExternalIPAddress", "(null)"),
            property("ConnectionStatus", "Dialing"),
        ];
        assert_eq!(told(&message), Told::default());
    }
}
