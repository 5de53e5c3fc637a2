//! `portreeve unmap`.

use portreeve::listing::Entry;
use portreeve::{Error, Gateway, Protocol};

use crate::args::{PortRange, Reach, Unmap};
use crate::exit::{End, Failure, Status};
use crate::output::{Output, Text};
use crate::views::{Removed, Unmapped};

use super::reach;

/// Removes one mapping, or a range.
pub(super) async fn run(output: &Output, reach: &Reach, options: &Unmap) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    let unmapped = match (options.port, options.range) {
        (Some(port), _) => output.during("removing", one(&gateway, options, port)).await?,
        (None, Some(range)) => output.during("removing", all(&gateway, options, range)).await?,
        (None, None) => Unmapped::default(),
    };
    match options.port {
        // Of both protocols one may be missing.
        Some(port) if unmapped.removed.is_empty() => Err(nothing_there(port, options).into()),
        _ => output.result(&unmapped),
    }
}

async fn one(gateway: &Gateway, options: &Unmap, port: u16) -> Result<Unmapped, Error> {
    let mut unmapped = Unmapped::default();
    for protocol in options.protocol.each() {
        // One for a single remote host is another mapping; only this host's are removed of those.
        let found = gateway.unmap(protocol, port).await? || gateway.unmap_range(protocol, port..=port).await? > 0;
        let list = if found {
            &mut unmapped.removed
        } else {
            &mut unmapped.absent
        };
        list.push(mapping(protocol, port));
    }
    Ok(unmapped)
}

/// Removes all in a range that lead here. That there is nothing is no error. What is gone is found by looking.
async fn all(gateway: &Gateway, options: &Unmap, range: PortRange) -> Result<Unmapped, Error> {
    let mut unmapped = Unmapped::default();
    for protocol in options.protocol.each() {
        let before = within(gateway, protocol, range).await?;
        gateway.unmap_range(protocol, range.first..=range.last).await?;
        let after = within(gateway, protocol, range).await?;
        let gone = before
            .iter()
            .filter(|entry| !after.iter().any(|left| same(left, entry)));
        unmapped
            .removed
            .extend(gone.map(|entry| mapping(protocol, entry.external_port)));
    }
    Ok(unmapped)
}

/// The mappings of a protocol in a range, as far as the gateway shows them.
async fn within(gateway: &Gateway, protocol: Protocol, range: PortRange) -> Result<Vec<Entry>, Error> {
    let mut entries = gateway.mappings().await?.entries;
    let ports = range.first..=range.last;
    entries.retain(|entry| entry.protocol == protocol && ports.contains(&entry.external_port));
    Ok(entries)
}

fn same(one: &Entry, other: &Entry) -> bool {
    (one.external_port, &one.remote_host) == (other.external_port, &other.remote_host)
}

fn mapping(protocol: Protocol, external_port: u16) -> Removed {
    Removed {
        protocol: Text::clean(protocol.name()),
        external_port,
    }
}

fn nothing_there(port: u16, options: &Unmap) -> Failure {
    let protocols: Vec<&str> = options.protocol.each().map(Protocol::name).collect();
    Failure {
        status: Status::Refused,
        code: "no-such-mapping",
        problem: Text::clean(format!(
            "The gateway has no mapping of {} port {port}.",
            protocols.join(" or ")
        )),
        remedy: Some(Text::clean("`portreeve list --all` shows which mappings there are.")),
        upnp: None,
    }
}
