//! What SUBSCRIBE and UNSUBSCRIBE ask for, from their header fields (UDA 1.1 sections 4.1.1 to 4.1.3).

use std::fmt;
use std::time::Duration;

use crate::quirk::{Quirk, Quirks};
use crate::url::Url;
use crate::uuid::Uuid;

/// Most delivery URLs that are kept of one CALLBACK; further ones are ignored.
pub const MAX_CALLBACKS: usize = 4;

/// The header fields of a request that eventing is about; `None` where a field is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    /// `NT`.
    pub nt: Option<&'a str>,
    /// `CALLBACK`.
    pub callback: Option<&'a str>,
    /// `SID`.
    pub sid: Option<&'a str>,
    /// `TIMEOUT`.
    pub timeout: Option<&'a str>,
}

/// What a SUBSCRIBE asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscribe {
    /// A new subscription.
    New {
        /// Where events are to be sent, to be tried in this order: 1 to [`MAX_CALLBACKS`].
        callbacks: Vec<Url>,
        /// For how long.
        timeout: Timeout,
    },
    /// Another while of an existing one.
    Renewal {
        /// Which.
        sid: Uuid,
        /// For how long.
        timeout: Timeout,
    },
}

/// Why a request is refused by its header fields alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// SID together with NT or CALLBACK.
    #[error("SID together with NT or CALLBACK: incompatible header fields")]
    Incompatible,
    /// NT is missing or not `upnp:event`.
    #[error("NT must be upnp:event")]
    NotificationType,
    /// CALLBACK is missing, or has no http URL with an IP literal.
    #[error("CALLBACK must have at least one http URL, with an IP address as its host, in angle brackets")]
    Callback,
    /// SID is missing, empty or not one of ours.
    #[error("no such subscription")]
    Sid,
}

impl Refusal {
    /// The status code of the answer (UDA 1.1 tables 4-4, 4-5 and 4-6).
    pub const fn status(self) -> u16 {
        match self {
            Self::Incompatible => 400,
            Self::NotificationType | Self::Callback | Self::Sid => 412,
        }
    }
}

/// How long a subscription lasts, as TIMEOUT has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(u32);

impl Timeout {
    /// The shortest that is granted, and what is granted to those who name none: less is not worth the renewals
    /// (UDA 1.1 section 4.1.1: "should be greater than or equal to 1800").
    pub const SHORTEST: Self = Self(1800);
    /// The longest that is granted.
    pub const LONGEST: Self = Self(86_400);

    /// What is granted to who asks so. `infinite` is as good as nothing, and never granted (UDA 1.1 section 4.1.1).
    fn granted(asked: Option<&str>) -> Self {
        let digits = asked.map(str::trim).and_then(|text| {
            let (unit, digits) = text.split_at_checked("Second-".len())?;
            unit.eq_ignore_ascii_case("Second-").then_some(digits)
        });
        let is_number = |digits: &&str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        match digits.filter(is_number) {
            None => Self::SHORTEST,
            // What does not fit is more than the longest.
            Some(digits) => Self(
                digits
                    .parse()
                    .unwrap_or(u32::MAX)
                    .clamp(Self::SHORTEST.0, Self::LONGEST.0),
            ),
        }
    }

    /// As a span.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Second-{}", self.0)
    }
}

/// What a SUBSCRIBE asks for.
pub fn subscribe(head: Head<'_>, quirks: Quirks) -> Result<Subscribe, Refusal> {
    let timeout = Timeout::granted(head.timeout);
    if let Some(sid) = head.sid {
        if head.nt.is_some() || head.callback.is_some() {
            return Err(Refusal::Incompatible);
        }
        let sid = parse_sid(sid)?;
        return Ok(Subscribe::Renewal { sid, timeout });
    }
    let nt = head.nt.unwrap_or_default().trim();
    let propchange = quirks.has(Quirk::EventTypePropchange) && nt.eq_ignore_ascii_case("upnp:propchange");
    if !propchange && !nt.eq_ignore_ascii_case("upnp:event") {
        return Err(Refusal::NotificationType);
    }
    let callbacks: Vec<Url> = in_brackets(head.callback.unwrap_or_default())
        .filter_map(|url| Url::parse(url).ok())
        .take(MAX_CALLBACKS)
        .collect();
    match callbacks.is_empty() {
        true => Err(Refusal::Callback),
        false => Ok(Subscribe::New { callbacks, timeout }),
    }
}

/// Which subscription an UNSUBSCRIBE ends.
pub fn unsubscribe(head: Head<'_>) -> Result<Uuid, Refusal> {
    if head.nt.is_some() || head.callback.is_some() {
        return Err(Refusal::Incompatible);
    }
    parse_sid(head.sid.unwrap_or_default())
}

fn parse_sid(sid: &str) -> Result<Uuid, Refusal> {
    let sid = sid.trim();
    let (scheme, uuid) = sid.split_at_checked("uuid:".len()).ok_or(Refusal::Sid)?;
    match scheme.eq_ignore_ascii_case("uuid:") {
        true => uuid.parse().map_err(|_| Refusal::Sid),
        false => Err(Refusal::Sid),
    }
}

/// The texts between `<` and `>`.
fn in_brackets(text: &str) -> impl Iterator<Item = &str> {
    let opened = text.split('<').skip(1);
    opened.filter_map(|rest| rest.split_once('>').map(|(inside, _)| inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "uuid:01234567-89ab-4cde-8f01-23456789abcd";

    fn new(callback: &str) -> Result<Vec<String>, Refusal> {
        let head = Head {
            nt: Some("upnp:event"),
            callback: Some(callback),
            ..Head::default()
        };
        subscribe(head, Quirks::default()).map(|asked| match asked {
            Subscribe::New { callbacks, .. } => callbacks.iter().map(Url::to_string).collect(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn callbacks_are_kept_in_order_up_to_the_cap() {
        assert_eq!(new("<http://1.2.3.4/>"), Ok(vec!["http://1.2.3.4:80/".to_owned()]));
        let several = new("<http://1.2.3.4:81/a> <https://1.2.3.4/><http://host/>,<http://[fd77::1]:5/b?c>");
        let expected = ["http://1.2.3.4:81/a", "http://[fd77::1]:5/b?c"].map(str::to_owned);
        assert_eq!(several, Ok(expected.to_vec()));
        assert_eq!(
            new(&"<http://1.2.3.4/>".repeat(9)).map(|kept| kept.len()),
            Ok(MAX_CALLBACKS)
        );
        for none in [
            "",
            "<>",
            "http://1.2.3.4/",
            "<http://1.2.3.4/",
            "<http://host.example/>",
            "<ftp://1.2.3.4/>",
            "<http://1.2.3.4:0/>",
            "<http://user@1.2.3.4/>",
            "<http://1.2.3.4/\r\nX: y>",
        ] {
            assert_eq!(new(none), Err(Refusal::Callback), "{none}");
        }
    }

    #[test]
    fn timeouts_are_granted_between_half_an_hour_and_a_day() {
        for (asked, granted) in [
            (None, "Second-1800"),
            (Some(""), "Second-1800"),
            (Some("Second-infinite"), "Second-1800"),
            (Some("infinite"), "Second-1800"),
            (Some("Second-"), "Second-1800"),
            (Some("Second--1"), "Second-1800"),
            (Some("Second-0"), "Second-1800"),
            (Some("Second-300"), "Second-1800"),
            (Some("Second-3600"), "Second-3600"),
            (Some(" second-3600 "), "Second-3600"),
            (Some("Second-86400"), "Second-86400"),
            (Some("Second-4294967296"), "Second-86400"),
            (Some("Sécond-3600"), "Second-1800"),
        ] {
            assert_eq!(Timeout::granted(asked).to_string(), granted, "{asked:?}");
        }
        assert_eq!(Timeout::SHORTEST.duration(), Duration::from_secs(1800));
    }

    #[test]
    fn a_renewal_names_its_subscription_and_nothing_else() {
        let head = Head {
            sid: Some(SID),
            ..Head::default()
        };
        let sid = SID[5..].parse().unwrap();
        let timeout = Timeout::SHORTEST;
        assert_eq!(subscribe(head, Quirks::NONE), Ok(Subscribe::Renewal { sid, timeout }));
        assert_eq!(unsubscribe(head), Ok(sid));
        let nt = Some("upnp:event");
        let callback = Some("<http://1.2.3.4/>");
        for both in [Head { nt, ..head }, Head { callback, ..head }] {
            assert_eq!(subscribe(both, Quirks::default()), Err(Refusal::Incompatible));
            assert_eq!(unsubscribe(both), Err(Refusal::Incompatible));
        }
        for wrong in [
            "",
            " ",
            "uuid:",
            "01234567-89ab-4cde-8f01-23456789abcd",
            "uuid:1",
            "uuiü:",
        ] {
            let head = Head {
                sid: Some(wrong),
                ..Head::default()
            };
            assert_eq!(subscribe(head, Quirks::default()), Err(Refusal::Sid), "{wrong}");
            assert_eq!(unsubscribe(head), Err(Refusal::Sid), "{wrong}");
        }
        assert_eq!(unsubscribe(Head::default()), Err(Refusal::Sid));
    }

    #[test]
    fn the_type_is_upnp_event_or_what_windows_me_calls_it() {
        let asked = |nt, quirks| {
            let callback = Some("<http://1.2.3.4/>");
            let head = Head {
                nt,
                callback,
                ..Head::default()
            };
            subscribe(head, quirks).map(|_| ())
        };
        let propchange = Some("upnp:propchange");
        assert_eq!(asked(Some("upnp:event"), Quirks::NONE), Ok(()));
        assert_eq!(asked(propchange, Quirks::default()), Ok(()));
        assert_eq!(asked(propchange, Quirks::NONE), Err(Refusal::NotificationType));
        for wrong in [None, Some(""), Some("upnp:rootdevice")] {
            assert_eq!(asked(wrong, Quirks::default()), Err(Refusal::NotificationType));
        }
    }

    #[test]
    fn each_refusal_has_its_status() {
        assert_eq!(Refusal::Incompatible.status(), 400);
        for refusal in [Refusal::NotificationType, Refusal::Callback, Refusal::Sid] {
            assert_eq!(refusal.status(), 412);
        }
    }
}
