//! Removing mappings that the caller names.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::time::timeout;

use super::Protocol;
use super::wanted::port;
use crate::actions::DeletePortMappingRangeArguments;
use crate::error::{Conversation, Error, InvalidRequest, Refusal};
use crate::gateway::{Gateway, WanConnection};
use crate::listing::Entry;

/// How long removing a range may take: a slow gateway with thousands of mappings must not keep us for hours.
const RANGE: Duration = Duration::from_secs(120);

impl Gateway {
    /// Removes the mapping of this external port that is for all remote hosts, whoever made it, if the gateway lets us.
    /// Tells whether there was one.
    pub async fn unmap(&self, protocol: Protocol, external_port: u16) -> Result<bool, Error> {
        port("the external port", external_port)?;
        let wan = self.connection()?.wan();
        let protocol = protocol.name();
        let entry = wan.get_specific_port_mapping_entry("", external_port, protocol).await;
        // miniupnpd says yes to deleting what is not there. Others do not show what they delete, so the question alone
        // does not end it.
        let absent = matches!(entry, Err(Error::Refused(Refusal { code: 713 | 714, .. })));
        let deleted = gone(wan.delete_port_mapping("", external_port, protocol).await)?;
        Ok(deleted && !absent)
    }

    /// Removes those mappings of a range of external ports that lead to this machine, and tells how many there were. A
    /// range names nobody's mapping in particular, so others' are left alone. If that takes longer than two minutes, it
    /// ends with an error, and some are left.
    pub async fn unmap_range(&self, protocol: Protocol, external_ports: RangeInclusive<u16>) -> Result<u32, Error> {
        let (start, end) = (*external_ports.start(), *external_ports.end());
        port("the first port", start)?;
        if end < start {
            let argument = "the range of ports".to_owned();
            let problem = format!("it ends at {end}, before it begins at {start}");
            return Err(InvalidRequest::Argument { argument, problem }.into());
        }
        let removal = self.remove_ours(protocol, external_ports);
        timeout(RANGE, removal).await.unwrap_or_else(|_| {
            let address = self.address().to_string();
            Err(Conversation::Timeout { address, waited: RANGE }.into())
        })
    }

    async fn remove_ours(&self, protocol: Protocol, external_ports: RangeInclusive<u16>) -> Result<u32, Error> {
        let (start, end) = (*external_ports.start(), *external_ports.end());
        let listing = self.mappings().await?;
        let in_range = |entry: &Entry| entry.protocol == protocol && external_ports.contains(&entry.external_port);
        let (ours, others): (Vec<Entry>, Vec<Entry>) = listing
            .entries
            .into_iter()
            .filter(in_range)
            .partition(|entry| self.is_ours(entry));
        // There are gateways that let anybody remove anything by DeletePortMappingRange.
        if listing.complete && others.is_empty() && ours.len() > 1 && self.remove_range(protocol, start, end).await? {
            return Ok(ours.len() as u32);
        }
        let mut removed = 0;
        for entry in ours {
            let (host, port) = (&entry.remote_host, entry.external_port);
            let deleted = self
                .connection()?
                .wan()
                .delete_port_mapping(host, port, protocol.name())
                .await;
            removed += u32::from(gone(deleted)?);
        }
        Ok(removed)
    }

    /// Whether it could be done in one request.
    async fn remove_range(&self, protocol: Protocol, start_port: u16, end_port: u16) -> Result<bool, Error> {
        let wan = self.connection()?.wan();
        let WanConnection::Ip(ip) = wan else {
            return Ok(false);
        };
        if !wan.is_ip2() {
            return Ok(false);
        }
        let arguments = DeletePortMappingRangeArguments {
            start_port,
            end_port,
            protocol: protocol.name().to_owned(),
            manage: false,
        };
        match ip.delete_port_mapping_range(&arguments).await {
            Ok(()) => Ok(true),
            // What cannot be done at once is done one by one.
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn is_ours(&self, entry: &Entry) -> bool {
        let client: Result<Ipv4Addr, _> = entry.internal_client.trim().parse();
        client.is_ok_and(|client| self.local_ipv4() == Some(client))
    }
}

/// Whether there was something to delete.
fn gone(result: Result<(), Error>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(Error::Refused(Refusal { code: 714, .. })) => Ok(false),
        Err(error) => Err(error),
    }
}
