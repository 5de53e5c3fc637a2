//! Calls by name of any action of any service, checked against the gateway's own descriptions of its services.
//!
//! ```no_run
//! # async fn call() -> Result<(), portreeve::Error> {
//! let gateway = portreeve::discover().await?;
//! let answer = gateway.call("WANCommonInterfaceConfig", "GetCommonLinkProperties", &[]).await?;
//! for (name, value) in answer {
//!     println!("{name} = {value}");
//! }
//! # Ok(())
//! # }
//! ```

mod arguments;
mod catalogue;
mod select;
#[cfg(test)]
mod tests;

use portreeve_wire::scpd::{self, Scpd};
use portreeve_wire::service;

use crate::actions::{LanHostConfigManagement, Layer3Forwarding, WanCommonInterfaceConfig, WanIpv6FirewallControl};
use crate::error::{Conversation, Error};
use crate::gateway::{Connection, Gateway, OfferedService};
use catalogue::Catalogue;
pub(crate) use catalogue::Descriptions;

/// A service of a gateway, as the gateway describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Name of its type, for instance `WANIPConnection`.
    pub name: String,
    /// Version of its type, if that has one.
    pub version: Option<u8>,
    /// Type, as the description spells it.
    pub service_type: String,
    /// Identifier, as the description spells it.
    pub service_id: String,
    /// Its actions; none if the service is not described.
    pub actions: Vec<Action>,
    /// Why the service is not described.
    pub problem: Option<Conversation>,
}

/// An action of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Action {
    /// Name.
    pub name: String,
    /// What the caller supplies, in order.
    pub takes: Vec<Argument>,
    /// What the gateway supplies, in order.
    pub gives: Vec<Argument>,
}

/// An argument of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Argument {
    /// Name.
    pub name: String,
    /// Name of its type (UPnP Device Architecture 1.1 section 2.5), for instance `ui2`; empty if it is not told.
    pub data_type: String,
    /// The texts allowed; none if there is no such list.
    pub allowed_values: Vec<String>,
    /// Smallest and largest number allowed, as the gateway writes them.
    pub allowed_range: Option<(String, String)>,
    /// Default of the related state variable.
    pub default: Option<String>,
}

impl Gateway {
    /// Calls any action of any service of the gateway by name, with its arguments by name, and gives what the gateway
    /// answers as names and texts, in the order of the service's description.
    ///
    /// The service is named by its type or its identifier: `WANIPConnection`, `WANIPConnection:2`, `WANIPConn1`, or the
    /// whole URN of either. If several services go by that name, it is the one of [`connection`](Self::connection), else
    /// the first. Letter case does not matter, nor does the `New` in front of an argument's name.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the service's description has no such action, or wants other arguments: nothing is sent
    /// then. Otherwise as every action.
    pub async fn call(
        &self,
        service: &str,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, Error> {
        let offered = self.offered_by_preference();
        self.catalogue(&offered).call(service, action, arguments).await
    }

    /// All services of the gateway with their actions, as far as it describes them within ten seconds.
    pub async fn services(&self) -> Vec<Service> {
        let offered: Vec<&OfferedService> = self.offered().iter().collect();
        self.catalogue(&offered).services().await
    }

    fn catalogue<'a>(&'a self, offered: &'a [&'a OfferedService]) -> Catalogue<'a> {
        Catalogue {
            offered,
            http: self.http(),
            local: self.local_address(),
            descriptions: self.descriptions(),
        }
    }

    /// The service that goes by this name, as for [`call`](Self::call).
    pub(crate) fn offered_by_name(&self, name: &str) -> Result<&OfferedService, Error> {
        Ok(select::service(&self.offered_by_preference(), name)?)
    }

    /// The services, those about the best connection first.
    fn offered_by_preference(&self) -> Vec<&OfferedService> {
        let best = self.connection().ok();
        let about_best = [
            best.map(|best| best.wan().endpoint()),
            best.and_then(Connection::common)
                .map(WanCommonInterfaceConfig::endpoint),
            best.and_then(Connection::firewall)
                .map(WanIpv6FirewallControl::endpoint),
            self.layer3_forwarding().map(Layer3Forwarding::endpoint),
            self.lan_host_config_management().map(LanHostConfigManagement::endpoint),
        ];
        let mut offered: Vec<&OfferedService> = self.offered().iter().collect();
        offered.sort_by_key(|offered| {
            let mut about_best = about_best.iter().flatten();
            !about_best.any(|endpoint| *endpoint.control().url() == offered.control)
        });
        offered
    }
}

impl Service {
    fn new(offered: &OfferedService, description: Result<&Scpd, Conversation>) -> Self {
        let (name, version) = name_and_version(&offered.service_type);
        let (actions, problem) = match description {
            Ok(scpd) => (
                scpd.actions.iter().map(|action| Action::new(scpd, action)).collect(),
                None,
            ),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Self {
            name: name.to_owned(),
            version,
            service_type: offered.service_type.clone(),
            service_id: offered.service_id.clone(),
            actions,
            problem,
        }
    }
}

impl Action {
    fn new(scpd: &Scpd, action: &scpd::Action) -> Self {
        let arguments = |direction| {
            let these = action
                .arguments
                .iter()
                .filter(|argument| argument.direction == direction);
            these.map(|argument| Argument::new(scpd, argument)).collect()
        };
        Self {
            name: action.name.clone(),
            takes: arguments(service::Direction::In),
            gives: arguments(service::Direction::Out),
        }
    }
}

impl Argument {
    fn new(scpd: &Scpd, argument: &scpd::Argument) -> Self {
        let variable = scpd
            .variables
            .iter()
            .find(|variable| variable.name == argument.variable);
        Self {
            name: argument.name.clone(),
            data_type: variable.map_or_else(String::new, |variable| variable.data_type.clone()),
            allowed_values: variable.map_or_else(Vec::new, |variable| variable.allowed_values.clone()),
            allowed_range: variable
                .and_then(|variable| variable.allowed_range.as_ref())
                .map(|range| (range.minimum.clone(), range.maximum.clone())),
            default: variable.and_then(|variable| variable.default.clone()),
        }
    }
}

/// The name in a type URN, and the version. What is no such URN is all name.
fn name_and_version(service_type: &str) -> (&str, Option<u8>) {
    let mut parts = service_type.trim().split(':').skip(2);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("service"), Some(name), version) => (name, version.and_then(|version| version.parse().ok())),
        _ => (service_type.trim(), None),
    }
}
