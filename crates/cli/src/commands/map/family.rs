//! A pinhole in the place of a mapping: where IPv6 was asked for, or is all that there is.

use std::net::{IpAddr, Ipv6Addr};

use portreeve::{Gateway, PinholeRequest};

use crate::args::{Map, MapFamily};
use crate::exit::{End, Failure};
use crate::output::{Output, Text};
use crate::views::{Ending, MapEvent, Mapped};

use super::super::pinhole;

/// In which way to open the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A mapping, and nothing else.
    Mapping,
    /// A mapping, and a pinhole where no mapping is needed or possible.
    Either,
    /// A pinhole.
    Pinhole,
}

impl Way {
    /// What was asked for.
    pub(super) fn of(options: &Map) -> Result<Self, End> {
        let addresses = [("--client", options.client), ("--remote-host", options.remote_host)];
        let named: Vec<_> = addresses
            .iter()
            .filter_map(|(name, address)| Some((*name, (*address)?.to_canonical())))
            .collect();
        let of_ipv6 = |(_, address): &&(&str, IpAddr)| address.is_ipv6();
        match options.family {
            MapFamily::Ipv4 => Ok(Self::Mapping),
            MapFamily::Auto if named.is_empty() && options.external.is_none() && !options.any => Ok(Self::Either),
            // What is asked for exists over IPv4 only.
            MapFamily::Auto if named.iter().all(|(_, address)| address.is_ipv4()) => Ok(Self::Mapping),
            MapFamily::Auto | MapFamily::Ipv6 => {
                if let Some((name, address)) = named.iter().find(|named| !of_ipv6(named)) {
                    let problem = format!("{name}: {address} is an IPv4 address, and pinholes are for IPv6");
                    return Err(Failure::usage(problem, "Give IPv6 addresses, or leave out `--family ipv6`.").into());
                }
                if options.any || options.external.is_some_and(|port| port != options.port) {
                    let problem = "over IPv6 nothing is translated: the port outside is the port inside";
                    return Err(Failure::usage(problem, "Leave out `--external` and `--any`.").into());
                }
                Ok(Self::Pinhole)
            }
        }
    }
}

/// Opens the port by a pinhole for each protocol.
pub(super) async fn open(output: &Output, gateway: &Gateway, options: &Map) -> Result<(), End> {
    let requests: Vec<_> = options
        .protocol
        .each()
        .map(|protocol| request(gateway, options, protocol))
        .collect();
    let mapped = if options.detach {
        from(pinhole::leave(output, requests).await?)
    } else {
        let (kept, ended) = pinhole::keep(output, requests).await?;
        ended?;
        from(kept)
    };
    output.result(&mapped)
}

/// Whether a pinhole can take the place of a mapping that failed so: where none is needed, or the gateway or this machine
/// has no address for it.
pub(super) fn may_replace(failure: &Failure, gateway: &Gateway) -> bool {
    let no_mapping = matches!(failure.code, "nat-off" | "no-external-address" | "no-ipv4");
    no_mapping && is_reachable_over_ipv6(gateway)
}

/// Whether this machine has an address of the Internet, and the gateway a service to let others reach it.
pub(super) fn is_reachable_over_ipv6(gateway: &Gateway) -> bool {
    let is_global = |address: Ipv6Addr| !address.is_unique_local();
    gateway
        .connection()
        .is_ok_and(|connection| connection.firewall().is_some())
        && gateway.local_ipv6().is_some_and(is_global)
}

/// Says why a pinhole takes the place of a mapping.
pub(super) fn explain(output: &Output, failure: &Failure) -> Result<(), End> {
    output.event(&MapEvent::OverIpv6 {
        code: failure.code,
        problem: Text::sentences(failure.problem.as_str()),
    })
}

fn request(gateway: &Gateway, options: &Map, protocol: portreeve::Protocol) -> PinholeRequest {
    let mut request = gateway.pinhole(protocol, options.port).lease(options.lease);
    if let Some(IpAddr::V6(client)) = options.client {
        request = request.client(client);
    }
    if let Some(IpAddr::V6(host)) = options.remote_host {
        request = request.remote_host(host);
    }
    request
}

fn from(kept: crate::views::PinholesKept) -> Mapped {
    Mapped {
        mappings: Vec::new(),
        pinholes: kept.pinholes,
        ending: kept.ending,
    }
}

/// The ending of mappings alone.
pub(super) fn mapped(mappings: Vec<crate::views::Mapping>, ending: Ending) -> Mapped {
    Mapped {
        mappings,
        pinholes: Vec::new(),
        ending,
    }
}
