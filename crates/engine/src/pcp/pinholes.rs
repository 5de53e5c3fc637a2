//! MAP for an IPv6 host: an opening in the firewall (RFC 6887 section 11).

use std::net::Ipv6Addr;

use portreeve_wire::pcp::{Assigned, Map, Request, ResultCode};

use super::Rejected;
use crate::context::Context;

/// Carries out a MAP for `host`.
pub(super) fn carry_out(
    _context: &mut Context<'_>,
    _request: &Request,
    _map: &Map,
    _host: Ipv6Addr,
) -> Result<Assigned, Rejected> {
    Err(Rejected::because(
        ResultCode::UnsuppProtocol,
        "pinholes are not served over PCP",
    ))
}
