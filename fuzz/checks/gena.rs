//! Eventing from both sides: header fields and a body, as the gateway gets them in SUBSCRIBE and UNSUBSCRIBE and the
//! control point in answers and in NOTIFY. What is taken is within bounds and can be said again.

use portreeve_wire::gena::subscriber::{self, MAX_PROPERTIES, MessageHead, Sid};
use portreeve_wire::gena::{self, Head, MAX_CALLBACKS, Notify, Refusal, Subscribe};
use portreeve_wire::{Quirks, Url, Uuid, Value};

pub(crate) fn check(data: &[u8]) {
    check_status(data);
    // Lines of header fields, and after an empty one the body.
    let end = data.windows(2).position(|window| window == b"\n\n");
    let (head, body) = end.map_or((data, &b""[..]), |end| (&data[..end], &data[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    check_request(Head {
        nt: field("nt"),
        callback: field("callback"),
        sid: field("sid"),
        timeout: field("timeout"),
    });
    check_answer(field("sid"), field("timeout"));
    let message = subscriber::read(MessageHead {
        nt: field("nt"),
        nts: field("nts"),
        sid: field("sid"),
        seq: field("seq"),
    });
    match message {
        Ok(message) => assert_eq!(Sid::parse(message.sid.as_str()), Some(message.sid)),
        Err(error) => assert_eq!(error.status(), 412),
    }
    check_properties(body);
}

fn check_request(head: Head<'_>) {
    let asked = gena::subscribe(head, Quirks::default());
    match &asked {
        Ok(Subscribe::New { callbacks, timeout }) => {
            assert!((1..=MAX_CALLBACKS).contains(&callbacks.len()));
            assert!((1800..=86_400).contains(&timeout.duration().as_secs()));
            let said: String = callbacks.iter().map(subscriber::callback).collect();
            let (said, timeout) = (Some(said), timeout.to_string());
            let again = Head {
                nt: Some(subscriber::NOTIFICATION_TYPE),
                callback: said.as_deref(),
                sid: None,
                timeout: Some(&timeout),
            };
            assert_eq!(gena::subscribe(again, Quirks::NONE), asked);
        }
        Ok(Subscribe::Renewal { sid, timeout }) => {
            assert!((1800..=86_400).contains(&timeout.duration().as_secs()));
            assert_eq!(gena::unsubscribe(head), Ok(*sid));
        }
        Err(refusal) => {
            let contradicts = head.sid.is_some() && (head.nt.is_some() || head.callback.is_some());
            assert_eq!(contradicts, *refusal == Refusal::Incompatible);
            assert_eq!(refusal.status(), if contradicts { 400 } else { 412 });
        }
    }
    // Quirks let more in, and change nothing of what is let in without them.
    if let Ok(strict) = gena::subscribe(head, Quirks::NONE) {
        assert_eq!(asked, Ok(strict));
    }
}

fn check_answer(sid: Option<&str>, timeout: Option<&str>) {
    let granted = subscriber::granted(sid, timeout);
    if let Some(timeout) = granted.timeout {
        let said = subscriber::asked_timeout(timeout);
        assert_eq!(subscriber::granted(None, Some(&said)).timeout, Some(timeout));
    }
    if let Some(sid) = granted.sid {
        assert!(sid.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

fn check_properties(body: &[u8]) {
    let Ok(properties) = subscriber::properties(body) else {
        return;
    };
    assert!(properties.len() <= MAX_PROPERTIES);
    // XML has no room for control characters, though a reference may have brought them in.
    let sayable = |value: &&str| {
        !value
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
    };
    let values = properties
        .iter()
        .map(|property| property.value.as_str())
        .filter(sayable);
    let values: Vec<(&'static str, Value)> = values.map(|value| ("Variable", value.into())).collect();
    let callback = Url::parse("http://192.168.77.11:4004/").expect("a URL");
    let notify = Notify {
        callback: &callback,
        sid: Uuid::from_u128(1),
        seq: 0,
        properties: &values,
    };
    let message = notify.render();
    let (_, body) = message.split_once("\r\n\r\n").expect("a head");
    match subscriber::properties(body.as_bytes()) {
        Ok(again) => {
            let again = again.into_iter().map(|property| Value::String(property.value));
            assert!(again.eq(values.into_iter().map(|(_, value)| value)));
        }
        // Escaped, it is longer.
        Err(error) => assert_eq!(error, subscriber::PropertySetError::TooLong),
    }
}

fn check_status(data: &[u8]) {
    if let Some(status) = gena::response_status(data) {
        assert!(status <= 999 && !(100..200).contains(&status));
    }
}
