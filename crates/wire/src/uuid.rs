//! UUIDs, of which the gateway needs one per device.

use std::fmt;
use std::str::FromStr;

/// A UUID. Its display form is the usual one, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(u128);

/// The text is not of the form 8-4-4-4-12 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct UuidError;

impl Uuid {
    /// The UUID of these 128 bits, which are taken as they are.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// A random UUID (version 4, RFC 9562 section 5.4) from random bits.
    pub const fn from_random(bits: u128) -> Self {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        Self(bits & !VERSION & !VARIANT | 4 << 76 | 0b10 << 62)
    }

    /// The UUID of the `index`th device of a tree whose root has this one: the last field (48 bits) plus `index`.
    #[must_use]
    pub const fn for_device(self, index: u8) -> Self {
        const NODE: u128 = (1 << 48) - 1;
        let node = (self.0 & NODE).wrapping_add(index as u128) & NODE;
        Self(self.0 & !NODE | node)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = |shift: u32, bits: u32| self.0 >> shift & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            field(96, 32),
            field(80, 16),
            field(64, 16),
            field(48, 16),
            field(0, 48)
        )
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        let mut bits = 0;
        let mut fields = text.split('-');
        for digits in [8, 4, 4, 4, 12] {
            let field = fields.next().filter(|field| field.len() == digits).ok_or(UuidError)?;
            for digit in field.chars() {
                bits = bits << 4 | u128::from(digit.to_digit(16).ok_or(UuidError)?);
            }
        }
        match fields.next() {
            None => Ok(Self(bits)),
            Some(_) => Err(UuidError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form() {
        let text = "01234567-89ab-4cde-8f01-23456789abcd";
        assert_eq!(text.parse::<Uuid>().unwrap().to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Uuid>().unwrap().to_string(), text);
        for wrong in [
            "",
            "0123",
            "01234567-89ab-4cde-8f01-23456789abc",
            "01234567-89ab-4cde-8f01-23456789abcg",
        ] {
            assert_eq!(wrong.parse::<Uuid>(), Err(UuidError));
        }
        assert_eq!(format!("{text}-00").parse::<Uuid>(), Err(UuidError));
    }

    #[test]
    fn random_uuids_are_marked_as_such() {
        assert_eq!(Uuid::from_random(0).to_string(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            Uuid::from_random(u128::MAX).to_string(),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
    }

    #[test]
    fn devices_have_different_uuids_that_differ_only_in_the_last_field() {
        let root = Uuid::from_random(u128::MAX);
        assert_eq!(root.for_device(0), root);
        assert_eq!(root.for_device(1).to_string(), "ffffffff-ffff-4fff-bfff-000000000000");
        assert_eq!(root.for_device(2).to_string(), "ffffffff-ffff-4fff-bfff-000000000001");
    }
}
