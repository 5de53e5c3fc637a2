//! Reading XML of strangers into a small tree, within limits and without document type definitions.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Deepest nesting accepted. A SOAP request needs 4, the description of a gateway about 10.
pub const MAX_DEPTH: usize = 16;

/// Most elements accepted in one document: a port listing of over ten thousand entries.
pub const MAX_ELEMENTS: usize = 100_000;

/// Why a document was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// Neither UTF-8 nor declared as Latin-1.
    #[error("the document is not UTF-8")]
    Encoding,
    /// A document type definition, which could define entities.
    #[error("a document type definition is not accepted")]
    DocType,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("elements are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// More than [`MAX_ELEMENTS`].
    #[error("the document has more than {MAX_ELEMENTS} elements")]
    TooLarge,
    /// Not well-formed, or cut off.
    #[error("the document is not well-formed XML")]
    IllFormed,
}

/// What to do with an ampersand that starts no known reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ampersands {
    /// Refuse the document, as XML wants it.
    Escaped,
    /// Take it as it stands.
    Raw,
}

/// An element with what it contains.
#[derive(Debug)]
pub struct Element<'a> {
    tag: BytesStart<'a>,
    text: Cow<'a, str>,
    markup: &'a str,
    complete: bool,
    children: Vec<Self>,
}

impl<'a> Element<'a> {
    /// The name without its prefix.
    pub fn name(&self) -> &str {
        self.tag.local_name().into_inner()
    }

    /// The element's own text, without that of its children.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All that stands between the start and the end tag, as it stands there; empty unless the element is complete.
    pub fn markup(&self) -> &'a str {
        self.markup
    }

    /// Whether its end tag was there. Always, except for what [`parse_cut_off`] read.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The text without white space around it.
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// The child elements, in order.
    pub fn children(&self) -> &[Self] {
        &self.children
    }

    /// The first child of this local name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children_named(name).next()
    }

    /// All children of this local name.
    pub fn children_named(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name() == name)
    }

    /// The first child of this local name in any letter case.
    pub fn child_in_any_case(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is_named(name))
    }

    /// Whether this is its local name, in any letter case.
    pub fn is_named(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    /// The first element, this one or one within it, that is wanted; the outer before the inner.
    pub fn find(&self, wanted: &impl Fn(&Self) -> bool) -> Option<&Self> {
        match wanted(self) {
            true => Some(self),
            false => self.children.iter().find_map(|child| child.find(wanted)),
        }
    }

    /// The trimmed text of the first child of this local name; empty if there is none.
    pub fn child_text(&self, name: &str) -> &str {
        self.child(name).map_or("", Element::trimmed)
    }

    /// The value of the attribute of this (prefixed) name. A value that cannot be read counts as absent.
    pub fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let attribute = self.tag.try_get_attribute(name).ok()??;
        attribute.normalized_value(XmlVersion::Implicit1_0).ok()
    }
}

/// The namespace of the last element of a path that starts at the root; `None` if its prefix is declared nowhere.
pub(crate) fn namespace<'p>(path: &[&'p Element<'_>]) -> Option<Cow<'p, str>> {
    let prefix = path.last()?.tag.name().prefix();
    let declaration = match prefix {
        Some(prefix) => format!("xmlns:{}", prefix.into_inner()),
        None => "xmlns".to_owned(),
    };
    path.iter().rev().find_map(|element| element.attribute(&declaration))
}

/// Takes bytes as text: UTF-8 with or without byte order mark, or what declares itself as Latin-1 and is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    let start = bytes[..bytes.len().min(128)].to_ascii_lowercase();
    let declared = |encoding: &[u8]| start.windows(encoding.len()).any(|window| window == encoding);
    if !declared(b"iso-8859-1") && !declared(b"windows-1252") && !declared(b"latin1") {
        return Err(XmlError::Encoding);
    }
    Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()))
}

/// Takes bytes as text, whatever they are: like [`decode`], but what is neither UTF-8 nor declared is Latin-1 byte by
/// byte, since there are gateways that pass on the descriptions of mappings as they got them.
pub fn decode_leniently(bytes: &[u8]) -> Cow<'_, str> {
    decode(bytes).unwrap_or_else(|_| {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
        }
        Cow::Owned(text)
    })
}

/// Parses a document up to the end of its root element; what follows is ignored, since some devices send rubbish there.
pub fn parse(text: &str, ampersands: Ampersands) -> Result<Element<'_>, XmlError> {
    let root = parse_cut_off(text, ampersands)?;
    match root.complete {
        true => Ok(root),
        false => Err(XmlError::IllFormed),
    }
}

/// Parses as much of a document as is well-formed. The elements that were open where it ended are there with what had
/// come of them, and are not [complete](Element::is_complete). Refused is what has no root element or breaks a limit.
pub fn parse_cut_off(text: &str, ampersands: Ampersands) -> Result<Element<'_>, XmlError> {
    let text = text.trim_start();
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = ampersands == Ampersands::Raw;
    let mut open: Vec<Element<'_>> = Vec::with_capacity(MAX_DEPTH);
    // Where the content of each open element starts.
    let mut starts: Vec<usize> = Vec::with_capacity(MAX_DEPTH);
    let mut elements = 0;

    loop {
        let before = position(&reader);
        let Ok(event) = reader.read_event() else {
            return close_all(open);
        };
        let closed = match event {
            Event::Start(tag) => {
                count(&mut elements, open.len())?;
                open.push(Element::new(tag));
                starts.push(position(&reader));
                continue;
            }
            Event::Empty(tag) => {
                count(&mut elements, open.len())?;
                Element::new(tag)
            }
            Event::End(_) => {
                let (Some(element), Some(start)) = (open.pop(), starts.pop()) else {
                    return Err(XmlError::IllFormed);
                };
                let markup = text.get(start..before).unwrap_or_default();
                Element { markup, ..element }
            }
            Event::Text(text) => {
                append(&mut open, text.xml10_content());
                continue;
            }
            Event::CData(text) => {
                append(&mut open, text.xml10_content());
                continue;
            }
            Event::GeneralRef(reference) => {
                match resolve(&reference, ampersands) {
                    Ok(text) => append(&mut open, text),
                    Err(_) => return close_all(open),
                }
                continue;
            }
            Event::DocType(_) => return Err(XmlError::DocType),
            Event::Eof => return close_all(open),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
        };
        let closed = Element {
            complete: true,
            ..closed
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => return Ok(closed),
        }
    }
}

impl<'a> Element<'a> {
    fn new(tag: BytesStart<'a>) -> Self {
        Self {
            tag,
            text: Cow::Borrowed(""),
            markup: "",
            complete: false,
            children: Vec::new(),
        }
    }
}

/// Makes a tree of the elements that nothing closed.
fn close_all(open: Vec<Element<'_>>) -> Result<Element<'_>, XmlError> {
    let inner_to_outer = open.into_iter().rev();
    let root = inner_to_outer.reduce(|inner, mut outer| {
        outer.children.push(inner);
        outer
    });
    root.ok_or(XmlError::IllFormed)
}

/// How far the reader is. It reads from a string in memory, whose length fits.
fn position(reader: &Reader<&[u8]>) -> usize {
    reader.buffer_position() as usize
}

fn count(elements: &mut usize, depth: usize) -> Result<(), XmlError> {
    *elements += 1;
    match () {
        () if depth >= MAX_DEPTH => Err(XmlError::TooDeep),
        () if *elements > MAX_ELEMENTS => Err(XmlError::TooLarge),
        () => Ok(()),
    }
}

/// Adds text to the innermost open element; text outside of the root is dropped.
fn append<'a>(open: &mut [Element<'a>], text: Cow<'a, str>) {
    let Some(element) = open.last_mut() else { return };
    if element.text.is_empty() {
        element.text = text;
    } else {
        element.text.to_mut().push_str(&text);
    }
}

fn resolve<'a>(reference: &BytesRef<'a>, ampersands: Ampersands) -> Result<Cow<'a, str>, XmlError> {
    let known = match &**reference {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        name => {
            return match (reference.resolve_char_ref(), ampersands) {
                (Ok(Some(character)), _) => Ok(character.to_string().into()),
                (_, Ampersands::Raw) => Ok(format!("&{name};").into()),
                (_, Ampersands::Escaped) => Err(XmlError::IllFormed),
            };
        }
    };
    Ok(Cow::Borrowed(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(document: &str, ampersands: Ampersands) -> Result<String, XmlError> {
        parse(document, ampersands).map(|root| root.text().to_owned())
    }

    #[test]
    fn prefixes_comments_cdata_and_references() {
        let document =
            "\n <?xml version='1.0'?><!-- c --><p:a x='1 &amp; 2'>t<b/>&lt;<![CDATA[<&]]>&#65;&#x42;</p:a>\0\0";
        let root = parse(document, Ampersands::Escaped).unwrap();
        assert_eq!(root.name(), "a");
        assert_eq!(root.text(), "t<<&AB");
        assert_eq!(root.attribute("x").as_deref(), Some("1 & 2"));
        assert_eq!(root.attribute("y"), None);
        assert!(root.child("b").is_some());
    }

    #[test]
    fn raw_ampersands_only_where_tolerated() {
        for (document, meant) in [
            ("<a>Tom & Jerry</a>", "Tom & Jerry"),
            ("<a>&</a>", "&"),
            ("<a>x&y;z &unknown; &#xZZ;</a>", "x&y;z &unknown; &#xZZ;"),
            ("<a>&amp;&&lt;</a>", "&&<"),
        ] {
            assert_eq!(text_of(document, Ampersands::Raw).as_deref(), Ok(meant));
            assert_eq!(
                text_of(document, Ampersands::Escaped),
                Err(XmlError::IllFormed),
                "{document}"
            );
        }
    }

    #[test]
    fn document_types_are_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;'>]><a>&c;</a>";
        assert_eq!(text_of(bomb, Ampersands::Raw), Err(XmlError::DocType));
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH), Ampersands::Escaped).is_ok());
        let refused = parse(&nested(MAX_DEPTH + 1), Ampersands::Escaped).map(|_| ());
        assert_eq!(refused, Err(XmlError::TooDeep));
    }

    #[test]
    fn number_of_elements_is_limited() {
        let wide = |children| format!("<a>{}</a>", "<b/>".repeat(children));
        assert!(parse(&wide(MAX_ELEMENTS - 1), Ampersands::Escaped).is_ok());
        let refused = parse(&wide(MAX_ELEMENTS), Ampersands::Escaped).map(|_| ());
        assert_eq!(refused, Err(XmlError::TooLarge));
    }

    #[test]
    fn broken_documents_are_refused() {
        for document in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "</a>",
            "<a><b></a></b>",
            "<a",
            "<?xml",
            "<!--",
        ] {
            assert_eq!(
                text_of(document, Ampersands::Raw),
                Err(XmlError::IllFormed),
                "{document}"
            );
        }
    }

    #[test]
    fn what_came_before_the_cut_is_there() {
        let whole = "<a><b>1</b><c x='y'>2<d/></c></a>rubbish";
        let root = parse_cut_off(whole, Ampersands::Escaped).unwrap();
        assert!(root.is_complete() && root.children().iter().all(Element::is_complete));
        assert_eq!(root.child("c").unwrap().markup(), "2<d/>");
        for cut in ["<a><b>1</b><c x='y'>2<d/></c></a", "<a><b>1</b><c x='y'>2<d/></c></x>"] {
            let root = parse_cut_off(cut, Ampersands::Escaped).unwrap();
            assert!(!root.is_complete(), "{cut}");
            assert!(root.children().iter().all(Element::is_complete), "{cut}");
        }
        for cut in [
            "<a><b>1</b><c x='y'>2",
            "<a><b>1</b><c x='y'>2</",
            "<a><b>1</b><c x='y'>&#x;",
        ] {
            let root = parse_cut_off(cut, Ampersands::Escaped).unwrap();
            assert_eq!(root.child_text("b"), "1", "{cut}");
            let c = root.child("c").unwrap();
            assert!(!c.is_complete() && c.markup().is_empty(), "{cut}");
        }
        for nothing in ["", "<a", "x", "</a>"] {
            let refused = parse_cut_off(nothing, Ampersands::Escaped).map(|_| ());
            assert_eq!(refused, Err(XmlError::IllFormed), "{nothing}");
        }
    }

    #[test]
    fn bytes_of_no_encoding_are_latin_1_where_tolerated() {
        assert_eq!(decode_leniently(b"\xef\xbb\xbf<a>\xfc</a>"), "<a>\u{fc}</a>");
        assert_eq!(decode_leniently("\u{fc}\u{6f22}".as_bytes()), "\u{fc}\u{6f22}");
        assert_eq!(
            decode_leniently(b"\xc3\xbc \xfc \xe6\xbc"),
            "\u{fc} \u{fc} \u{e6}\u{bc}"
        );
    }

    #[test]
    fn encodings() {
        assert_eq!(decode(b"\xef\xbb\xbf<a/>").as_deref(), Ok("<a/>"));
        assert_eq!(decode("<a>ü</a>".as_bytes()).as_deref(), Ok("<a>ü</a>"));
        assert_eq!(decode(b"<a>\xfc</a>"), Err(XmlError::Encoding));
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>";
        assert!(decode(latin).unwrap().ends_with("<a>ü</a>"));
        assert_eq!(decode(b"\xff\xfe<\0a\0/\0>\0"), Err(XmlError::Encoding));
    }

    #[test]
    fn namespaces_are_those_of_the_nearest_declaration() {
        let document = "<s:e xmlns:s='S' xmlns='D' xmlns:u='OUTER'><b><u:x xmlns:u='INNER'/><y/><v:z/></b></s:e>";
        let root = parse(document, Ampersands::Escaped).unwrap();
        let body = root.child("b").unwrap();
        let of = |name| namespace(&[&root, body, body.child(name).unwrap()]);
        assert_eq!(of("x").as_deref(), Some("INNER"));
        assert_eq!(of("y").as_deref(), Some("D"));
        assert_eq!(of("z"), None);
    }
}
