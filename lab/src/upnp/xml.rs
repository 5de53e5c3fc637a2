//! Documents as trees.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

/// An element with everything in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Name without prefix.
    pub name: String,
    /// Namespace that it is in; empty if none.
    pub namespace: String,
    /// Attributes without namespace declarations, names with prefix.
    pub attributes: Vec<(String, String)>,
    /// Elements in it, in order.
    pub children: Vec<Self>,
    /// Character data directly in it, entities resolved.
    pub text: String,
}

/// Parses a whole document.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(document: &str) -> Result<Element, String> {
    let mut reader = NsReader::from_str(document);
    // The bottom stands for the document; its only child is the root.
    let mut open = vec![Element::default()];
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|e| e.to_string())?;
        let innermost = open.last_mut().ok_or("more ends than starts")?;
        match event {
            Event::Start(start) => open.push(element(&namespace, &start)?),
            Event::Empty(start) => innermost.children.push(element(&namespace, &start)?),
            Event::End(_) => {
                let closed = open.pop().ok_or("more ends than starts")?;
                open.last_mut().ok_or("more ends than starts")?.children.push(closed);
            }
            Event::Text(text) => innermost.text += &text.xml_content(XmlVersion::Implicit1_0),
            Event::CData(data) => innermost.text += &data.into_inner(),
            Event::GeneralRef(name) => match name.resolve_char_ref().map_err(|e| e.to_string())? {
                Some(character) => innermost.text.push(character),
                None => innermost.text += predefined(&name)?,
            },
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::DocType(_) => return Err(String::from("a document type declaration")),
        }
    }
    let [mut document] =
        <[Element; 1]>::try_from(open).map_err(|open| format!("{} elements not closed", open.len() - 1))?;
    if !document.text.trim().is_empty() {
        return Err(format!("text outside the root: {:?}", document.text));
    }
    match document.children.len() {
        1 => Ok(document.children.remove(0)),
        n => Err(format!("{n} root elements")),
    }
}

/// Escapes character data.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Element {
    /// First child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Text of the first child of that name, trimmed; empty if there is none.
    pub fn text_of(&self, name: &str) -> String {
        self.child(name)
            .map(|child| child.text.trim().to_owned())
            .unwrap_or_default()
    }

    /// Value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// First element of that name at any depth, itself included.
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// Names of its children, in order.
    pub fn child_names(&self) -> Vec<&str> {
        self.children.iter().map(|child| child.name.as_str()).collect()
    }
}

fn element(namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Result<Element, String> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.0.to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(prefix) => return Err(format!("undeclared prefix {prefix:?}")),
    };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let key = attribute.key.0;
        if key == "xmlns" || key.starts_with("xmlns:") {
            continue;
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|e| e.to_string())?;
        attributes.push((key.to_owned(), value.into_owned()));
    }
    let name = start.local_name();
    let name: &str = name.as_ref();
    Ok(Element {
        name: name.to_owned(),
        namespace,
        attributes,
        ..Element::default()
    })
}

fn predefined(entity: &str) -> Result<&'static str, String> {
    match entity {
        "amp" => Ok("&"),
        "lt" => Ok("<"),
        "gt" => Ok(">"),
        "quot" => Ok("\""),
        "apos" => Ok("'"),
        other => Err(format!("unknown entity {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_a_tree() {
        let document = "<?xml version='1.0'?><a xmlns='urn:x' k='1&amp;2'>t&lt;&#65;<p:b xmlns:p='urn:y'/><c><![CDATA[<]]></c></a>";
        let root = parse(document).unwrap();
        assert_eq!(
            (root.name.as_str(), root.namespace.as_str(), root.text.as_str()),
            ("a", "urn:x", "t<A")
        );
        assert_eq!(root.attribute("k"), Some("1&2"));
        assert_eq!(root.child("b").map(|b| b.namespace.as_str()), Some("urn:y"));
        assert_eq!(root.text_of("c"), "<");
    }

    #[test]
    fn broken_documents_are_refused() {
        for broken in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<p:a/>",
            "<a>&x;</a>",
            "text",
            "<!DOCTYPE a><a/>",
        ] {
            assert!(parse(broken).is_err(), "{broken:?}");
        }
    }
}
