//! Event messages (UDA 1.1 section 4.3.2).

use std::fmt::Write;

use crate::url::Url;
use crate::uuid::Uuid;
use crate::value::Value;
use crate::xml::XmlWriter;

/// An event message to one subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify<'a> {
    /// Where it goes.
    pub callback: &'a Url,
    /// The subscription.
    pub sid: Uuid,
    /// The message's number in the subscription: 0 for the first, then 1 up to the largest and 1 again.
    pub seq: u32,
    /// Names of the variables, and their values.
    pub properties: &'a [(&'static str, Value)],
}

impl Notify<'_> {
    /// The whole request. It asks for the connection to be closed, since that is what receivers of events are best at.
    pub fn render(&self) -> String {
        let body = propertyset(self.properties);
        let mut out = String::with_capacity(body.len() + 256);
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "NOTIFY {} HTTP/1.1\r\nHOST: {}\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\nCONTENT-LENGTH: {}\r\n\
             NT: upnp:event\r\nNTS: upnp:propchange\r\nSID: uuid:{}\r\nSEQ: {}\r\nCONNECTION: close\r\n\r\n",
            self.callback.path(),
            self.callback.host_header(),
            body.len(),
            self.sid,
            self.seq,
        );
        out.push_str(&body);
        out
    }
}

/// The body. Names of variables have no prefix and are in no namespace; clients broke when miniupnpd gave them one.
fn propertyset(properties: &[(&'static str, Value)]) -> String {
    let mut xml = XmlWriter::document(128 + 96 * properties.len());
    xml.open_with("e:propertyset", &[("xmlns:e", "urn:schemas-upnp-org:event-1-0")]);
    for (name, value) in properties {
        xml.open("e:property");
        xml.leaf_display(name, value);
        xml.close("e:property");
    }
    xml.close("e:propertyset");
    xml.finish()
}

/// The status of the final response at the start of these bytes, once its head is complete. Interim responses (1xx) are
/// passed over. What is not HTTP has the status 0.
pub fn response_status(mut bytes: &[u8]) -> Option<u16> {
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let status = status_of(&bytes[..end]).unwrap_or(0);
        if !(100..200).contains(&status) {
            return Some(status);
        }
        bytes = &bytes[end + 4..];
    }
}

fn status_of(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/")?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let digits = rest.get(space + 1..space + 4)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_as_the_standard_prints_it() {
        let callback = Url::parse("http://192.168.77.11:4004/events?a=b").unwrap();
        let message = Notify {
            callback: &callback,
            sid: Uuid::from_random(0),
            seq: 7,
            properties: &[
                ("ExternalIPAddress", "1.2.3.4".into()),
                ("PossibleConnectionTypes", "a<b".into()),
                ("SystemUpdateID", 5u32.into()),
                ("EnabledForInternet", true.into()),
            ],
        };
        let body = "<?xml version=\"1.0\"?>\n<e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\">\
            <e:property><ExternalIPAddress>1.2.3.4</ExternalIPAddress></e:property>\
            <e:property><PossibleConnectionTypes>a&lt;b</PossibleConnectionTypes></e:property>\
            <e:property><SystemUpdateID>5</SystemUpdateID></e:property>\
            <e:property><EnabledForInternet>1</EnabledForInternet></e:property></e:propertyset>";
        let expected = format!(
            "NOTIFY /events?a=b HTTP/1.1\r\nHOST: 192.168.77.11:4004\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n\
             CONTENT-LENGTH: {}\r\nNT: upnp:event\r\nNTS: upnp:propchange\r\n\
             SID: uuid:00000000-0000-4000-8000-000000000000\r\nSEQ: 7\r\nCONNECTION: close\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(message.render(), expected);
    }

    #[test]
    fn the_final_status_is_read_once_the_head_is_there() {
        assert_eq!(response_status(b"HTTP/1.1 200 OK\r\nX: y\r\n"), None);
        assert_eq!(response_status(b"HTTP/1.1 200 OK\r\n\r\nbody"), Some(200));
        assert_eq!(
            response_status(b"HTTP/1.0 412 Precondition Failed\r\nX: y\r\n\r\n"),
            Some(412)
        );
        assert_eq!(response_status(b"HTTP/1.1 100 Continue\r\n\r\n"), None);
        assert_eq!(
            response_status(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\n\r\n"),
            Some(200)
        );
        for wrong in [
            &b"\r\n\r\n"[..],
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 2\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(response_status(wrong), Some(0), "{wrong:?}");
        }
    }
}
