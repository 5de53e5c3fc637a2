//! Values on the command line, with words for what cannot be meant.

use std::str::FromStr;
use std::time::Duration;

use portreeve::{Protocol, Transport};

/// A lease can be no longer: `PortMappingLeaseDuration` of WANIPConnection:2, section 2.3.16.
const LONGEST_LEASE: Duration = Duration::from_secs(604_800);

/// The same of a pinhole: `LeaseTime` of WANIPv6FirewallControl:1.
const LONGEST_PINHOLE: Duration = Duration::from_secs(86_400);

/// Clocks end somewhere.
const LONGEST_SPAN: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A port: 1 to 65535.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err("a port is a number, for instance 8080".to_owned());
    }
    match text.parse() {
        Ok(0) | Err(_) => Err("ports run from 1 to 65535".to_owned()),
        Ok(port) => Ok(port),
    }
}

/// A port of the gateway: some programs take 0 for any, and gateways take it for all.
pub(super) fn external_port(text: &str) -> Result<u16, String> {
    port(text).map_err(|problem| match text {
        "0" => format!("{problem}; leave --external out, or say --any, for one that is free"),
        _ => problem,
    })
}

/// A length of time: a number of seconds, or numbers with units as in `1h30m` or `500ms`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let length = read_span(text)
        .ok_or_else(|| "a time is a number of seconds, or has units as in 500ms, 30s, 10m, 1h30m, 2d, 1w".to_owned())?;
    if length.is_zero() {
        return Err("a time must be longer than nothing".to_owned());
    }
    if length > LONGEST_SPAN {
        return Err("a time must be shorter than ten years".to_owned());
    }
    Ok(length)
}

/// A lease: a span of a second to a week.
pub(super) fn lease(text: &str) -> Result<Duration, String> {
    if matches!(text, "0" | "0s" | "infinite" | "forever" | "permanent") {
        return Err(
            "a lease must end, so that no port stays open when this machine is gone; without --detach it is \
                    renewed until Ctrl-C"
                .to_owned(),
        );
    }
    let lease = span(text)?;
    if lease < Duration::from_secs(1) || lease > LONGEST_LEASE {
        return Err("a lease lasts a second at least and a week (604800 seconds) at most".to_owned());
    }
    Ok(Duration::from_secs(lease.as_secs()))
}

/// A lease of a pinhole: a span of a second to a day.
pub(super) fn pinhole_lease(text: &str) -> Result<Duration, String> {
    match lease(text) {
        Ok(lease) if lease <= LONGEST_PINHOLE => Ok(lease),
        Err(problem) if !problem.contains("a week") => Err(problem),
        Ok(_) | Err(_) => Err("a pinhole lasts a second at least and a day (86400 seconds) at most".to_owned()),
    }
}

/// A port, or 0 for all of them.
pub(super) fn port_or_all(text: &str) -> Result<u16, String> {
    match text {
        "0" => Ok(0),
        _ => port(text),
    }
}

/// What a pinhole carries.
pub(super) fn transport(text: &str) -> Result<Transport, String> {
    let refused = |_| "a pinhole carries tcp, udp or the number of a protocol, for instance 132".to_owned();
    text.parse().map_err(refused)
}

/// A number of a pinhole.
pub(super) fn pinhole(text: &str) -> Result<u16, String> {
    let refused = |_| "a pinhole is known by the number that `portreeve pinhole add` told, from 0 to 65535".to_owned();
    text.parse().map_err(refused)
}

fn read_span(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u32 = rest.get(..unit_at)?.parse().ok()?;
        rest = rest.get(unit_at..)?;
        let next = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let unit = Duration::from_millis(match rest.get(..next)? {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        });
        total = total.checked_add(unit.checked_mul(number)?)?;
        rest = rest.get(next..)?;
    }
    (!text.is_empty()).then_some(total)
}

/// One protocol.
pub(super) fn protocol(text: &str) -> Result<Protocol, String> {
    match text.parse()? {
        Protocols::One(protocol) => Ok(protocol),
        Protocols::Both => Err("one at a time: tcp or udp".to_owned()),
    }
}

/// One protocol, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// One.
    One(Protocol),
    /// TCP and UDP: two mappings.
    Both,
}

impl Protocols {
    /// The protocols, each of which is a mapping of its own.
    pub(crate) fn each(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL
            .into_iter()
            .filter(move |protocol| self == Self::Both || self == Self::One(*protocol))
    }

    #[cfg(test)]
    pub(super) fn names(self) -> Vec<&'static str> {
        self.each().map(Protocol::name).collect()
    }
}

impl FromStr for Protocols {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("both") {
            return Ok(Self::Both);
        }
        if matches!(text, "any" | "all" | "*") {
            return Err("a mapping carries one protocol, and gateways have no mapping for all; \
                        `--protocol both` makes two mappings, one for TCP and one for UDP"
                .to_owned());
        }
        text.parse()
            .map(Self::One)
            .map_err(|_| "a mapping carries tcp or udp; both makes two mappings".to_owned())
    }
}

/// External ports from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortRange {
    /// The first.
    pub(crate) first: u16,
    /// The last; not below the first.
    pub(crate) last: u16,
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text
            .split_once('-')
            .ok_or("a range is two ports, for instance 8000-8100")?;
        let (first, last) = (port(first.trim())?, port(last.trim())?);
        if first > last {
            return Err(format!("the range is back to front; {last}-{first} is meant?"));
        }
        Ok(Self { first, last })
    }
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The argument.
    pub(crate) name: String,
    /// Its value; may be empty.
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(
                "an argument is NAME=VALUE, for instance NewPortMappingIndex=0; nothing after = for an empty value"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_or_are_seconds() {
        for (text, milliseconds) in [
            ("90", 90_000),
            ("500ms", 500),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("10min", 600_000),
            ("2d", 172_800_000),
            ("1w", 604_800_000),
        ] {
            assert_eq!(span(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            "h",
            "1 h",
            "1y",
            "-5",
            "1.5h",
            "5m3",
            "0",
            "99999999999999s",
            "1hh",
            "4294967295w",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lease_is_a_second_to_a_week() {
        assert_eq!(lease("604800"), Ok(LONGEST_LEASE));
        assert_eq!(lease("1"), Ok(Duration::from_secs(1)));
        for text in ["604801", "500ms", "0", "infinite"] {
            assert!(lease(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_run_forwards() {
        assert_eq!("80-90".parse(), Ok(PortRange { first: 80, last: 90 }));
        assert_eq!("80-80".parse(), Ok(PortRange { first: 80, last: 80 }));
        assert!("90-80".parse::<PortRange>().unwrap_err().contains("80-90"));
        for text in ["80", "0-5", "a-b", "1-70000"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn protocols_are_one_or_both() {
        assert_eq!("UDP".parse::<Protocols>().unwrap().names(), ["UDP"]);
        assert_eq!("both".parse::<Protocols>().unwrap().names(), ["TCP", "UDP"]);
        assert!("sctp".parse::<Protocols>().is_err());
    }

    #[test]
    fn assignments_may_be_empty_but_not_nameless() {
        let empty: Assignment = "NewRemoteHost=".parse().unwrap();
        assert_eq!((empty.name.as_str(), empty.value.as_str()), ("NewRemoteHost", ""));
        assert_eq!("a=b=c".parse::<Assignment>().unwrap().value, "b=c");
        assert!("=x".parse::<Assignment>().is_err());
        assert!("x".parse::<Assignment>().is_err());
    }
}
