//! A gateway as its description and its connections show it.

use std::net::IpAddr;
use std::sync::Arc;

use portreeve_wire::Url;
use portreeve_wire::description::Description;

use super::connection::Connection;
use super::layout::{self, OfferedService};
use crate::actions::{LanHostConfigManagement, Layer3Forwarding};
use crate::discovery::rank::{ConnectionRank, Standing};
use crate::error::Conversation;
use crate::http;

/// See the module.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) description: Description,
    pub(super) location: Url,
    pub(super) local: IpAddr,
    pub(super) server: Option<String>,
    /// The best first.
    pub(super) connections: Vec<Connection>,
    pub(super) layer3_forwarding: Option<Layer3Forwarding>,
    pub(super) lan_host: Option<LanHostConfigManagement>,
    pub(super) services: Vec<OfferedService>,
}

/// How many connections of a gateway to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thoroughness {
    /// Until one is found on which mappings work.
    Enough,
    /// All.
    All,
}

impl Found {
    /// Reads a description that came from `location` to our address `local`, and asks nothing yet. `server` is what
    /// the web server calls itself.
    pub(crate) fn read(
        description: Description,
        location: Url,
        local: IpAddr,
        server: Option<String>,
        http: &Arc<http::Client>,
    ) -> Result<Self, Conversation> {
        let layout = layout::read(&description, &location, http, local)?;
        Ok(Self {
            description,
            location,
            local,
            server,
            connections: layout.connections,
            layer3_forwarding: layout.layer3_forwarding,
            lan_host: layout.lan_host,
            services: layout.services,
        })
    }

    /// Asks the connections how they are, and puts the best first. An error means that there is no talking to any.
    pub(crate) async fn look(&mut self, thoroughness: Thoroughness) -> Result<(), Conversation> {
        let default = self.default_connection().await;
        let default = default.as_deref();
        self.connections
            .sort_by_key(|connection| connection.preference(default));
        let mut failed = None;
        for connection in &mut self.connections {
            if let Err(why) = connection.look().await {
                failed = Some(why);
            }
            // Whatever comes after it can be as good at best.
            if thoroughness == Thoroughness::Enough && connection.standing() == Standing::UpPublic {
                break;
            }
        }
        self.connections.sort_by_key(|connection| ConnectionRank {
            standing: connection.standing(),
            preference: connection.preference(default),
        });
        match failed {
            Some(why)
                if self
                    .connections
                    .iter()
                    .all(|connection| connection.status_seen().is_none()) =>
            {
                Err(why)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The best connection.
    pub(crate) fn best(&self) -> &Connection {
        let first = self.connections.first();
        first.expect("what has no connection is not read as a gateway")
    }

    /// Where its description is.
    pub(crate) fn location(&self) -> &Url {
        &self.location
    }

    /// The unique name of the root device.
    pub(crate) fn udn(&self) -> &str {
        &self.description.device.udn
    }

    /// Which connection is the default, where that makes a difference.
    async fn default_connection(&self) -> Option<String> {
        let layer3 = self.layer3_forwarding.as_ref().filter(|_| self.connections.len() > 1)?;
        layer3.get_default_connection_service().await.ok()
    }
}
