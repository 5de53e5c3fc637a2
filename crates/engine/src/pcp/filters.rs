//! FILTER for IPv4 (RFC 6887 section 13.3): single hosts, each a row of the table with that RemoteHost.

use std::net::IpAddr;

use portreeve_wire::pcp::{Filter, ResultCode};

use super::Rejected;
use crate::mapping::RemoteHost;

/// Most hosts that a mapping can be limited to.
pub(super) const MOST: usize = 8;

/// From where a mapping accepts traffic: what it was limited to before, and the filters that a request adds or clears.
pub(super) fn remote_hosts(
    before: impl Iterator<Item = RemoteHost>,
    filters: &[Filter],
) -> Result<Vec<RemoteHost>, Rejected> {
    let mut hosts: Vec<RemoteHost> = before.filter(|host| *host != RemoteHost::Any).collect();
    for filter in filters {
        let host = match (filter.address, filter.prefix, filter.port) {
            (_, None, _) => {
                hosts.clear();
                continue;
            }
            (IpAddr::V6(_), ..) => {
                let reason = "the filter is of IPv6, and the mapping of IPv4";
                return Err(Rejected::because(ResultCode::MalformedOption, reason));
            }
            (IpAddr::V4(_), Some(0), 0) => RemoteHost::Any,
            (IpAddr::V4(address), Some(32), 0) => RemoteHost::host(address)
                .ok_or_else(|| Rejected::because(ResultCode::MalformedOption, "the filter names no host"))?,
            (IpAddr::V4(_), Some(_), _) => {
                let reason = "only single hosts with all their ports can be told apart";
                return Err(Rejected::because(ResultCode::ExcessiveRemotePeers, reason));
            }
        };
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if hosts.is_empty() || hosts.contains(&RemoteHost::Any) {
        return Ok(vec![RemoteHost::Any]);
    }
    match hosts.len() > MOST {
        true => Err(Rejected::because(
            ResultCode::ExcessiveRemotePeers,
            format!("a mapping can be limited to {MOST} hosts"),
        )),
        false => Ok(hosts),
    }
}
