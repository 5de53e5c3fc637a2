//! The body of an event message (UDA 1.1 section 4.3.2).

use crate::xml::{self, Ampersands, XmlError};

/// Most bytes of a body; a gateway's state takes some hundred.
pub const MAX_BODY: usize = 64 * 1024;

/// Most variables in one message.
pub const MAX_PROPERTIES: usize = 64;

/// Most bytes of a variable's name that is kept.
const LONGEST_NAME: usize = 64;

/// A variable and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The state variable.
    pub name: String,
    /// Its value as text, without white space around it.
    pub value: String,
}

/// Why a document is no set of properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropertySetError {
    /// More than [`MAX_BODY`] bytes.
    #[error("the message is longer than {MAX_BODY} bytes")]
    TooLong,
    /// More than [`MAX_PROPERTIES`].
    #[error("the message has more than {MAX_PROPERTIES} variables")]
    TooMany,
    /// Not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// A document of another kind.
    #[error("the document is not a set of properties")]
    NotPropertySet,
}

/// Reads the variables in their order. Namespaces, prefixes and the letter case of what surrounds variables do not
/// matter, several may share one `property`, and what follows the document is ignored; the document must be whole.
pub fn properties(body: &[u8]) -> Result<Vec<Property>, PropertySetError> {
    if body.len() > MAX_BODY {
        return Err(PropertySetError::TooLong);
    }
    let text = xml::decode_leniently(body);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let root = xml::parse(text, Ampersands::Raw)?;
    if !root.is_named("propertyset") {
        return Err(PropertySetError::NotPropertySet);
    }
    let sets = root.children().iter().filter(|child| child.is_named("property"));
    let variables = sets.flat_map(|set| set.children());
    let mut properties = Vec::new();
    for variable in variables.filter(|variable| variable.name().len() <= LONGEST_NAME) {
        if properties.len() == MAX_PROPERTIES {
            return Err(PropertySetError::TooMany);
        }
        // A value that is XML itself, which some gateways forget to escape.
        let value = match variable.children() {
            [] => variable.text(),
            _ => variable.markup(),
        };
        let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        properties.push(Property {
            name: variable.name().to_owned(),
            value: value.to_owned(),
        });
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gena::Notify;
    use crate::{Url, Uuid};

    fn pairs(body: &str) -> Vec<(String, String)> {
        let read = properties(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"));
        read.into_iter()
            .map(|property| (property.name, property.value))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn what_our_gateway_sends_is_read() {
        let callback = Url::parse("http://192.168.77.11/").unwrap();
        let message = Notify {
            callback: &callback,
            sid: Uuid::from_random(0),
            seq: 0,
            properties: &[("ConnectionStatus", "a<b".into()), ("SystemUpdateID", 5u32.into())],
        };
        let rendered = message.render();
        let (_, body) = rendered.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            pairs(body),
            [pair("ConnectionStatus", "a<b"), pair("SystemUpdateID", "5")]
        );
    }

    #[test]
    fn frames_of_others_are_read_too() {
        let expected = [pair("ExternalIPAddress", "1.2.3.4"), pair("X", "")];
        for body in [
            "<propertyset><property><ExternalIPAddress>\n1.2.3.4\t</ExternalIPAddress></property>\
             <property><X/></property></propertyset>",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\" \
             xmlns:s=\"urn:x\"><e:property><s:ExternalIPAddress>1.2.3.4</s:ExternalIPAddress></e:property>\
             <e:property><X></X></e:property></e:propertyset>\0\0 rubbish",
            "<E:PropertySet><E:Property><ExternalIPAddress>1.2.3.4</ExternalIPAddress><X> </X></E:Property>\
             </E:PropertySet>",
        ] {
            assert_eq!(pairs(body), expected, "{body}");
        }
        let unescaped = "<propertyset><property><A>b & c</A><L><Event val=\"1\"/></L></property></propertyset>";
        assert_eq!(pairs(unescaped), [pair("A", "b & c"), pair("L", "<Event val=\"1\"/>")]);
        assert_eq!(pairs("<propertyset/>"), []);
    }

    #[test]
    fn what_is_something_else_too_much_or_cut_off_is_refused() {
        let many = |count| {
            let one = "<property><A>1</A></property>";
            format!("<propertyset>{}</propertyset>", one.repeat(count))
        };
        assert_eq!(
            properties(many(MAX_PROPERTIES).as_bytes()).unwrap().len(),
            MAX_PROPERTIES
        );
        assert_eq!(
            properties(many(MAX_PROPERTIES + 1).as_bytes()),
            Err(PropertySetError::TooMany)
        );
        let long = format!("<propertyset>{}</propertyset>", " ".repeat(MAX_BODY));
        assert_eq!(properties(long.as_bytes()), Err(PropertySetError::TooLong));
        assert_eq!(properties(b"<html></html>"), Err(PropertySetError::NotPropertySet));
        for broken in [
            "",
            "<propertyset><property><A>1</A></property>",
            "<!DOCTYPE x [<!ENTITY a \"b\">]><propertyset/>",
        ] {
            assert!(
                matches!(properties(broken.as_bytes()), Err(PropertySetError::Xml(_))),
                "{broken}"
            );
        }
        let name = "N".repeat(65);
        assert_eq!(
            pairs(&format!(
                "<propertyset><property><{name}>1</{name}></property></propertyset>"
            )),
            []
        );
    }
}
