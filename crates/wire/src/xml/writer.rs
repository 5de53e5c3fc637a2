//! Writing XML.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

/// Writes elements into a string. Texts and attribute values are escaped, and characters that XML 1.0 forbids are
/// dropped; names are the caller's constants and taken as they are.
pub struct XmlWriter {
    out: String,
}

impl XmlWriter {
    /// A document that starts with the XML declaration and has room for `capacity` bytes.
    pub fn document(capacity: usize) -> Self {
        let mut writer = Self::fragment(capacity);
        writer.out.push_str("<?xml version=\"1.0\"?>\n");
        writer
    }

    /// A document without a declaration, with room for `capacity` bytes.
    pub fn fragment(capacity: usize) -> Self {
        Self {
            out: String::with_capacity(capacity),
        }
    }

    /// Adds markup that is known to be well-formed.
    pub fn markup(&mut self, markup: &'static str) {
        self.out.push_str(markup);
    }

    /// Adds `<name>`.
    pub fn open(&mut self, name: &str) {
        self.open_with(name, &[]);
    }

    /// Adds `<name attribute="value" ...>`.
    pub fn open_with(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            push_escaped(&mut self.out, value, Place::Attribute);
            self.out.push('"');
        }
        self.out.push('>');
    }

    /// Adds `</name>`.
    pub fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Adds `<name>content</name>`.
    pub fn leaf(&mut self, name: &str, content: &str) {
        self.open(name);
        push_escaped(&mut self.out, content, Place::Text);
        self.close(name);
    }

    /// Adds `<name>content</name>` with the content's display form, without a string in between.
    pub fn leaf_display(&mut self, name: &str, content: impl Display) {
        self.open(name);
        // Writing into a string cannot fail.
        let _ = write!(EscapeInto(&mut self.out), "{content}");
        self.close(name);
    }

    /// The document so far.
    pub fn finish(self) -> String {
        self.out
    }
}

/// Escapes text for the content of an element. Quotation marks stay as they are, because some control points do not
/// decode `&quot;` and `&apos;`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if first_special(text, Place::Text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 32);
    push_escaped(&mut out, text, Place::Text);
    Cow::Owned(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

struct EscapeInto<'a>(&'a mut String);

impl Write for EscapeInto<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.0, text, Place::Text);
        Ok(())
    }
}

fn push_escaped(out: &mut String, text: &str, place: Place) {
    let mut rest = text;
    while let Some(at) = first_special(rest, place) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            // Needed only in `]]>`, but shorter to always do than to explain.
            Some('>') => out.push_str("&gt;"),
            Some('"') => out.push_str("&quot;"),
            // A parser turns these into other white space unless they are references.
            Some('\r') => out.push_str("&#13;"),
            Some('\n') => out.push_str("&#10;"),
            Some('\t') => out.push_str("&#9;"),
            // What is left is what XML forbids in any form.
            _ => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

/// Position of the first character that cannot stay as it is.
fn first_special(text: &str, place: Place) -> Option<usize> {
    // The two forbidden characters beyond ASCII, U+FFFE and U+FFFF, start with this byte in UTF-8.
    const FORBIDDEN_LEAD: u8 = 0xef;
    text.bytes().enumerate().find_map(|(at, byte)| {
        let special = match byte {
            b'&' | b'<' | b'>' | b'\r' => true,
            b'"' | b'\n' | b'\t' => place == Place::Attribute,
            0..=0x1f => true,
            FORBIDDEN_LEAD => text[at..].starts_with(['\u{fffe}', '\u{ffff}']),
            _ => false,
        };
        special.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_forbidden_characters_are_dropped() {
        assert_eq!(
            escape("plain 'text' \"quoted\" ü 漢 \n\t"),
            "plain 'text' \"quoted\" ü 漢 \n\t"
        );
        assert!(matches!(escape("plain"), Cow::Borrowed(_)));
        assert_eq!(escape("a<b> & ]]>"), "a&lt;b&gt; &amp; ]]&gt;");
        assert_eq!(escape("\0a\u{1}b\u{fffe}\u{ffff}\u{feff}\rc"), "ab\u{feff}&#13;c");
    }

    #[test]
    fn attributes_keep_quotes_and_white_space() {
        let mut writer = XmlWriter::fragment(0);
        writer.open_with("a", &[("b", "x\"y\n<")]);
        writer.close("a");
        assert_eq!(writer.finish(), "<a b=\"x&quot;y&#10;&lt;\"></a>");
    }

    #[test]
    fn display_forms_are_escaped_too() {
        let mut writer = XmlWriter::fragment(0);
        writer.leaf_display("a", format_args!("{}<{}", 1, '&'));
        assert_eq!(writer.finish(), "<a>1&lt;&amp;</a>");
    }
}
