//! Mappings, without async.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::driver::Driver;
use crate::error::Error;
use crate::keeper::{Change, Changes, State};
use crate::mapping::ExternalEnd;

/// What a mapping shall be; as [`crate::MapRequest`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `once` or `keep`"]
pub struct MapRequest {
    inner: crate::MapRequest,
    driver: Arc<Driver>,
}

/// A mapping that the gateway has; as [`crate::Mapping`].
#[derive(Clone, Debug)]
pub struct Mapping {
    inner: crate::Mapping,
    driver: Arc<Driver>,
}

/// A mapping that is renewed as long as this exists; as [`crate::KeptMapping`]. Dropping it removes it, and takes up to
/// two seconds if the gateway does not answer.
#[derive(Debug)]
pub struct KeptMapping {
    /// None once it is removed.
    inner: Option<crate::KeptMapping>,
    changes: Changes,
    driver: Arc<Driver>,
}

impl MapRequest {
    pub(super) fn new(inner: crate::MapRequest, driver: Arc<Driver>) -> Self {
        Self { inner, driver }
    }

    /// This external port, or an error.
    pub fn external(self, port: u16) -> Self {
        self.with(|inner| inner.external(port))
    }

    /// This external port, or another if it cannot be had.
    pub fn prefer(self, port: u16) -> Self {
        self.with(|inner| inner.prefer(port))
    }

    /// Any external port.
    pub fn any(self) -> Self {
        self.with(crate::MapRequest::any)
    }

    /// How long the gateway keeps the mapping when nobody renews it: 1 s to a week.
    pub fn lease(self, lease: Duration) -> Self {
        self.with(|inner| inner.lease(lease))
    }

    /// Maps to another host than this one.
    pub fn client(self, client: IpAddr) -> Self {
        self.with(|inner| inner.client(client))
    }

    /// Lets only this host of the internet in.
    pub fn remote_host(self, host: IpAddr) -> Self {
        self.with(|inner| inner.remote_host(host))
    }

    /// Text that the gateway shows to people: at most 255 bytes.
    pub fn description(self, text: impl Into<String>) -> Self {
        self.with(|inner| inner.description(text))
    }

    /// Makes the mapping even if the gateway's status says that it cannot work.
    pub fn despite_status(self) -> Self {
        self.with(crate::MapRequest::despite_status)
    }

    /// Makes the mapping and reads it back.
    pub fn once(self) -> Result<Mapping, Error> {
        let inner = self.driver.run(self.inner.once())?;
        Ok(Mapping {
            inner,
            driver: self.driver,
        })
    }

    /// Makes the mapping, reads it back, and renews it in the background.
    pub fn keep(self) -> Result<KeptMapping, Error> {
        let inner = self.driver.run(self.inner.keep())?;
        Ok(KeptMapping {
            changes: inner.changes(),
            inner: Some(inner),
            driver: self.driver,
        })
    }

    fn with(self, change: impl FnOnce(crate::MapRequest) -> crate::MapRequest) -> Self {
        Self {
            inner: change(self.inner),
            driver: self.driver,
        }
    }
}

impl Mapping {
    /// What it is.
    pub fn info(&self) -> &crate::Mapping {
        &self.inner
    }

    /// Renews it, and reads it back.
    pub fn renew(&mut self) -> Result<(), Error> {
        self.driver.run(self.inner.renew())
    }

    /// Removes it.
    pub fn remove(self) -> Result<(), Error> {
        self.driver.run(self.inner.remove())
    }
}

impl KeptMapping {
    /// What it is now.
    pub fn info(&self) -> crate::Mapping {
        self.kept().mapping()
    }

    /// Where it is reached from the internet now.
    pub fn external(&self) -> ExternalEnd {
        self.kept().external()
    }

    /// How it is.
    pub fn state(&self) -> State {
        self.kept().state()
    }

    /// The next thing that happens to it, or happened since it was made and was not asked for; `None` if nothing
    /// happens for so long.
    pub fn next_change(&mut self, patience: Duration) -> Option<Change> {
        let changes = &mut self.changes;
        self.driver
            .run(async { timeout(patience, changes.next()).await.ok().flatten() })
    }

    /// Stops renewing it, and removes it: within two seconds, or else with an error.
    pub fn remove(mut self) -> Result<(), Error> {
        match self.inner.take() {
            Some(inner) => self.driver.run(inner.remove()),
            None => Ok(()),
        }
    }

    fn kept(&self) -> &crate::KeptMapping {
        self.inner
            .as_ref()
            .expect("only `remove` and dropping take it, and nothing comes after them")
    }
}

impl Drop for KeptMapping {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            // Nobody can be told; the lease ends it.
            let _removed = self.driver.run(inner.remove());
        }
    }
}
