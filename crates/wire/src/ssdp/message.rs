//! Reading datagrams.

use super::head::Head;
use super::target::SearchTarget;
use crate::quirk::{Quirk, Quirks};

/// A message that may be for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Somebody searches.
    Search(Search),
    /// Somebody announces a device or service, or its end.
    Notify(Notify),
    /// Somebody answers a search.
    Response(Response),
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What for.
    pub target: SearchTarget,
    /// `ST` as it came, which answers echo.
    pub st: String,
    /// `MX`: seconds within which answers are to be spread, as it came.
    pub mx: Option<u32>,
    /// `HOST`.
    pub host: Option<String>,
    /// `USER-AGENT`.
    pub user_agent: Option<String>,
}

/// An announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// What happened.
    pub kind: Notification,
    /// `NT`: what it happened to; where there is none, what `USN` says.
    pub nt: String,
    /// `USN`, an opaque text, since there are gateways with malformed ones.
    pub usn: Option<String>,
    /// `LOCATION`: the description; absent in a byebye.
    pub location: Option<String>,
    /// `max-age` in seconds; absent in a byebye.
    pub max_age: Option<u32>,
    /// `SERVER`.
    pub server: Option<String>,
    /// `BOOTID.UPNP.ORG`.
    pub boot_id: Option<u32>,
    /// `NEXTBOOTID.UPNP.ORG`: what `boot_id` will be after an update.
    pub next_boot_id: Option<u32>,
    /// `CONFIGID.UPNP.ORG`.
    pub config_id: Option<u32>,
}

/// What an announcement announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// `ssdp:alive`.
    Alive,
    /// `ssdp:byebye`.
    Byebye,
    /// `ssdp:update`.
    Update,
}

/// An answer to a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// `ST`: what was found, if the answer says so.
    pub st: Option<String>,
    /// `USN`, an opaque text, since there are gateways with malformed ones and with none.
    pub usn: Option<String>,
    /// `LOCATION`: the description.
    pub location: String,
    /// `max-age` in seconds.
    pub max_age: Option<u32>,
    /// `SERVER`.
    pub server: Option<String>,
    /// `BOOTID.UPNP.ORG`.
    pub boot_id: Option<u32>,
    /// `CONFIGID.UPNP.ORG`.
    pub config_id: Option<u32>,
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Dropped {
    /// The start line is none of the three that SSDP has.
    #[error("not an SSDP message")]
    StartLine,
    /// A search whose `MAN` is not `"ssdp:discover"`.
    #[error("a search without MAN: \"ssdp:discover\"")]
    Man,
    /// A required header is missing.
    #[error("no {0} header")]
    Missing(&'static str),
    /// `NTS` is none of the three that SSDP has.
    #[error("an announcement of an unknown kind")]
    Nts,
}

/// Reads a datagram. What real clients and devices send is understood; the rest is dropped, and never answered.
/// `quirks` are those of clients: what is said about devices is always taken leniently.
pub fn parse(datagram: &[u8], quirks: Quirks) -> Result<Message, Dropped> {
    let text = String::from_utf8_lossy(datagram);
    let head = Head::read(&text);
    let mut words = head.start_line.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("M-SEARCH"), Some("*"), Some(protocol)) if is_http_1(protocol) => {
            parse_search(&head, quirks).map(Message::Search)
        }
        (Some("NOTIFY"), Some("*"), Some(protocol)) if is_http_1(protocol) => parse_notify(&head).map(Message::Notify),
        (Some(protocol), Some("200"), _) if is_http_1(protocol) => parse_response(&head).map(Message::Response),
        _ => Err(Dropped::StartLine),
    }
}

fn parse_search(head: &Head<'_>, quirks: Quirks) -> Result<Search, Dropped> {
    let man = head.header("MAN").ok_or(Dropped::Missing("MAN"))?;
    let bare = man.trim_matches(['"', '\'', ' ']);
    let tolerated = quirks.has(Quirk::SearchManUnquoted) && bare.eq_ignore_ascii_case("ssdp:discover");
    if man != "\"ssdp:discover\"" && !tolerated {
        return Err(Dropped::Man);
    }
    let st = head.header("ST").ok_or(Dropped::Missing("ST"))?;
    Ok(Search {
        target: SearchTarget::parse(st),
        st: st.to_owned(),
        mx: head.header("MX").and_then(|seconds| seconds.parse().ok()),
        host: head.header("HOST").map(str::to_owned),
        user_agent: head.header("USER-AGENT").map(str::to_owned),
    })
}

fn parse_notify(head: &Head<'_>) -> Result<Notify, Dropped> {
    let kind = match head.header("NTS").ok_or(Dropped::Missing("NTS"))?.trim_matches('"') {
        "ssdp:alive" => Notification::Alive,
        "ssdp:byebye" => Notification::Byebye,
        "ssdp:update" => Notification::Update,
        _ => return Err(Dropped::Nts),
    };
    let usn = head.header("USN");
    // `uuid:X::NT`, or for the device itself `uuid:X`.
    let type_in_usn = usn.map(|usn| match usn.split_once("::") {
        Some((_, nt)) if !nt.trim().is_empty() => nt.trim(),
        _ => usn,
    });
    let nt = head.header("NT").or(type_in_usn).ok_or(Dropped::Missing("NT"))?;
    Ok(Notify {
        kind,
        nt: nt.to_owned(),
        usn: usn.map(str::to_owned),
        location: head.header("LOCATION").map(str::to_owned),
        max_age: max_age(head),
        server: head.header("SERVER").map(str::to_owned),
        boot_id: number(head, "BOOTID.UPNP.ORG"),
        next_boot_id: number(head, "NEXTBOOTID.UPNP.ORG"),
        config_id: number(head, "CONFIGID.UPNP.ORG"),
    })
}

fn parse_response(head: &Head<'_>) -> Result<Response, Dropped> {
    Ok(Response {
        st: head.header("ST").map(str::to_owned),
        usn: head.header("USN").map(str::to_owned),
        location: head.header("LOCATION").ok_or(Dropped::Missing("LOCATION"))?.to_owned(),
        max_age: max_age(head),
        server: head.header("SERVER").map(str::to_owned),
        boot_id: number(head, "BOOTID.UPNP.ORG"),
        config_id: number(head, "CONFIGID.UPNP.ORG"),
    })
}

fn is_http_1(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("HTTP/1.1") || protocol.eq_ignore_ascii_case("HTTP/1.0")
}

/// `max-age` among the directives of CACHE-CONTROL, which some devices spell with an underscore.
fn max_age(head: &Head<'_>) -> Option<u32> {
    let directives = head.header("CACHE-CONTROL").or_else(|| head.header("CACHE_CONTROL"))?;
    directives.split(',').find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse().ok()?;
        name.trim().eq_ignore_ascii_case("max-age").then_some(seconds)
    })
}

fn number(head: &Head<'_>, name: &str) -> Option<u32> {
    head.header(name)?.parse().ok()
}
