//! One service of one gateway, and the conversation with it.

mod control;
#[cfg(test)]
pub(crate) mod loopback;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use portreeve_wire::Url;
use portreeve_wire::Value;
use portreeve_wire::service::{Action, Direction, Service};
use portreeve_wire::soap;

use crate::error::Error;
use crate::http;
pub(crate) use control::{Answer, Control};

/// A service whose table we have, as a gateway offers it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint {
    inner: Arc<Inner>,
}

struct Inner {
    service: &'static Service,
    version: u8,
    control: Control,
}

impl fmt::Debug for Endpoint {
    /// Without the table, which is long and always the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("service_type", &self.control().service_type())
            .field("control", &format_args!("{}", self.control().url()))
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// `service_type` is sent as the description spells it; `version` is the one that it means, and `local` our address,
    /// which gateways compare with InternalClient. Opens nothing yet.
    pub(crate) fn new(
        service: &'static Service,
        service_type: String,
        version: u8,
        control: Url,
        http: Arc<http::Client>,
        local: IpAddr,
    ) -> Self {
        let control = Control::new(service_type, control, http, local);
        let inner = Inner {
            service,
            version,
            control,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The same service, asked from another address of ours.
    pub(crate) fn from(&self, local: IpAddr) -> Self {
        let inner = Inner {
            service: self.service(),
            version: self.version(),
            control: self.control().from(local),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The service's table.
    pub(crate) fn service(&self) -> &'static Service {
        self.inner.service
    }

    /// The version of the service.
    pub(crate) fn version(&self) -> u8 {
        self.inner.version
    }

    /// The conversation below the tables.
    pub(crate) fn control(&self) -> &Control {
        &self.inner.control
    }

    /// Carries out an action of the service's table: `in` arguments in the table's order for `out` arguments in the
    /// table's order and of its types. Asks once.
    pub(crate) async fn call(&self, action: &'static Action, values: &[Value]) -> Result<Vec<Value>, Error> {
        debug_assert_eq!(action.arguments(Direction::In).count(), values.len(), "{}", action.name);
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        let names = action.arguments(Direction::In).map(|argument| argument.name);
        let arguments: Vec<(&str, &str)> = names.zip(texts.iter().map(String::as_str)).collect();
        let answer = self.control().call(action.name, &arguments).await?;
        // Whether it came whole does not matter, if everything that it promises is there.
        soap::decode_answer(self.service(), action, &answer.arguments)
            .map_err(|error| self.control().malformed(action.name, &error))
    }

    /// Reads a state variable as text (QueryStateVariable, UDA 1.0 section 3.3).
    pub(crate) async fn query(&self, variable: &str) -> Result<String, Error> {
        self.control().query(variable).await
    }
}
