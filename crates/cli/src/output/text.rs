//! Text from elsewhere, made harmless.

use std::fmt;

use serde::Serialize;

/// Text without control characters, whatever a gateway sent: nothing in it moves a terminal's cursor, changes
/// its colours or reorders what stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Text(String);

impl Text {
    /// Replaces white space of any kind by spaces and all other control characters by U+FFFD.
    pub(crate) fn clean(text: impl AsRef<str>) -> Self {
        Self(
            text.as_ref()
                .chars()
                .map(harmless)
                .collect::<String>()
                .trim()
                .to_owned(),
        )
    }

    /// The same for whole sentences, which may stand in several lines.
    pub(crate) fn sentences(text: impl AsRef<str>) -> Self {
        let lines: Vec<String> = text.as_ref().lines().map(|line| Self::clean(line).0).collect();
        Self(lines.join("\n"))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, or what stands for none.
    pub(crate) fn or<'a>(&'a self, none: &'a str) -> &'a str {
        if self.0.is_empty() { none } else { &self.0 }
    }
}

fn harmless(character: char) -> char {
    match character {
        character if character.is_whitespace() => ' ',
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        // Direction marks and overrides, and characters of no width.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            char::REPLACEMENT_CHARACTER
        }
        character => character,
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_reaches_the_terminal() {
        assert_eq!(
            Text::clean("a\x1b[31mred\x07\r\nb\u{9b}2J\u{202e}c ").as_str(),
            "a\u{fffd}[31mred\u{fffd}  b\u{fffd}2J\u{fffd}c"
        );
        assert_eq!(Text::sentences("One.\n Two\x07.").as_str(), "One.\nTwo\u{fffd}.");
        assert_eq!(Text::clean("Grüße, 世界 🎮").as_str(), "Grüße, 世界 🎮");
    }
}
