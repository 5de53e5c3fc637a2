//! Control requests as real clients write them, and as attackers do.

use portreeve_wire::soap::{Request, RequestError, parse};
use portreeve_wire::xml::XmlError;
use portreeve_wire::{Quirk, Quirks};

const URN: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";
const HEADER: &str = "\"urn:schemas-upnp-org:service:WANIPConnection:1#DeletePortMapping\"";

fn envelope(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>{content}</s:Body></s:Envelope>\r\n"
    )
}

fn delete() -> Request {
    let argument = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    Request::Action {
        service_type: URN.to_owned(),
        action: "DeletePortMapping".to_owned(),
        arguments: vec![
            argument("NewRemoteHost", ""),
            argument("NewExternalPort", "8080"),
            argument("NewProtocol", "TCP"),
        ],
    }
}

const ARGUMENTS: &str =
    "<NewRemoteHost></NewRemoteHost><NewExternalPort>8080</NewExternalPort><NewProtocol>TCP</NewProtocol>";

fn good_body() -> String {
    envelope(&format!(
        "<u:DeletePortMapping xmlns:u=\"{URN}\">{ARGUMENTS}</u:DeletePortMapping>"
    ))
}

#[test]
fn a_request_as_the_standard_prints_it() {
    assert_eq!(parse(Some(HEADER), good_body().as_bytes(), Quirks::NONE), Ok(delete()));
}

#[test]
fn any_prefix_default_namespace_and_undeclared_prefix() {
    for body in [
        format!(
            "<SOAP-ENV:Envelope xmlns:SOAP-ENV='http://schemas.xmlsoap.org/soap/envelope/'><SOAP-ENV:Body>\
             <m:DeletePortMapping xmlns:m='{URN}'>{ARGUMENTS}</m:DeletePortMapping></SOAP-ENV:Body></SOAP-ENV:Envelope>"
        ),
        format!(
            "<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'><Body>\
             <DeletePortMapping xmlns='{URN}'>{ARGUMENTS}</DeletePortMapping></Body></Envelope>"
        ),
        format!("<s:Envelope><s:Body><u:DeletePortMapping>{ARGUMENTS}</u:DeletePortMapping></s:Body></s:Envelope>"),
        format!(
            "<s:Envelope xmlns:u='{URN}'><s:Header><x>1</x></s:Header>\n<s:Body>\n\
             <u:DeletePortMapping>{ARGUMENTS}</u:DeletePortMapping></s:Body></s:Envelope>"
        ),
        envelope(&format!(
            "<u:DeletePortMapping xmlns:u='{URN}'>\n <u:NewRemoteHost/>\n <u:NewExternalPort>8080</u:NewExternalPort>\n \
             <u:NewProtocol><![CDATA[TCP]]></u:NewProtocol>\n</u:DeletePortMapping>"
        )),
    ] {
        assert_eq!(
            parse(Some(HEADER), body.as_bytes(), Quirks::NONE),
            Ok(delete()),
            "{body}"
        );
    }
}

#[test]
fn byte_order_mark_white_space_rubbish_and_encodings() {
    let good = good_body();
    for body in [
        format!("\u{feff}{good}").into_bytes(),
        format!("\r\n  {good}").into_bytes(),
        format!("{good}\0\0\0 rubbish").into_bytes(),
        good.replace("version=\"1.0\"", "version=\"1.0\" encoding=\"ISO-8859-1\"")
            .into_bytes(),
    ] {
        assert_eq!(parse(Some(HEADER), &body, Quirks::NONE), Ok(delete()));
    }
    let latin = good
        .replace("version=\"1.0\"", "version=\"1.0\" encoding=\"ISO-8859-1\"")
        .replace("TCP", "t\u{1}");
    let latin: Vec<u8> = latin.bytes().map(|byte| if byte == 1 { 0xe9 } else { byte }).collect();
    let Ok(Request::Action { arguments, .. }) = parse(Some(HEADER), &latin, Quirks::NONE) else {
        panic!("Latin-1 is refused")
    };
    assert_eq!(arguments[2].1, "té");
}

#[test]
fn quotes_around_the_header_on_and_off() {
    let plain = HEADER.trim_matches('"');
    for header in [plain.to_owned(), format!("'{plain}'"), format!(" {plain} ")] {
        let body = good_body();
        let lenient = Quirks::NONE.with(Quirk::SoapActionQuotes);
        assert_eq!(parse(Some(&header), body.as_bytes(), lenient), Ok(delete()), "{header}");
        let strict = Quirks::default().without(Quirk::SoapActionQuotes);
        assert_eq!(
            parse(Some(&header), body.as_bytes(), strict),
            Err(RequestError::SoapAction),
            "{header}"
        );
    }
}

#[test]
fn a_missing_or_shapeless_header_is_refused() {
    for header in [None, Some(""), Some("\"\""), Some("\"DeletePortMapping\"")] {
        let refused = parse(header, good_body().as_bytes(), Quirks::default());
        assert_eq!(refused, Err(RequestError::SoapAction), "{header:?}");
        assert_eq!(refused.unwrap_err().status(), 400);
    }
}

#[test]
fn raw_ampersands_on_and_off() {
    let body = good_body().replace("TCP", "Tom & Jerry");
    let Ok(Request::Action { arguments, .. }) = parse(Some(HEADER), body.as_bytes(), Quirks::default()) else {
        panic!("a raw ampersand is refused")
    };
    assert_eq!(arguments[2].1, "Tom & Jerry");
    let strict = Quirks::default().without(Quirk::RawAmpersand);
    let refused = parse(Some(HEADER), body.as_bytes(), strict);
    assert_eq!(refused, Err(RequestError::Xml(XmlError::IllFormed)));
}

#[test]
fn header_and_body_must_name_the_same_action() {
    let header = "\"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress\"";
    let refused = parse(Some(header), good_body().as_bytes(), Quirks::default());
    assert_eq!(refused, Err(RequestError::Contradiction));
    let other_version = HEADER.replace(":1#", ":2#");
    assert_eq!(
        parse(Some(&other_version), good_body().as_bytes(), Quirks::NONE),
        Ok(delete())
    );
}

#[test]
fn the_header_helps_where_the_body_names_a_foreign_service() {
    let body = good_body().replace(URN, "urn:example-org:service:Other:1");
    assert_eq!(parse(Some(HEADER), body.as_bytes(), Quirks::NONE), Ok(delete()));
    let Ok(Request::Action { service_type, .. }) =
        parse(Some("\"urn:x#DeletePortMapping\""), body.as_bytes(), Quirks::NONE)
    else {
        panic!("a foreign service type is refused by the parser")
    };
    assert_eq!(service_type, "urn:example-org:service:Other:1");
}

#[test]
fn reading_a_state_variable() {
    let header = "\"urn:schemas-upnp-org:control-1-0#QueryStateVariable\"";
    let query = |content: &str| parse(Some(header), envelope(content).as_bytes(), Quirks::NONE);
    let variable = |name: &str| {
        Ok(Request::Query {
            variable: name.to_owned(),
        })
    };
    assert_eq!(
        query(
            "<u:QueryStateVariable xmlns:u=\"urn:schemas-upnp-org:control-1-0\">\
             <u:varName>ConnectionStatus</u:varName></u:QueryStateVariable>"
        ),
        variable("ConnectionStatus")
    );
    assert_eq!(
        query("<QueryStateVariable><varName> Uptime </varName></QueryStateVariable>"),
        variable("Uptime")
    );
    assert_eq!(query("<QueryStateVariable/>"), variable(""));
}

#[test]
fn what_is_no_soap_is_refused() {
    for body in [
        "<a/>".to_owned(),
        "<s:Envelope/>".to_owned(),
        envelope(""),
        envelope("text"),
        good_body().replace("Envelope", "Envelop"),
    ] {
        let refused = parse(Some(HEADER), body.as_bytes(), Quirks::default());
        assert_eq!(refused, Err(RequestError::NoAction), "{body}");
    }
}

#[test]
fn attacks_are_refused() {
    let bomb = format!("<!DOCTYPE lolz [<!ENTITY lol \"lol\">]>{}", good_body());
    let truncated = &good_body()[..200];
    let deep = envelope(&format!("{}{}", "<a>".repeat(100), "</a>".repeat(100)));
    let wrong_end = good_body().replace("</u:DeletePortMapping>", "</u:AddPortMapping>");
    for (body, error) in [
        (bomb.as_bytes(), XmlError::DocType),
        (truncated.as_bytes(), XmlError::IllFormed),
        (deep.as_bytes(), XmlError::TooDeep),
        (wrong_end.as_bytes(), XmlError::IllFormed),
        (&[0xff, 0xfe, 0x3c, 0], XmlError::Encoding),
        (b"", XmlError::IllFormed),
    ] {
        assert_eq!(
            parse(Some(HEADER), body, Quirks::default()),
            Err(RequestError::Xml(error))
        );
    }
}
