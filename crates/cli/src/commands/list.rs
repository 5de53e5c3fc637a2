//! `portreeve list`.

use std::net::IpAddr;

use portreeve::listing::Entry;

use crate::args::{List, Reach};
use crate::exit::End;
use crate::output::{Output, Text};
use crate::views::{Listed, Row};

use super::reach;

/// Lists the mappings of this host, or of all.
pub(super) async fn run(output: &Output, reach: &Reach, options: &List) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    let listing = output.during("reading the mappings", gateway.mappings()).await?;
    let client = gateway.local_ipv4().map_or_else(|| gateway.local_address(), IpAddr::V4);
    let wanted = listing
        .entries
        .iter()
        .filter(|entry| options.all || leads_to(entry, client));
    output.result(&Listed {
        mappings: wanted.map(row).collect(),
        all: options.all,
        client,
        seen: listing.entries.len() as u64,
        total: listing.total,
        capacity: listing.capacity,
        skipped: listing.skipped as u64,
        complete: listing.complete,
    })
}

fn leads_to(entry: &Entry, client: IpAddr) -> bool {
    entry.internal_client.trim().parse() == Ok(client)
}

fn row(entry: &Entry) -> Row {
    Row {
        protocol: Text::clean(entry.protocol.name()),
        external_port: entry.external_port,
        internal_client: Text::clean(&entry.internal_client),
        internal_port: entry.internal_port,
        enabled: entry.enabled,
        description: Text::clean(&entry.description),
        lease_seconds: entry.lease.map(|lease| lease.as_secs()),
        remote_host: Text::clean(&entry.remote_host),
    }
}
