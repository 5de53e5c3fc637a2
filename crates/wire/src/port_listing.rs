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

/// Reads a listing, with any prefix and in any order of elements. An empty text is an empty listing; one that is
/// escaped once more than needed is unescaped; names and numbers are those of the field, not only of the standard.
pub fn parse(text: &str) -> Result<Vec<PortMappingEntry<'static>>, ListingError> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}');
    if text.is_empty() {
        return Ok(Vec::new());
    }
    match text.starts_with("&lt;") {
        true => parse_list(&unescape(text)?),
        false => parse_list(text),
    }
}

fn parse_list(text: &str) -> Result<Vec<PortMappingEntry<'static>>, ListingError> {
    let list = xml::parse(text, Ampersands::Raw)?;
    let entries = list.children().iter();
    entries
        .filter(|child| child.is_named("PortMappingEntry"))
        .map(parse_entry)
        .collect()
}

/// Takes away one level of escaping.
fn unescape(text: &str) -> Result<String, XmlError> {
    let wrapped = format!("<a>{text}</a>");
    xml::parse(&wrapped, Ampersands::Raw).map(|element| element.text().to_owned())
}

fn parse_entry(entry: &Element<'_>) -> Result<PortMappingEntry<'static>, ListingError> {
    let field = |names: &[&str]| {
        let found = names.iter().find_map(|name| entry.child_in_any_case(name));
        found.map_or("", Element::text)
    };
    let trimmed = |name| -> Cow<'static, str> { field(&[name]).trim().to_owned().into() };
    Ok(PortMappingEntry {
        remote_host: trimmed("NewRemoteHost"),
        external_port: ui2("NewExternalPort", field(&["NewExternalPort"]))?,
        protocol: trimmed("NewProtocol"),
        internal_port: ui2("NewInternalPort", field(&["NewInternalPort"]))?,
        internal_client: trimmed("NewInternalClient"),
        enabled: match DataType::Boolean.parse(field(&["NewEnabled"])) {
            Ok(Value::Boolean(enabled)) => enabled,
            _ => return Err(ListingError::Entry("NewEnabled")),
        },
        // The names that the actions have for these are an easy mistake.
        description: field(&["NewDescription", "NewPortMappingDescription"])
            .to_owned()
            .into(),
        lease_time: match DataType::Ui4.parse_answer(field(&["NewLeaseTime", "NewLeaseDuration"])) {
            Ok(Value::Ui4(seconds)) => seconds,
            _ => return Err(ListingError::Entry("NewLeaseTime")),
        },
    })
}

fn ui2(name: &'static str, text: &str) -> Result<u16, ListingError> {
    match DataType::Ui2.parse(text) {
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

    #[test]
    fn listings_that_are_empty_or_escaped_once_too_often_are_read() {
        for empty in ["", " \n\0", "<PortMappingList/>", "&lt;p:PortMappingList/&gt;"] {
            assert_eq!(parse(empty), Ok(Vec::new()), "{empty:?}");
        }
        let entry = entry("Tom & <Jerry>");
        let listing = render([entry.clone()]);
        assert_eq!(parse(&xml::escape(&listing)).unwrap(), std::slice::from_ref(&entry));
        let of_actions = listing
            .replace("NewDescription", "NewPortMappingDescription")
            .replace("NewLeaseTime", "newleaseduration");
        assert_eq!(parse(&of_actions).unwrap(), [entry]);
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
