//! The UPnP data types that gateway services use, and their text form (UDA 1.1 section 2.5).

use std::fmt;

/// The type of a state variable, and so of every argument related to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Unsigned 16-bit integer.
    Ui2,
    /// Unsigned 32-bit integer.
    Ui4,
    /// `0` or `1` on the wire; six spellings accepted.
    Boolean,
    /// Text.
    String,
}

/// A typed value. Its `Display` form is its wire form, not yet escaped for XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Unsigned 16-bit integer.
    Ui2(u16),
    /// Unsigned 32-bit integer.
    Ui4(u32),
    /// Truth value.
    Boolean(bool),
    /// Text.
    String(String),
}

/// The text does not denote a value of the wanted type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not of the type's lexical form.
    #[error("not a {}", .0.name())]
    Malformed(DataType),
    /// A number, but too large (or negative) for the type.
    #[error("outside the range of {}", .0.name())]
    OutOfRange(DataType),
}

impl DataType {
    /// The name used in an SCPD's `dataType`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ui2 => "ui2",
            Self::Ui4 => "ui4",
            Self::Boolean => "boolean",
            Self::String => "string",
        }
    }

    /// Reads a value. White space around numbers and booleans is ignored; booleans may be spelt in any of the six ways
    /// that the architecture allows, in any case.
    pub fn parse(self, text: &str) -> Result<Value, ValueError> {
        match self {
            Self::Ui2 => self.parse_unsigned(text).and_then(|n| {
                u16::try_from(n)
                    .map(Value::Ui2)
                    .map_err(|_| ValueError::OutOfRange(self))
            }),
            Self::Ui4 => self.parse_unsigned(text).map(Value::Ui4),
            Self::Boolean => match text.trim().to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" => Ok(Value::Boolean(true)),
                "0" | "false" | "no" => Ok(Value::Boolean(false)),
                _ => Err(ValueError::Malformed(self)),
            },
            Self::String => Ok(Value::String(text.to_owned())),
        }
    }

    /// Reads a value that a gateway sent, of which many count in other types than they declare: a `ui4` that is wider
    /// is taken modulo 2^32, a negative one as its two's complement. All else is as in [`DataType::parse`].
    pub fn parse_answer(self, text: &str) -> Result<Value, ValueError> {
        match (self, self.parse(text)) {
            (Self::Ui4, Err(ValueError::OutOfRange(_))) => Ok(Value::Ui4(wrap(text.trim()))),
            (_, parsed) => parsed,
        }
    }

    fn parse_unsigned(self, text: &str) -> Result<u32, ValueError> {
        let digits = text.trim();
        let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
        if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ValueError::Malformed(self));
        }
        // What is left to fail is size or sign, since only digits remain.
        digits.parse().map_err(|_| ValueError::OutOfRange(self))
    }
}

/// A decimal number of any size modulo 2^32.
fn wrap(number: &str) -> u32 {
    let digits = number.bytes().filter(u8::is_ascii_digit);
    let magnitude = digits.fold(0u32, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'))
    });
    match number.starts_with('-') {
        true => magnitude.wrapping_neg(),
        false => magnitude,
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ui2(n) => n.fmt(f),
            Self::Ui4(n) => n.fmt(f),
            Self::Boolean(b) => u8::from(*b).fmt(f),
            Self::String(s) => f.write_str(s),
        }
    }
}

impl From<u16> for Value {
    fn from(n: u16) -> Self {
        Self::Ui2(n)
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Ui4(n)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Boolean(b)
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::String(s)
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::String(s.to_owned())
    }
}
