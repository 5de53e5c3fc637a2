//! All mappings of a gateway, whatever its way of listing them.
//!
//! ```no_run
//! # async fn list() -> Result<(), portreeve::Error> {
//! let gateway = portreeve::discover().await?;
//! let listing = gateway.mappings().await?;
//! for entry in &listing.entries {
//!     println!("{} {} -> {}:{}", entry.protocol, entry.external_port, entry.internal_client, entry.internal_port);
//! }
//! if !listing.complete {
//!     println!("and perhaps more: they change faster than they can be read");
//! }
//! # Ok(())
//! # }
//! ```

mod entry;
mod gather;
mod pager;
#[cfg(test)]
mod tests;
mod walk;

use portreeve_wire::port_listing;
use portreeve_wire::service::Action;

use crate::endpoint::Endpoint;
use crate::error::{Conversation, Error, Refusal};
use crate::gateway::Gateway;
use crate::mapping::Protocol;
pub use entry::Entry;
use gather::{Gathered, Source, gather};
use pager::{Page, PageRequest};
use walk::Slot;

/// More mappings than this are not taken from a gateway: two protocols with a remote host each at half of their ports.
const MOST_ENTRIES: usize = 65_536;

/// The mappings of a gateway's connection, as far as it shows them to this caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The mappings, each once, by protocol, external port and remote host.
    pub entries: Vec<Entry>,
    /// How many there are, as the gateway counts them: it may count some that it does not show.
    pub total: Option<u32>,
    /// How many this caller could have at this moment, where the gateway tells.
    pub capacity: Option<u32>,
    /// Mappings that the gateway hides, or describes so that nothing can be made of them.
    pub skipped: usize,
    /// How they were read.
    pub how: How,
    /// Whether these are all: not if the mappings kept changing, or the gateway stopped answering or took two minutes.
    pub complete: bool,
}

/// How mappings were read, and with how many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// By pages (GetListOfPortMappings).
    Pages {
        /// Pages asked for.
        requests: u32,
    },
    /// By pages and, since they left a doubt, one by one.
    PagesAndIndices {
        /// Pages and mappings asked for.
        requests: u32,
    },
    /// One by one (GetGenericPortMappingEntry).
    Indices {
        /// Mappings asked for.
        requests: u32,
    },
}

impl Gateway {
    /// Reads all mappings of the gateway's [`connection`](Self::connection), whatever the gateway's way of listing them.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] if the gateway does not speak UPnP: the other protocols show no mappings. Otherwise whatever it refuses the first mapping with, unless that means that there is none; or that it could not be
    /// talked to.
    pub async fn mappings(&self) -> Result<Listing, Error> {
        list(self.connection()?.wan().endpoint()).await
    }
}

/// Reads all mappings of a WANIPConnection or WANPPPConnection.
async fn list(connection: &Endpoint) -> Result<Listing, Error> {
    let connection = Connection { endpoint: connection };
    let Gathered {
        entries,
        skipped,
        total,
        how,
        complete,
    } = gather(&connection).await?;
    Ok(Listing {
        entries,
        total,
        capacity: connection.capacity().await,
        skipped,
        how,
        complete,
    })
}

/// The service that has the mappings.
struct Connection<'a> {
    endpoint: &'a Endpoint,
}

impl Connection<'_> {
    fn action(&self, name: &str) -> Option<&'static Action> {
        self.endpoint.service().action(name, self.endpoint.version())
    }

    async fn capacity(&self) -> Option<u32> {
        let action = self.action("X_GetPossiblePortMappingNumberOfEntries")?;
        number(&self.endpoint.call(action, &[]).await.ok()?)
    }

    async fn variable(&self, name: &str) -> Option<u32> {
        let text = self.endpoint.query(name).await.ok()?;
        text.parse().ok()
    }
}

impl Source for Connection<'_> {
    fn has_pages(&self) -> bool {
        self.action("GetListOfPortMappings").is_some()
    }

    async fn page(&self, request: PageRequest) -> Page {
        let Some(action) = self.action("GetListOfPortMappings") else {
            return Page::Refused;
        };
        let arguments = [
            request.start.into(),
            u16::MAX.into(),
            request.protocol.name().into(),
            // Those of other clients too.
            true.into(),
            request.number.into(),
        ];
        let answer = self.endpoint.call(action, &arguments).await;
        match answer.as_deref() {
            Ok([listing]) => read_page(&listing.to_string(), request.protocol),
            Ok(_) => Page::Refused,
            Err(error) => no_page(error),
        }
    }

    async fn slot(&self, index: u16) -> Result<Slot, Error> {
        const ACTION: &str = "GetGenericPortMappingEntry";
        let index = index.to_string();
        let arguments = [("NewPortMappingIndex", index.as_str())];
        let mut answer = self.endpoint.control().call(ACTION, &arguments).await;
        if let Err(Error::Conversation(Conversation::Unreachable { .. } | Conversation::Timeout { .. })) = answer {
            // One lost packet is no reason to begin a long list again.
            answer = self.endpoint.control().call(ACTION, &arguments).await;
        }
        match answer {
            Ok(answer) => Ok(Entry::read(&answer.arguments).map_or(Slot::Garbage, Slot::Entry)),
            Err(error) => no_entry(error),
        }
    }

    async fn number_of_entries(&self) -> Option<u32> {
        self.variable("PortMappingNumberOfEntries").await
    }

    async fn system_update_id(&self) -> Option<u32> {
        // Version 1 does not have it.
        match self.has_pages() {
            true => self.variable("SystemUpdateID").await,
            false => None,
        }
    }
}

fn number(values: &[portreeve_wire::Value]) -> Option<u32> {
    match values {
        [portreeve_wire::Value::Ui4(number)] => Some(*number),
        [portreeve_wire::Value::Ui2(number)] => Some((*number).into()),
        _ => None,
    }
}

fn read_page(listing: &str, protocol: Protocol) -> Page {
    match port_listing::parse(listing) {
        Ok(entries) => Page::Entries(entries.iter().map(|entry| Entry::listed(entry, protocol)).collect()),
        // One entry that cannot be read spoils the page; one by one, the others can be read.
        Err(_) => Page::Refused,
    }
}

/// What a page is that did not come.
fn no_page(error: &Error) -> Page {
    match error {
        Error::Refused(Refusal { code: 730, .. }) => Page::Nothing,
        Error::Refused(Refusal { code: 606, .. }) => Page::Forbidden,
        // 600, 601: this many are out of range. Or the answer was too long, or cut off before its end.
        Error::Refused(Refusal { code: 600 | 601, .. })
        | Error::Conversation(Conversation::TooLarge { .. } | Conversation::Malformed { .. }) => Page::TooMuch,
        _ => Page::Refused,
    }
}

/// What is at an index that was refused.
fn no_entry(error: Error) -> Result<Slot, Error> {
    match error {
        // The standard's code, and those that DD-WRT (402), Linksys (501) and others have in its place.
        Error::Refused(Refusal {
            code: 713 | 402 | 501 | 714,
            ..
        }) => Ok(Slot::End),
        Error::Refused(Refusal { code: 606, .. }) => Ok(Slot::Hidden),
        Error::Conversation(Conversation::Malformed { .. }) => Ok(Slot::Garbage),
        Error::Conversation(Conversation::Unreachable { .. } | Conversation::Timeout { .. }) => Err(error),
        other => Ok(Slot::Refused(other)),
    }
}
