//! Rendering of searches, the control point's side.

use std::net::SocketAddr;

use super::render::{Group, header, start};

/// Whom a search asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Everybody in a group, to answer at a random time within `mx` seconds.
    Group {
        /// The group.
        group: Group,
        /// `MX`: 1 to 5; others are taken as the nearest of these.
        mx: u8,
    },
    /// One host, to answer at once.
    Host(SocketAddr),
}

/// A search for one target by multicast or unicast (UDA 1.1 section 1.3.2). Control characters are left out of
/// `st`, which may come from a gateway.
pub fn render_search(asked: Asked, st: &str, user_agent: &str) -> String {
    let mut text = start("M-SEARCH * HTTP/1.1");
    match asked {
        Asked::Group { group, .. } => header(&mut text, "HOST", group.host()),
        // Without a zone, which means nothing to others.
        Asked::Host(host) => header(&mut text, "HOST", SocketAddr::new(host.ip(), host.port())),
    }
    header(&mut text, "MAN", "\"ssdp:discover\"");
    if let Asked::Group { mx, .. } = asked {
        header(&mut text, "MX", mx.clamp(1, 5));
    }
    let st: String = st.chars().filter(|c| !c.is_control()).collect();
    header(&mut text, "ST", st);
    header(&mut text, "USER-AGENT", user_agent);
    text.push_str("\r\n");
    text
}
