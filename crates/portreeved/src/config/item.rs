//! A value of a configuration file, taken as the type that its key wants.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use portreeve_engine::Protocol;
use portreeve_engine::ports::PortRange;
use toml::de::DeValue;

/// What is wrong with a value, continuing "`key`: …".
pub(super) type Wrong = String;

/// A value, not yet of any type.
#[derive(Clone, Copy)]
pub(super) struct Item<'a>(pub(super) &'a DeValue<'a>);

impl<'a> Item<'a> {
    /// Text.
    pub(super) fn text(self) -> Result<&'a str, Wrong> {
        self.0.as_str().ok_or_else(|| self.must("be text in quotes"))
    }

    /// Text that is not empty and has at most this many bytes.
    pub(super) fn short_text(self, longest: usize) -> Result<&'a str, Wrong> {
        let text = self.text()?;
        match text.is_empty() || text.len() > longest {
            true => Err(self.must(&format!("have 1 to {longest} characters"))),
            false => Ok(text),
        }
    }

    /// A whole number within a range.
    pub(super) fn number<T>(self, range: RangeInclusive<T>) -> Result<T, Wrong>
    where
        T: PartialOrd + Display + TryFrom<u64>,
    {
        self.unsigned()
            .and_then(|n| T::try_from(n).ok())
            .filter(|n| range.contains(n))
            .ok_or_else(|| self.must(&format!("be a whole number from {} to {}", range.start(), range.end())))
    }

    /// `true` or `false`.
    pub(super) fn switch(self) -> Result<bool, Wrong> {
        self.0.as_bool().ok_or_else(|| self.must("be true or false"))
    }

    /// One of these words.
    pub(super) fn choice<T: Copy>(self, words: &[(&str, T)]) -> Result<T, Wrong> {
        let chosen = self
            .0
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text));
        chosen.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.must(&format!("be {}", words.join(" or ")))
        })
    }

    /// Text that another type reads; `what` names that type in words.
    pub(super) fn parsed<T: FromStr>(self, what: &str) -> Result<T, Wrong> {
        let text = self.0.as_str().and_then(|text| text.parse().ok());
        text.ok_or_else(|| self.must(&format!("be {what}")))
    }

    /// A port or a range of ports: `80`, `"80"` or `"1024-65535"`.
    pub(super) fn ports(self) -> Result<PortRange, Wrong> {
        self.loose_text()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.must("be a port from 1 to 65535 or a range such as \"1024-65535\""))
    }

    /// `"tcp"` or `"udp"`.
    pub(super) fn protocol(self) -> Result<Protocol, Wrong> {
        self.choice(&[("tcp", Protocol::Tcp), ("udp", Protocol::Udp)])
    }

    /// The elements of a list.
    pub(super) fn list(self) -> Result<impl Iterator<Item = Self>, Wrong> {
        let array = self.0.as_array().ok_or_else(|| self.must("be a list in brackets"))?;
        Ok(array.iter().map(|element| Item(element.get_ref())))
    }

    /// Numbers and texts as text.
    pub(super) fn loose_text(self) -> Option<String> {
        match self.0 {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(_) => self.unsigned().map(|n| n.to_string()),
            _ => None,
        }
    }

    /// The sentence that something else is wanted here.
    pub(super) fn must(self, what: &str) -> Wrong {
        match self.loose_text() {
            Some(given) => format!("must {what}, not {given:?}"),
            None => format!("must {what}, not a {}", self.0.type_str()),
        }
    }

    fn unsigned(self) -> Option<u64> {
        let integer = self.0.as_integer()?;
        u64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }
}
