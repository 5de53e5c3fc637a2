//! Rendering of what a control point asks.

use super::QUERY;
use crate::soap::{CONTROL_NAMESPACE, ENVELOPE_END, ENVELOPE_START, FRAME};
use crate::xml::XmlWriter;

/// The body of a call of an action; `arguments` are names and texts in the order of the service's description, which
/// is the order that gateways want.
///
/// Prefixes are `s:` and `u:` and no default namespace is declared, because some gateways answer anything else with
/// 500; in texts only `&`, `<` and `>` are escaped, because some decode nothing else. Characters that no name may have
/// are left out of names, since those of a raw call may come from a gateway.
pub fn render_request<'a>(
    service_type: &str,
    action: &str,
    arguments: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut xml = XmlWriter::document(FRAME + 512);
    let name = format!("u:{}", name(action));
    xml.markup(ENVELOPE_START);
    xml.open_with(&name, &[("xmlns:u", &visible(service_type))]);
    for (argument, text) in arguments {
        xml.leaf(&self::name(argument), text);
    }
    xml.close(&name);
    xml.markup(ENVELOPE_END);
    xml.finish()
}

/// The body of a request for the value of a state variable (UDA 1.0 section 3.3); its SOAPACTION header is
/// [`query_soap_action`].
pub fn render_query(variable: &str) -> String {
    let mut xml = XmlWriter::document(FRAME + 128);
    xml.markup(ENVELOPE_START);
    xml.open_with("u:QueryStateVariable", &[("xmlns:u", CONTROL_NAMESPACE)]);
    xml.leaf("u:varName", variable);
    xml.close("u:QueryStateVariable");
    xml.markup(ENVELOPE_END);
    xml.finish()
}

/// The value of the SOAPACTION header for a body that [`render_request`] made of the same service type and action.
pub fn soap_action(service_type: &str, action: &str) -> String {
    format!("\"{}#{}\"", visible(service_type), name(action))
}

/// The [`soap_action`] for [`render_query`].
pub fn query_soap_action() -> String {
    soap_action(CONTROL_NAMESPACE, QUERY)
}

/// The characters of a text that may stand in a name.
fn name(text: &str) -> String {
    let legal = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.chars().filter(legal).collect()
}

/// The characters of a text that may stand in a quoted header.
fn visible(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() && *c != '"').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAN_IP: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";

    #[test]
    fn a_request_escapes_only_what_it_must() {
        let body = render_request(
            WAN_IP,
            "AddPortMapping",
            [("NewPortMappingDescription", "\"Tom's\" <&>")],
        );
        assert_eq!(
            body,
            "<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
             <u:AddPortMapping xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\">\
             <NewPortMappingDescription>\"Tom's\" &lt;&amp;&gt;</NewPortMappingDescription>\
             </u:AddPortMapping></s:Body></s:Envelope>\r\n"
        );
    }

    #[test]
    fn names_of_strangers_break_neither_header_nor_document() {
        assert_eq!(
            soap_action(WAN_IP, "AddPortMapping"),
            format!("\"{WAN_IP}#AddPortMapping\"")
        );
        assert_eq!(soap_action("urn:x\"\r\nHost: y", "A\r\n#b"), "\"urn:xHost:y#Ab\"");
        let body = render_request("urn:x\">", "A><b", [("c d/", "1")]);
        assert!(body.contains("<u:Ab xmlns:u=\"urn:x&gt;\"><cd>1</cd></u:Ab>"), "{body}");
    }
}
