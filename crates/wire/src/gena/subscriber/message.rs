//! What an event message says about itself (UDA 1.1 section 4.3.2).

use super::subscription::Sid;

/// The header fields of a NOTIFY; `None` where a field is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageHead<'a> {
    /// `NT`.
    pub nt: Option<&'a str>,
    /// `NTS`.
    pub nts: Option<&'a str>,
    /// `SID`.
    pub sid: Option<&'a str>,
    /// `SEQ`.
    pub seq: Option<&'a str>,
}

/// An event message, as its head has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The subscription that it belongs to.
    pub sid: Sid,
    /// Its number in the subscription; `None` if it has none that could be compared.
    pub seq: Option<u32>,
}

/// Why a NOTIFY is no event message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoMessage {
    /// NT or NTS say that it is something else.
    #[error("NT must be upnp:event and NTS upnp:propchange")]
    Type,
    /// SID is missing, or none that was ever given.
    #[error("no such subscription")]
    Sid,
}

impl NoMessage {
    /// The status code of the answer (UDA 1.1 table 4-9).
    pub const fn status(self) -> u16 {
        412
    }
}

/// Reads the head. NT and NTS may be missing: nothing else is sent where events are expected.
pub fn read(head: MessageHead<'_>) -> Result<Message, NoMessage> {
    let is = |field: Option<&str>, meant: &str| field.is_none_or(|text| text.trim().eq_ignore_ascii_case(meant));
    if !is(head.nt, "upnp:event") || !is(head.nts, "upnp:propchange") {
        return Err(NoMessage::Type);
    }
    let sid = head.sid.and_then(Sid::parse).ok_or(NoMessage::Sid)?;
    let seq = head.seq.and_then(|text| text.trim().parse().ok());
    Ok(Message { sid, seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: MessageHead<'_> = MessageHead {
        nt: Some("upnp:event"),
        nts: Some("upnp:propchange"),
        sid: Some("uuid:1"),
        seq: Some("4294967295"),
    };

    #[test]
    fn a_message_is_known_by_its_subscription_and_number() {
        let message = read(HEAD).unwrap();
        assert_eq!((message.sid.as_str(), message.seq), ("uuid:1", Some(u32::MAX)));
        let bare = MessageHead {
            nt: None,
            nts: None,
            ..HEAD
        };
        assert_eq!(read(bare), Ok(message));
        for without_number in [None, Some(""), Some("one"), Some("4294967296"), Some("-1")] {
            let head = MessageHead {
                seq: without_number,
                ..HEAD
            };
            assert_eq!(read(head).unwrap().seq, None, "{without_number:?}");
        }
    }

    #[test]
    fn what_is_no_event_or_of_no_subscription_is_refused() {
        for (head, why) in [
            (
                MessageHead {
                    nt: Some("upnp:rootdevice"),
                    ..HEAD
                },
                NoMessage::Type,
            ),
            (
                MessageHead {
                    nts: Some("ssdp:alive"),
                    ..HEAD
                },
                NoMessage::Type,
            ),
            (MessageHead { sid: None, ..HEAD }, NoMessage::Sid),
            (MessageHead { sid: Some(" "), ..HEAD }, NoMessage::Sid),
        ] {
            assert_eq!(read(head), Err(why), "{head:?}");
            assert_eq!(why.status(), 412);
        }
    }
}
