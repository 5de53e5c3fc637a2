//! What SUBSCRIBE asks for, and what its answer grants (UDA 1.1 sections 4.1.1 and 4.1.2).

use std::fmt;
use std::time::Duration;

use crate::url::Url;

/// `NT` of a SUBSCRIBE.
pub const NOTIFICATION_TYPE: &str = "upnp:event";

/// Most bytes of an identifier that is taken.
const LONGEST_SID: usize = 256;

/// The identifier of a subscription, as the gateway gives it: an opaque text, since not all are UUIDs. It can stand in a
/// header field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid(String);

impl Sid {
    /// Reads an identifier; `None` if there is none, or one that no header field could carry.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let legal = !text.is_empty() && text.len() <= LONGEST_SID && text.bytes().all(|byte| byte.is_ascii_graphic());
        legal.then(|| Self(text.to_owned()))
    }

    /// As the gateway gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a gateway grants, and how far it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The subscription; `None` if the answer does not say, as in some answers to renewals.
    pub sid: Option<Sid>,
    /// How long it lasts; `None` if the answer names no number of seconds, as with `Second-infinite`.
    pub timeout: Option<Duration>,
}

/// Reads the header fields `SID` and `TIMEOUT` of the answer to a SUBSCRIBE.
pub fn granted(sid: Option<&str>, timeout: Option<&str>) -> Granted {
    Granted {
        sid: sid.and_then(Sid::parse),
        timeout: timeout.and_then(seconds).map(Duration::from_secs),
    }
}

/// The value of `CALLBACK`.
pub fn callback(url: &Url) -> String {
    format!("<{url}>")
}

/// The value of `TIMEOUT`, in whole seconds.
pub fn asked_timeout(timeout: Duration) -> String {
    format!("Second-{}", timeout.as_secs())
}

/// The number that the text ends with, whatever stands before it. What does not fit is as good as the largest.
fn seconds(text: &str) -> Option<u64> {
    let mut numbers = text.trim().rsplit(|c: char| !c.is_ascii_digit());
    let digits = numbers.next().filter(|digits| !digits.is_empty())?;
    Some(digits.parse::<u32>().unwrap_or(u32::MAX).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_opaque_but_fit_into_a_header_field() {
        for sid in ["uuid:01234567-89ab-4cde-8f01-23456789abcd", "17", "uuid:dead-beef"] {
            assert_eq!(Sid::parse(&format!(" {sid}\t")).unwrap().as_str(), sid);
        }
        for wrong in ["", "  ", "uuid:1 2", "uuid:\u{e9}", "a\r\nX: y", &"x".repeat(257)] {
            assert_eq!(Sid::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_time_granted_is_what_stands_at_the_end() {
        for (text, granted_for) in [
            ("Second-1800", Some(1800)),
            (" second-300 ", Some(300)),
            ("Seconds - 17", Some(17)),
            ("1800", Some(1800)),
            ("Second-0", Some(0)),
            ("Second-99999999999", Some(u64::from(u32::MAX))),
            ("Second-infinite", None),
            ("infinite", None),
            ("Second-", None),
            ("Second-\u{663}", None),
            ("", None),
        ] {
            let timeout = granted(None, Some(text)).timeout;
            assert_eq!(timeout, granted_for.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(
            granted(None, None),
            Granted {
                sid: None,
                timeout: None
            }
        );
    }

    #[test]
    fn what_is_asked_for_is_what_the_gateways_side_reads() {
        let url = Url::parse("http://[fd77::2]:4004/a").unwrap();
        assert_eq!(callback(&url), "<http://[fd77::2]:4004/a>");
        assert_eq!(asked_timeout(Duration::from_millis(1_800_900)), "Second-1800");
    }
}
