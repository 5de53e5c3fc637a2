//! The XML document that GetListOfPortMappings returns as text (WANIPConnection:2 section 2.3.25).

use std::borrow::Cow;

use crate::value::{DataType, Value};
use crate::xml::{self, Ampersands, Element, XmlError, XmlWriter};

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMappingEntry<'a> {
    /// Remote host that may use the mapping; empty for any.
    pub remote_host: Cow<'a, str>,
    /// External port.
    pub external_port: u16,
    /// `TCP` or `UDP`.
    pub protocol: Cow<'a, str>,
    /// Internal port.
    pub internal_port: u16,
    /// Internal client.
    pub internal_client: Cow<'a, str>,
    /// Whether the mapping is in force.
    pub enabled: bool,
    /// Free text.
    pub description: Cow<'a, str>,
    /// Seconds left; 0 for a mapping without end.
    pub lease_time: u32,
}

/// Why a listing was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// Not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// An entry lacks this element, or its value is not of its type.
    #[error("an entry has no valid {0}")]
    Entry(&'static str),
}

/// Renders a listing. The result is an argument's value, so it is escaped once more in the SOAP answer.
pub fn render<'a>(entries: impl IntoIterator<Item = PortMappingEntry<'a>>) -> String {
    let entries = entries.into_iter();
    let mut xml = XmlWriter::fragment(300 + entries.size_hint().0 * 400);
    xml.markup(LIST_START);
    for entry in entries {
        xml.markup("<p:PortMappingEntry>");
        xml.leaf("p:NewRemoteHost", &entry.remote_host);
        xml.leaf_display("p:NewExternalPort", entry.external_port);
        xml.leaf("p:NewProtocol", &entry.protocol);
        xml.leaf_display("p:NewInternalPort", entry.internal_port);
        xml.leaf("p:NewInternalClient", &entry.internal_client);
        xml.leaf("p:NewEnabled", if entry.enabled { "1" } else { "0" });
        xml.leaf("p:NewDescription", &entry.description);
        xml.leaf_display("p:NewLeaseTime", entry.lease_time);
        xml.markup("</p:PortMappingEntry>");
    }
    xml.markup("</p:PortMappingList>");
    xml.finish()
}

/// Reads a listing, with any prefix and in any order of elements.
pub fn parse(text: &str) -> Result<Vec<PortMappingEntry<'static>>, ListingError> {
    let list = xml::parse(text, Ampersands::Raw)?;
    list.children_named("PortMappingEntry").map(parse_entry).collect()
}

fn parse_entry(entry: &Element<'_>) -> Result<PortMappingEntry<'static>, ListingError> {
    let text = |name| -> Cow<'static, str> { entry.child(name).map_or("", Element::text).to_owned().into() };
    Ok(PortMappingEntry {
        remote_host: text("NewRemoteHost"),
        external_port: ui2(entry, "NewExternalPort")?,
        protocol: text("NewProtocol"),
        internal_port: ui2(entry, "NewInternalPort")?,
        internal_client: text("NewInternalClient"),
        enabled: match DataType::Boolean.parse(entry.child_text("NewEnabled")) {
            Ok(Value::Boolean(enabled)) => enabled,
            _ => return Err(ListingError::Entry("NewEnabled")),
        },
        description: text("NewDescription"),
        lease_time: match DataType::Ui4.parse(entry.child_text("NewLeaseTime")) {
            Ok(Value::Ui4(seconds)) => seconds,
            _ => return Err(ListingError::Entry("NewLeaseTime")),
        },
    })
}

fn ui2(entry: &Element<'_>, name: &'static str) -> Result<u16, ListingError> {
    match DataType::Ui2.parse(entry.child_text(name)) {
        Ok(Value::Ui2(number)) => Ok(number),
        _ => Err(ListingError::Entry(name)),
    }
}

const LIST_START: &str = "<p:PortMappingList xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
     xsi:schemaLocation=\"urn:schemas-upnp-org:gw:WANIPConnection \
     http://www.upnp.org/schemas/gw/WANIPConnection-v2.xsd\">";

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(description: &str) -> PortMappingEntry<'_> {
        PortMappingEntry {
            remote_host: "".into(),
            external_port: 8080,
            protocol: "TCP".into(),
            internal_port: 80,
            internal_client: "192.168.77.2".into(),
            enabled: true,
            description: description.into(),
            lease_time: 3600,
        }
    }

    #[test]
    fn descriptions_with_markup_survive() {
        for description in ["", "plain", "]]>", "<b>&amp;</b>", " a\r\n\tb ", "\"'", "漢字 ü 🦀"] {
            assert_eq!(parse(&render([entry(description)])).unwrap(), [entry(description)]);
        }
    }

    #[test]
    fn an_empty_listing_is_well_formed() {
        assert_eq!(parse(&render([])), Ok(Vec::new()));
    }

    #[test]
    fn the_error_names_the_element() {
        let broken = render([entry("x")]).replace("<p:NewExternalPort>8080", "<p:NewExternalPort>99999");
        assert_eq!(parse(&broken), Err(ListingError::Entry("NewExternalPort")));
        assert_eq!(parse("<a"), Err(ListingError::Xml(XmlError::IllFormed)));
    }

    /// As miniupnpd prints it: with a declaration, other white space, and in CDATA further out.
    #[test]
    fn listings_of_others_are_read() {
        let text = "<?xml version=\"1.0\"?>\n<q:PortMappingList xmlns:q='urn:schemas-upnp-org:gw:WANIPConnection'>\n \
            <q:PortMappingEntry>\n<q:NewRemoteHost></q:NewRemoteHost>\n<q:NewExternalPort> 8080 </q:NewExternalPort>\n\
            <q:NewProtocol>TCP</q:NewProtocol>\n<q:NewInternalPort>80</q:NewInternalPort>\n\
            <q:NewInternalClient>192.168.77.2</q:NewInternalClient>\n<q:NewEnabled>1</q:NewEnabled>\n\
            <q:NewDescription>x</q:NewDescription>\n<q:NewLeaseTime>3600</q:NewLeaseTime>\n\
            </q:PortMappingEntry>\n</q:PortMappingList>";
        assert_eq!(parse(text).unwrap(), [entry("x")]);
    }
}
