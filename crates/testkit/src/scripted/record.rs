use std::net::SocketAddr;
use std::time::Instant;

use super::soap::Call;

/// One HTTP request as the gateway received it, also one that it left without an answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// When its last byte arrived.
    pub at: Instant,
    /// Who sent it.
    pub peer: SocketAddr,
    /// Number of the TCP connection that carried it; requests with the same number shared one.
    pub connection: u64,
    /// `GET`, `POST`, `SUBSCRIBE`, ...
    pub method: String,
    /// The request target as sent, with a query if there was one.
    pub path: String,
    /// Names as sent and trimmed values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body; empty for a chunked request, which is never read.
    pub body: Vec<u8>,
    /// The action in the body, where there was one.
    pub call: Option<Call>,
}

impl ReceivedRequest {
    /// Value of the first header of that name, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The SOAPACTION header as sent, with its quotation marks.
    pub fn soap_action(&self) -> Option<&str> {
        self.header("SOAPACTION")
    }

    /// Name of the action called.
    pub fn action(&self) -> Option<&str> {
        self.call.as_ref().map(|call| call.action.as_str())
    }

    /// Text of an argument of the action called.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.call.as_ref()?.argument(name)
    }
}

/// How an M-SEARCH came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchRoute {
    /// To 239.255.255.250.
    Multicast,
    /// To ff02::c; such a search is never answered.
    Ipv6Multicast,
    /// To the gateway's own address.
    Unicast,
}

/// One M-SEARCH as the gateway received it, also one that it left without an answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReceivedSearch {
    /// When it arrived.
    pub at: Instant,
    /// Who sent it.
    pub peer: SocketAddr,
    /// To which address it was sent.
    pub route: SearchRoute,
    /// The ST header.
    pub target: String,
    /// Names as sent and trimmed values, in their order.
    pub headers: Vec<(String, String)>,
}

impl ReceivedSearch {
    /// Value of the first header of that name, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// Value of the first header of that name, in any letter case.
pub(super) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
