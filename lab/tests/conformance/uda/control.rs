//! Section 3: control, and what real clients write.

use portreeve_lab::Bed;
use portreeve_lab::upnp::http::Response;
use portreeve_lab::upnp::soap::{self, ENVELOPE};
use portreeve_lab::upnp::{ControlPoint, refused, xml};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";
const ACTION: &str = "urn:schemas-upnp-org:service:WANIPConnection:2#GetExternalIPAddress";

fn control_url(client: &ControlPoint<'_>) -> String {
    client.service("WANIPConnection:2").control_url
}

/// Posts an envelope for GetExternalIPAddress and expects the answer.
#[track_caller]
fn is_answered(body: &str) {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.post(&control_url(&client), ACTION, body);
    answers(&response);
}

#[track_caller]
fn answers(response: &Response) {
    let answer = soap::read(response, SERVICE, "GetExternalIPAddress").expect("anybody may read the address");
    assert_eq!(answer.get("NewExternalIPAddress"), "11.11.11.2");
}

/// Sends a call for GetExternalIPAddress with this head, `{path}`, `{host}` and `{length}` replaced.
fn with_head(head: &str) -> Option<Response> {
    let bed = Bed::shared()?;
    let client = bed.client(1);
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    let head = head
        .replace("{path}", &control_url(&client))
        .replace("{host}", &client.server().to_string())
        .replace("{length}", &body.len().to_string());
    Some(client.exchange(&format!("{head}\r\n\r\n{body}")))
}

#[test]
fn an_answer_has_the_required_header_fields() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.post(
        &control_url(&client),
        ACTION,
        &soap::body(SERVICE, "GetExternalIPAddress", &[]),
    );
    answers(&response);
    assert_eq!(response.header("EXT"), Some(""), "EXT is there and empty");
    assert!(
        response
            .header("SERVER")
            .is_some_and(|server| server.contains("UPnP/1.")),
        "{response:?}"
    );
    assert!(
        response
            .header("CONTENT-TYPE")
            .is_some_and(|value| value.starts_with("text/xml")),
        "{response:?}"
    );
    assert_eq!(
        response.header("CONTENT-LENGTH"),
        Some(response.body.len().to_string().as_str())
    );
}

#[test]
fn the_header_fields_of_upnp_keep_their_capitals() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.post(
        &control_url(&client),
        ACTION,
        &soap::body(SERVICE, "GetExternalIPAddress", &[]),
    );
    assert!(
        response
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("ext")),
        "{response:?}"
    );
    // Field names are case-insensitive; naive peers are not.
    assert!(!response.headers.iter().any(|(name, _)| name == "ext"), "{response:?}");
}

#[test]
fn the_envelope_of_an_answer_declares_its_encoding() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.post(
        &control_url(&client),
        ACTION,
        &soap::body(SERVICE, "GetExternalIPAddress", &[]),
    );
    let envelope = xml::parse(&response.body).expect("well-formed");
    let style = envelope
        .attributes
        .iter()
        .find(|(name, _)| name.ends_with("encodingStyle"));
    assert_eq!(
        style.map(|(_, value)| value.as_str()),
        Some("http://schemas.xmlsoap.org/soap/encoding/")
    );
    let argument = envelope.find("NewExternalIPAddress").expect("the argument");
    assert_eq!(argument.namespace, "", "arguments are unqualified");
}

#[test]
fn a_fault_has_the_form_of_the_standard() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.post(
        &control_url(&client),
        &format!("{SERVICE}#Nothing"),
        &soap::body(SERVICE, "Nothing", &[]),
    );
    assert_eq!(response.status, 500);
    let envelope = xml::parse(&response.body).expect("well-formed");
    let fault = envelope.find("Fault").expect("a fault");
    assert_eq!(fault.namespace, ENVELOPE);
    assert_eq!(fault.child_names(), ["faultcode", "faultstring", "detail"]);
    assert!(
        fault.text_of("faultcode").ends_with(":Client"),
        "{}",
        fault.text_of("faultcode")
    );
    let error = fault
        .child("detail")
        .and_then(|detail| detail.child("UPnPError"))
        .expect("UPnPError");
    assert_eq!(error.child_names(), ["errorCode", "errorDescription"]);
}

#[test]
fn other_prefixes_are_understood() {
    is_answered(&format!(
        "<?xml version=\"1.0\"?><SOAP-ENV:Envelope xmlns:SOAP-ENV=\"{ENVELOPE}\"><SOAP-ENV:Body>\
         <m:GetExternalIPAddress xmlns:m=\"{SERVICE}\"></m:GetExternalIPAddress></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ));
}

#[test]
fn default_namespaces_are_understood() {
    is_answered(&format!(
        "<Envelope xmlns=\"{ENVELOPE}\"><Body><GetExternalIPAddress xmlns=\"{SERVICE}\"/></Body></Envelope>"
    ));
}

#[test]
fn an_empty_element_is_a_call_too() {
    is_answered(&soap::envelope(&format!(
        "<u:GetExternalIPAddress xmlns:u=\"{SERVICE}\" />"
    )));
}

#[test]
fn white_space_comments_and_a_byte_order_mark_are_skipped() {
    let body = soap::envelope(&format!(
        "\n  <!-- hello -->\n <u:GetExternalIPAddress xmlns:u=\"{SERVICE}\">\n</u:GetExternalIPAddress>\n"
    ));
    is_answered(&body);
    is_answered(&format!("\u{feff}{body}"));
}

#[test]
fn a_soap_header_is_skipped() {
    is_answered(&format!(
        "<s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Header><x>1</x></s:Header><s:Body>\
         <u:GetExternalIPAddress xmlns:u=\"{SERVICE}\"/></s:Body></s:Envelope>"
    ));
}

#[test]
fn a_soapaction_without_quotes_is_understood() {
    let head = "POST {path} HTTP/1.1\r\nHOST: {host}\r\nCONTENT-LENGTH: {length}\r\nCONTENT-TYPE: text/xml\r\n\
                CONNECTION: close\r\nSOAPACTION: urn:schemas-upnp-org:service:WANIPConnection:2#GetExternalIPAddress";
    if let Some(response) = with_head(head) {
        answers(&response);
    }
}

#[test]
fn a_soapaction_in_single_quotes_is_understood() {
    let head = "POST {path} HTTP/1.1\r\nHOST: {host}\r\nCONTENT-LENGTH: {length}\r\nCONTENT-TYPE: text/xml\r\n\
                CONNECTION: close\r\nSOAPACTION: 'urn:schemas-upnp-org:service:WANIPConnection:2#GetExternalIPAddress'";
    if let Some(response) = with_head(head) {
        answers(&response);
    }
}

#[test]
fn a_missing_charset_and_lower_case_names_are_understood() {
    let head = "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\ncontent-type: text/xml\r\n\
                connection: close\r\nsoapaction: \"urn:schemas-upnp-org:service:WANIPConnection:2#GetExternalIPAddress\"";
    if let Some(response) = with_head(head) {
        answers(&response);
    }
}

#[test]
fn a_missing_soapaction_is_400_or_dispatched_by_the_body() {
    let head = "POST {path} HTTP/1.1\r\nHOST: {host}\r\nCONTENT-LENGTH: {length}\r\nCONTENT-TYPE: text/xml\r\nCONNECTION: close";
    if let Some(response) = with_head(head) {
        assert!([200, 400].contains(&response.status), "{response:?}");
    }
}

#[test]
fn a_soapaction_that_contradicts_the_body_does_not_run_the_body() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let body = soap::body(SERVICE, "ForceTermination", &[]);
    let response = client.post(&control_url(&client), ACTION, &body);
    assert_ne!(response.status, 200, "{response:?}");
}

#[test]
fn an_action_of_another_service_is_401() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(
        client.call_service("WANCommonInterfaceConfig:1", "GetExternalIPAddress", &[]),
        &[401],
    );
}

#[test]
fn query_state_variable_answers() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for (variable, value) in [
        ("ConnectionStatus", "Connected"),
        ("ExternalIPAddress", "11.11.11.2"),
        ("NATEnabled", "1"),
    ] {
        assert_eq!(
            client.query("WANIPConnection:2", variable).as_deref(),
            Ok(value),
            "{variable}"
        );
    }
}

#[test]
fn query_state_variable_knows_every_evented_variable() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for variable in client
        .scpd("WANIPConnection:2")
        .variables
        .iter()
        .filter(|v| v.send_events == "yes")
    {
        client
            .query("WANIPConnection:2", &variable.name)
            .unwrap_or_else(|e| panic!("{}: {e}", variable.name));
    }
}

#[test]
fn query_state_variable_without_a_name_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let control = "urn:schemas-upnp-org:control-1-0";
    let body = soap::body(control, "QueryStateVariable", &[]);
    let response = client.post(&control_url(&client), &format!("{control}#QueryStateVariable"), &body);
    refused(soap::read(&response, control, "QueryStateVariable"), &[402, 404]);
}
