//! The URLs that a control point meets: `http` at an IP literal, and references relative to them (RFC 3986).
//!
//! A gateway is untrusted, and what it calls its control URL ends up in a request line. So a [`Url`] can only be one
//! that breaks no request line and needs no name to be looked up.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Most bytes of a URL, as it comes and in its display form.
pub const MAX_URL: usize = 2048;

/// An absolute `http` URL whose host is an IP literal. Its display form always has the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    ip: IpAddr,
    port: u16,
    scope_id: u32,
    /// Path and query: starts with a slash, and has nothing but visible ASCII characters.
    target: String,
}

/// Why a text is no URL for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Nothing but white space (or a fragment).
    #[error("the URL is empty")]
    Empty,
    /// Longer than [`MAX_URL`].
    #[error("the URL is longer than {MAX_URL} bytes")]
    TooLong,
    /// A scheme other than `http`.
    #[error("the URL is not an http URL")]
    Scheme,
    /// The host is a name, which a gateway has no reason to send.
    #[error("the host in the URL is a name instead of an IP address")]
    HostName,
    /// Not a URL.
    #[error("the URL is malformed")]
    Malformed,
}

impl Url {
    /// Reads an absolute URL. White space and NULs around it are ignored, as are its fragment and the zone of an IPv6
    /// literal, which means something to its sender only. Characters that no URL may have are percent-encoded, except
    /// for controls, which make it malformed.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = clean(text)?;
        match split_scheme(text) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
                let rest = rest.strip_prefix("//").ok_or(UrlError::Malformed)?;
                Self::parse_authority_and_target(rest)
            }
            Some(_) => Err(UrlError::Scheme),
            None => Err(UrlError::Malformed),
        }
    }

    /// What a reference means that stands in the document at this URL (RFC 3986 section 5.2), with the tolerance of
    /// [`Url::parse`]. A link-local address keeps the scope that this URL has for it.
    pub fn resolve(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = clean(reference)?;
        let found = if split_scheme(reference).is_some() {
            Self::parse(reference)?
        } else if let Some(rest) = reference.strip_prefix("//") {
            Self::parse_authority_and_target(rest)?
        } else {
            self.at(&self.merge(reference))?
        };
        let scope_id = if found.ip == self.ip { self.scope_id } else { 0 };
        Ok(Self { scope_id, ..found })
    }

    /// The same URL with the interface over which a link-local host is reached.
    #[must_use]
    pub fn with_scope(self, scope_id: u32) -> Self {
        Self { scope_id, ..self }
    }

    /// Where to connect to.
    pub fn authority(&self) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => (ip, self.port).into(),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, self.port, 0, self.scope_id).into(),
        }
    }

    /// The host.
    pub const fn host(&self) -> IpAddr {
        self.ip
    }

    /// The value of the `Host` header: literal and port, without a zone, which some devices answer with 400.
    pub fn host_header(&self) -> String {
        SocketAddr::new(self.ip, self.port).to_string()
    }

    /// Path and query, as the request line has them.
    pub fn path(&self) -> &str {
        &self.target
    }

    /// Whether both lead to the same host, on any port. What a gateway sends us to must pass this.
    pub fn same_host(&self, other: &Self) -> bool {
        self.ip == other.ip
    }

    fn parse_authority_and_target(text: &str) -> Result<Self, UrlError> {
        let end = text.find(['/', '?']).unwrap_or(text.len());
        let (authority, target) = text.split_at(end);
        let (ip, port) = parse_authority(authority)?;
        let origin = Self {
            ip,
            port,
            scope_id: 0,
            target: String::new(),
        };
        match target.starts_with('/') {
            true => origin.at(target),
            false => origin.at(&format!("/{target}")),
        }
    }

    /// The path and query of a relative reference, not yet normalised (RFC 3986 section 5.2.3).
    fn merge(&self, reference: &str) -> String {
        let (path, _) = split_query(&self.target);
        match reference.as_bytes().first() {
            Some(b'/') => reference.to_owned(),
            Some(b'?') => format!("{path}{reference}"),
            _ => {
                let folder = path.rfind('/').map_or(0, |slash| slash + 1);
                format!("{}{reference}", &path[..folder])
            }
        }
    }

    /// This host with another path and query.
    fn at(&self, target: &str) -> Result<Self, UrlError> {
        let (path, query) = split_query(target);
        let mut encoded = String::with_capacity(target.len());
        push_encoded(&mut encoded, &remove_dot_segments(path));
        push_encoded(&mut encoded, query);
        let url = Self {
            target: encoded,
            ..self.clone()
        };
        match url.to_string().len() > MAX_URL {
            true => Err(UrlError::TooLong),
            false => Ok(url),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", SocketAddr::new(self.ip, self.port), self.target)
    }
}

/// The text without what surrounds it and without its fragment.
fn clean(text: &str) -> Result<&str, UrlError> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let text = text.split_once('#').map_or(text, |(text, _)| text).trim_end();
    match () {
        () if text.is_empty() => Err(UrlError::Empty),
        () if text.len() > MAX_URL => Err(UrlError::TooLong),
        () if text.contains(char::is_control) => Err(UrlError::Malformed),
        () => Ok(text),
    }
}

/// Splits off the scheme, if the text starts with one (RFC 3986 section 3.1).
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(legal)).then_some((scheme, rest))
}

/// The query keeps its question mark.
fn split_query(target: &str) -> (&str, &str) {
    target.split_at(target.find('?').unwrap_or(target.len()))
}

fn parse_authority(authority: &str) -> Result<(IpAddr, u16), UrlError> {
    let (ip, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (literal, port) = bracketed.split_once(']').ok_or(UrlError::Malformed)?;
            let address = literal.split_once('%').map_or(literal, |(address, _zone)| address);
            let ip: Ipv6Addr = address.parse().map_err(|_| UrlError::Malformed)?;
            (ip.to_canonical(), port)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(end);
            (parse_host(host)?, port)
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => 80,
        Some("") => 80,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse().map_err(|_| UrlError::Malformed)?
        }
        _ => return Err(UrlError::Malformed),
    };
    match port {
        0 => Err(UrlError::Malformed),
        port => Ok((ip, port)),
    }
}

fn parse_host(host: &str) -> Result<IpAddr, UrlError> {
    let legal_in_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    match host.parse() {
        Ok(ip) => Ok(IpAddr::V4(ip)),
        Err(_) if !host.is_empty() && host.chars().all(legal_in_name) => Err(UrlError::HostName),
        Err(_) => Err(UrlError::Malformed),
    }
}

/// RFC 3986 section 5.2.4, for a path that starts with a slash.
fn remove_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // What a dot segment ends in is a folder.
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Adds text with every character percent-encoded that no path or query may have; percent signs stay.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=b' ' | 0x7f.. => {
                // Writing into a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn absolute_urls() {
        for (text, shown) in [
            ("http://192.168.77.1:5000/igd.xml", "http://192.168.77.1:5000/igd.xml"),
            ("http://192.168.77.1", "http://192.168.77.1:80/"),
            ("HTTP://192.168.77.1:/a", "http://192.168.77.1:80/a"),
            ("http://192.168.77.1?a=/../b", "http://192.168.77.1:80/?a=/../b"),
            (
                "http://192.168.77.1:2869/upnphost/udhisapi.dll?content=uuid:dead-beef",
                "http://192.168.77.1:2869/upnphost/udhisapi.dll?content=uuid:dead-beef",
            ),
            ("\r\n\t http://192.168.77.1/x \0\0", "http://192.168.77.1:80/x"),
            ("http://[fe80::1%25eth0]:5000/d", "http://[fe80::1]:5000/d"),
            ("http://[fe80::1%3]/d", "http://[fe80::1]:80/d"),
            ("http://[::ffff:192.168.77.1]:5000/d", "http://192.168.77.1:5000/d"),
            (
                "http://192.168.77.1/a b/\u{fc}#part",
                "http://192.168.77.1:80/a%20b/%C3%BC",
            ),
            ("http://192.168.77.1/a%20b|c\"", "http://192.168.77.1:80/a%20b%7Cc%22"),
            ("http://192.168.77.1/a/../../b/./c/..", "http://192.168.77.1:80/b/"),
        ] {
            assert_eq!(url(text).to_string(), shown);
            assert_eq!(url(shown), url(text), "the display form reads the same");
        }
    }

    /// The display form may be longer than what it was read from.
    #[test]
    fn the_longest_url_can_be_read_again() {
        let with_path = |length| format!("http://192.168.77.1/{}", "a".repeat(length));
        let longest = MAX_URL - "http://192.168.77.1:80/".len();
        let shown = url(&with_path(longest)).to_string();
        assert_eq!(shown.len(), MAX_URL);
        assert_eq!(url(&shown).to_string(), shown);
        assert_eq!(Url::parse(&with_path(longest + 1)), Err(UrlError::TooLong));
    }

    #[test]
    fn refusals_are_told_apart() {
        let long = format!("http://192.168.77.1/{}", "a".repeat(MAX_URL));
        let long_encoded = format!("http://192.168.77.1/{}", " a".repeat(MAX_URL / 3));
        for (text, why) in [
            ("", UrlError::Empty),
            (" \0 ", UrlError::Empty),
            ("https://192.168.77.1/", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("http://router.lan/d", UrlError::HostName),
            ("http://127.1/d", UrlError::HostName),
            ("http://0x7f000001/d", UrlError::HostName),
            ("http://user@192.168.77.1/d", UrlError::Malformed),
            ("http:///d", UrlError::Malformed),
            ("http:/d", UrlError::Malformed),
            ("/d", UrlError::Malformed),
            ("http://192.168.77.1:0/", UrlError::Malformed),
            ("http://192.168.77.1:65536/", UrlError::Malformed),
            ("http://192.168.77.1:+80/", UrlError::Malformed),
            ("http://[::1/", UrlError::Malformed),
            ("http://[::1]80/", UrlError::Malformed),
            ("http://192.168.77.1/a\r\nHost: x", UrlError::Malformed),
            ("http://192.168.77.1/a\0b", UrlError::Malformed),
            (&long, UrlError::TooLong),
            (&long_encoded, UrlError::TooLong),
        ] {
            assert_eq!(Url::parse(text), Err(why), "{text:?}");
        }
    }

    /// The examples of RFC 3986 section 5.4, with a literal in place of the host `a`.
    #[test]
    fn references_as_in_the_standard() {
        let base = url("http://10.0.0.1/b/c/d;p?q");
        for (reference, path) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("g#s", "/b/c/g"),
            (";x", "/b/c/;x"),
            ("g;x?y#s", "/b/c/g;x?y"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./../g", "/b/g"),
            ("./g/.", "/b/c/g/"),
            ("g/./h", "/b/c/g/h"),
            ("g/../h", "/b/c/h"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("\n\tctl/IPConn \0", "/b/c/ctl/IPConn"),
            ("/dyndev/uuid:dead-beef", "/dyndev/uuid:dead-beef"),
        ] {
            let found = base.resolve(reference).unwrap();
            assert_eq!(found.path(), path, "{reference:?}");
            assert_eq!(found.authority(), base.authority());
        }
        assert_eq!(base.resolve("//10.0.0.2/g").unwrap(), url("http://10.0.0.2/g"));
        assert_eq!(
            base.resolve("http://10.0.0.2:81/g").unwrap(),
            url("http://10.0.0.2:81/g")
        );
        assert_eq!(base.resolve("  "), Err(UrlError::Empty));
        assert_eq!(base.resolve("#s"), Err(UrlError::Empty));
        assert_eq!(base.resolve("//router.lan/g"), Err(UrlError::HostName));
        assert_eq!(base.resolve("uuid:x/g"), Err(UrlError::Scheme));
        assert_eq!(base.resolve("a\r\nX: y"), Err(UrlError::Malformed));
    }

    #[test]
    fn the_host_is_what_counts_for_safety() {
        let base = url("http://192.168.77.1:5000/d");
        assert!(base.same_host(&base.resolve("http://192.168.77.1:80/ctl").unwrap()));
        assert!(!base.same_host(&base.resolve("http://192.168.77.2:5000/ctl").unwrap()));
        assert!(base.same_host(&url("http://[::ffff:192.168.77.1]/")));
    }

    #[test]
    fn the_scope_of_a_link_local_host_stays_with_it() {
        let base = url("http://[fe80::1]:5000/d").with_scope(7);
        let control = base.resolve("/ctl").unwrap();
        assert_eq!(control.authority().to_string(), "[fe80::1%7]:5000");
        assert_eq!(control.host_header(), "[fe80::1]:5000");
        assert_eq!(control.to_string(), "http://[fe80::1]:5000/ctl");
        let elsewhere = base.resolve("http://[fe80::2]/").unwrap();
        assert_eq!(elsewhere.authority().to_string(), "[fe80::2]:80");
    }
}
