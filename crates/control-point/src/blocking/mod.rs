//! The same without async: each call blocks until it is done, and a thread of the library does the work in between.
//!
//! ```no_run
//! use portreeve::{Protocol, blocking};
//!
//! # fn example() -> Result<(), portreeve::Error> {
//! let gateway = blocking::discover()?;
//! let kept = gateway.map(Protocol::Tcp, 8080).keep()?;
//! println!("reachable at {}", kept.external());
//! // ... serve ...
//! kept.remove()?;
//! # Ok(())
//! # }
//! ```
//!
//! Within an async runtime these calls hold up the thread that makes them: await their namesakes there.

mod driver;
mod mapping;

use std::future::IntoFuture;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::discovery::{self, Discovery};
use crate::error::Error;
use crate::listing::Listing;
use crate::mapping::Protocol;
use crate::status::Status;
use driver::Driver;
pub use mapping::{KeptMapping, MapRequest, Mapping};

/// Finds the internet gateway.
pub fn discover() -> Result<Gateway, Error> {
    find(discovery::discover())
}

/// Finds the gateway that a search describes.
///
/// ```no_run
/// use std::net::Ipv4Addr;
///
/// # fn example() -> Result<(), portreeve::Error> {
/// let search = portreeve::discover().gateway(Ipv4Addr::new(192, 168, 77, 1));
/// let gateway = portreeve::blocking::find(search)?;
/// # Ok(())
/// # }
/// ```
pub fn find(search: Discovery) -> Result<Gateway, Error> {
    let driver = Driver::start()?;
    let inner = driver.run(search.into_future())?;
    Ok(Gateway { inner, driver })
}

/// A gateway that was found.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: crate::Gateway,
    driver: Arc<Driver>,
}

impl Gateway {
    /// What it is and where, for which nothing has to be asked.
    pub fn info(&self) -> &crate::Gateway {
        &self.inner
    }

    /// What it says about its connection to the internet.
    pub fn status(&self) -> Result<Status, Error> {
        self.driver.run(self.inner.status())
    }

    /// All its mappings.
    pub fn mappings(&self) -> Result<Listing, Error> {
        self.driver.run(self.inner.mappings())
    }

    /// A mapping from a port of the gateway to this port of this machine.
    pub fn map(&self, protocol: Protocol, internal_port: u16) -> MapRequest {
        MapRequest::new(self.inner.map(protocol, internal_port), Arc::clone(&self.driver))
    }

    /// Removes a mapping, whoever made it, as [`crate::Gateway::unmap`].
    pub fn unmap(&self, protocol: Protocol, external_port: u16) -> Result<bool, Error> {
        self.driver.run(self.inner.unmap(protocol, external_port))
    }

    /// Removes our mappings of a range of ports, as [`crate::Gateway::unmap_range`].
    pub fn unmap_range(&self, protocol: Protocol, external_ports: RangeInclusive<u16>) -> Result<u32, Error> {
        self.driver.run(self.inner.unmap_range(protocol, external_ports))
    }

    /// Calls any action of any service by name, as [`crate::Gateway::call`].
    pub fn call(
        &self,
        service: &str,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, Error> {
        self.driver.run(self.inner.call(service, action, arguments))
    }
}
