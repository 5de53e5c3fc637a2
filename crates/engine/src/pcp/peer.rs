//! PEER (RFC 6887 section 12).

use std::net::IpAddr;

use portreeve_wire::pcp::{Assigned, Peer, Request, ResultCode};

use super::Rejected;
use crate::context::Context;

/// Carries out a PEER for `host`.
pub(super) fn carry_out(
    _context: &mut Context<'_>,
    _request: &Request,
    _peer: &Peer,
    _host: IpAddr,
) -> Result<Assigned, Rejected> {
    Err(Rejected::because(ResultCode::UnsuppOpcode, "PEER is not served"))
}
