//! All services of a gateway, each with its description once that has been needed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portreeve_wire::scpd::{self, Scpd, ScpdError};
use portreeve_wire::{Url, View, service};
use tokio::time::{Instant, timeout_at};

use super::{Action, Service, arguments, select};
use crate::endpoint::Control;
use crate::error::{Conversation, Error};
use crate::gateway::OfferedService;
use crate::http;

/// How long all descriptions together may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The descriptions of a gateway's services that have been fetched, by URL.
#[derive(Debug, Default)]
pub(crate) struct Descriptions(Mutex<HashMap<Url, Arc<Scpd>>>);

/// The services of a gateway, and how to reach them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Catalogue<'a> {
    /// In the order of preference among services that go by the same name.
    pub(super) offered: &'a [&'a OfferedService],
    pub(super) http: &'a Arc<http::Client>,
    /// Our address.
    pub(super) local: IpAddr,
    pub(super) descriptions: &'a Descriptions,
}

impl Catalogue<'_> {
    /// Calls an action of a service, both by name, with arguments by name, for what it gives in the order of the
    /// service's description.
    pub(super) async fn call(
        &self,
        service: &str,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, Error> {
        let offered = select::service(self.offered, service)?;
        let scpd = self.description(offered).await?;
        let actions: Vec<Action> = scpd.actions.iter().map(|action| Action::new(&scpd, action)).collect();
        let action = select::action(&actions, action)?;
        let arguments = arguments::check(action, arguments)?;
        let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, text)| (&**name, &**text)).collect();

        let (service_type, url) = (offered.service_type.clone(), offered.control.clone());
        let control = Control::new(service_type, url, Arc::clone(self.http), self.local);
        let answer = control.call(&action.name, &arguments).await?;
        arguments::arrange(action, answer).ok_or_else(|| control.malformed(&action.name, &"it was cut off"))
    }

    /// All services with their actions, as far as the gateway describes them within [`PATIENCE`].
    pub(super) async fn services(&self) -> Vec<Service> {
        let mut services = Vec::with_capacity(self.offered.len());
        let until = Instant::now() + PATIENCE;
        for offered in self.offered {
            let late = |_elapsed| {
                Err(Conversation::Timeout {
                    address: offered.scpd.authority().to_string(),
                    waited: PATIENCE,
                })
            };
            let description = timeout_at(until, self.description(offered)).await;
            let description = description.unwrap_or_else(late);
            services.push(Service::new(offered, description.as_deref().map_err(Clone::clone)));
        }
        services
    }

    /// The gateway's description of a service; the standard's where the gateway has none that can be read.
    async fn description(&self, offered: &OfferedService) -> Result<Arc<Scpd>, Conversation> {
        if let Some(known) = self.descriptions.get(&offered.scpd) {
            return Ok(known);
        }
        let scpd = match self.fetch(&offered.scpd).await {
            Ok(scpd) => Arc::new(scpd),
            Err(error) => return standard(&offered.service_type).map(Arc::new).ok_or(error),
        };
        self.descriptions.insert(&offered.scpd, &scpd);
        Ok(scpd)
    }

    async fn fetch(&self, url: &Url) -> Result<Scpd, Conversation> {
        let malformed = |error: ScpdError| Conversation::Malformed {
            url: url.to_string(),
            expected: "the description of a service",
            problem: error.to_string(),
        };
        match scpd::parse(&self.get(url).await?) {
            // Some gateways need a second try.
            Err(ScpdError::Empty) => scpd::parse(&self.get(url).await?).map_err(malformed),
            parsed => parsed.map_err(malformed),
        }
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, Conversation> {
        let response = self.http.get(url, Some(self.local)).await?;
        match response.status {
            200..300 => Ok(response.body),
            status => Err(Conversation::Status {
                url: url.to_string(),
                status,
            }),
        }
    }
}

impl Descriptions {
    fn get(&self, url: &Url) -> Option<Arc<Scpd>> {
        self.lock().get(url).cloned()
    }

    fn insert(&self, url: &Url, scpd: &Arc<Scpd>) {
        self.lock().insert(url.clone(), Arc::clone(scpd));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Url, Arc<Scpd>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the standard says of a service of this type.
fn standard(service_type: &str) -> Option<Scpd> {
    let (service, version) = service::by_urn(service_type)?;
    let view = match version {
        Some(2..) => View::Igd2,
        _ => View::Igd1,
    };
    Some(Scpd::of(service, view, 0))
}
