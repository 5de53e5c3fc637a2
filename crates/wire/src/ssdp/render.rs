//! Rendering of announcements and of answers to searches.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::advertise::{Advertisement, Answer};

/// A multicast group, as the `HOST` header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// 239.255.255.250
    Ipv4,
    /// ff02::c
    Ipv6LinkLocal,
    /// ff05::c
    Ipv6SiteLocal,
}

/// What all messages of one start of the gateway on one interface have in common.
#[derive(Clone, Debug)]
pub struct Announcer<'a> {
    /// `SERVER`.
    pub server: &'a str,
    /// `BOOTID.UPNP.ORG`, below 2^31: rises with every start and every change of address.
    pub boot_id: u32,
    /// `CONFIGID.UPNP.ORG`, below 2^24: changes with the descriptions.
    pub config_id: u32,
}

/// The port of SSDP, for groups and hosts.
pub const PORT: u16 = 1900;

/// Seconds for which an announcement is good; the least that the architecture recommends.
const MAX_AGE: u32 = 1800;

impl Group {
    /// Where to send what is meant for the group; for IPv6 without a scope.
    pub const fn address(self) -> SocketAddr {
        let ip = match self {
            Self::Ipv4 => IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)),
            Self::Ipv6LinkLocal => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc)),
            Self::Ipv6SiteLocal => IpAddr::V6(Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0xc)),
        };
        SocketAddr::new(ip, PORT)
    }

    /// The `HOST` header.
    pub const fn host(self) -> &'static str {
        match self {
            Self::Ipv4 => "239.255.255.250:1900",
            Self::Ipv6LinkLocal => "[FF02::C]:1900",
            Self::Ipv6SiteLocal => "[FF05::C]:1900",
        }
    }
}

impl Announcer<'_> {
    /// "It is here": `ssdp:alive`.
    pub fn alive(&self, group: Group, location: &str, what: &Advertisement) -> String {
        let mut text = start("NOTIFY * HTTP/1.1");
        header(&mut text, "HOST", group.host());
        header(&mut text, "CACHE-CONTROL", format_args!("max-age={MAX_AGE}"));
        header(&mut text, "LOCATION", location);
        header(&mut text, "NT", &what.nt);
        header(&mut text, "NTS", "ssdp:alive");
        header(&mut text, "SERVER", self.server);
        header(&mut text, "USN", &what.usn);
        self.end(text)
    }

    /// "It leaves": `ssdp:byebye`.
    pub fn byebye(&self, group: Group, what: &Advertisement) -> String {
        let mut text = start("NOTIFY * HTTP/1.1");
        header(&mut text, "HOST", group.host());
        header(&mut text, "NT", &what.nt);
        header(&mut text, "NTS", "ssdp:byebye");
        header(&mut text, "USN", &what.usn);
        self.end(text)
    }

    /// "Its BOOTID is about to change, but it has not restarted": `ssdp:update`.
    pub fn update(&self, group: Group, location: &str, what: &Advertisement, next_boot_id: u32) -> String {
        let mut text = start("NOTIFY * HTTP/1.1");
        header(&mut text, "HOST", group.host());
        header(&mut text, "LOCATION", location);
        header(&mut text, "NT", &what.nt);
        header(&mut text, "NTS", "ssdp:update");
        header(&mut text, "USN", &what.usn);
        header(&mut text, "NEXTBOOTID.UPNP.ORG", next_boot_id);
        self.end(text)
    }

    /// The answer to a search. `date` is the current time as HTTP writes it (RFC 9110 section 5.6.7).
    pub fn response(&self, location: &str, date: &str, what: &Answer) -> String {
        let mut text = start("HTTP/1.1 200 OK");
        header(&mut text, "CACHE-CONTROL", format_args!("max-age={MAX_AGE}"));
        header(&mut text, "DATE", date);
        text.push_str("EXT:\r\n");
        header(&mut text, "LOCATION", location);
        header(&mut text, "SERVER", self.server);
        header(&mut text, "ST", &what.st);
        header(&mut text, "USN", &what.usn);
        self.end(text)
    }

    fn end(&self, mut text: String) -> String {
        header(&mut text, "BOOTID.UPNP.ORG", self.boot_id);
        header(&mut text, "CONFIGID.UPNP.ORG", self.config_id);
        // The same for control points that know only the draft (UDA 1.1 annex A.2).
        header(&mut text, "OPT", "\"http://schemas.upnp.org/upnp/1/0/\"; ns=01");
        header(&mut text, "01-NLS", self.boot_id);
        text.push_str("\r\n");
        text
    }
}

pub(super) fn start(line: &str) -> String {
    let mut text = String::with_capacity(512);
    text.push_str(line);
    text.push_str("\r\n");
    text
}

pub(super) fn header(text: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing into a string cannot fail.
    let _ = write!(text, "{name}: {value}\r\n");
}
