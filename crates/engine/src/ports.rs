//! Sets of ports: ranges as configuration writes them, and a bitmap that finds the next free port in no time.

use std::fmt;
use std::num::NonZeroU16;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::mapping::Protocol;

/// An inclusive range of ports: `80` or `1024-65535` in configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// The text is not a port range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a port (1 to 65535) or a range of ports such as 1024-65535")]
pub struct InvalidPortRange(String);

/// A set of ports for each transport.
#[derive(Clone)]
pub struct PortSet {
    tcp: Vec<u64>,
    udp: Vec<u64>,
}

/// One bit for each of 65,536 ports.
const WORDS: usize = 1024;

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self {
        first: 1,
        last: u16::MAX,
    };
    /// The ports that the standard leaves to control points that have not proven who they are (WANIPConnection:2
    /// section 2.6).
    pub const UNPRIVILEGED: Self = Self {
        first: 1024,
        last: u16::MAX,
    };

    /// Whether the port is in the range.
    pub fn contains(self, port: NonZeroU16) -> bool {
        (self.first..=self.last).contains(&port.get())
    }

    /// First to last.
    pub fn bounds(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl FromStr for PortRange {
    type Err = InvalidPortRange;

    fn from_str(text: &str) -> Result<Self, InvalidPortRange> {
        let invalid = || InvalidPortRange(text.to_owned());
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |digits: &str| digits.trim().parse::<NonZeroU16>().map_err(|_| invalid());
        let (first, last) = (port(first)?.get(), port(last)?.get());
        if first > last {
            return Err(invalid());
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl PortSet {
    /// Adds a port.
    pub fn insert(&mut self, protocol: Protocol, port: NonZeroU16) {
        let (word, bit) = position(port.get());
        self.words_mut(protocol)[word] |= bit;
    }

    /// Adds every port of a range.
    pub fn insert_range(&mut self, protocol: Protocol, range: PortRange) {
        range
            .bounds()
            .filter_map(NonZeroU16::new)
            .for_each(|port| self.insert(protocol, port));
    }

    /// Removes a port.
    pub fn remove(&mut self, protocol: Protocol, port: NonZeroU16) {
        let (word, bit) = position(port.get());
        self.words_mut(protocol)[word] &= !bit;
    }

    /// Whether the port is in the set.
    pub fn contains(&self, protocol: Protocol, port: NonZeroU16) -> bool {
        let (word, bit) = position(port.get());
        self.words(protocol)[word] & bit != 0
    }

    /// The ports that are not in the set, upwards from `start` and then from 1 up to it. Full words are passed over 64
    /// ports at a time, so that a nearly full set costs no more than a nearly empty one.
    pub fn absent_from(&self, protocol: Protocol, start: NonZeroU16) -> impl Iterator<Item = NonZeroU16> + '_ {
        let words = self.words(protocol);
        let (first_word, first_bit) = position(start.get());
        let free_in = |word: usize, mask: u64| bits(!words[word] & mask).map(move |bit| (word * 64) as u16 + bit);
        let at_and_above = !(first_bit - 1);
        free_in(first_word, at_and_above)
            .chain((first_word + 1..WORDS).flat_map(move |word| free_in(word, u64::MAX)))
            .chain((0..first_word).flat_map(move |word| free_in(word, u64::MAX)))
            .chain(free_in(first_word, !at_and_above))
            .filter_map(NonZeroU16::new)
    }

    fn words(&self, protocol: Protocol) -> &[u64] {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        }
    }

    fn words_mut(&mut self, protocol: Protocol) -> &mut [u64] {
        match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        }
    }
}

impl Default for PortSet {
    fn default() -> Self {
        Self {
            tcp: vec![0; WORDS],
            udp: vec![0; WORDS],
        }
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |words: &[u64]| words.iter().map(|word| word.count_ones()).sum::<u32>();
        f.debug_struct("PortSet")
            .field("tcp", &count(&self.tcp))
            .field("udp", &count(&self.udp))
            .finish()
    }
}

/// Word and bit of a port.
fn position(port: u16) -> (usize, u64) {
    (usize::from(port / 64), 1 << (port % 64))
}

/// The positions of the bits that are set, lowest first.
fn bits(mut word: u64) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then(|| word.trailing_zeros() as u16)?;
        word &= word - 1;
        Some(lowest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(n: u16) -> NonZeroU16 {
        NonZeroU16::new(n).unwrap()
    }

    #[test]
    fn ranges_read_as_they_print() {
        for text in ["80", "1024-65535", "1-1"] {
            let range: PortRange = text.parse().unwrap();
            assert_eq!(range.to_string().parse(), Ok(range));
        }
        for text in ["", "0", "5-4", "0-9", "1-65536", "a", "1-2-3"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn absent_ports_come_in_order_and_wrap_around() {
        let mut set = PortSet::default();
        set.insert_range(Protocol::Tcp, "64-65535".parse().unwrap());
        set.remove(Protocol::Tcp, port(40000));
        set.insert(Protocol::Tcp, port(1));
        let found: Vec<u16> = set
            .absent_from(Protocol::Tcp, port(30000))
            .map(NonZeroU16::get)
            .take(3)
            .collect();
        assert_eq!(found, [40000, 2, 3]);
        assert_eq!(set.absent_from(Protocol::Tcp, port(40001)).count(), 63);
        assert_eq!(set.absent_from(Protocol::Udp, port(40001)).count(), 65535);
    }
}
