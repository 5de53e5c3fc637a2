//! Random numbers: from the system where somebody might guess them, from a small generator for delays.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

/// Random bits from the operating system.
pub fn bits() -> io::Result<u128> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u128::from_ne_bytes(bytes))
}

/// A small generator (splitmix64), good enough to spread delays.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that starts where the operating system says.
    pub fn seeded() -> io::Result<Self> {
        Ok(Self(bits()? as u64))
    }

    /// A generator that starts here.
    pub const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 32) as u32
    }

    /// A span between these two.
    pub fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let range = longest.saturating_sub(shortest);
        shortest + range.mul_f64(f64::from(self.number()) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_fill_their_range() {
        let mut random = Random::from_seed(1);
        let (shortest, longest) = (Duration::from_secs(450), Duration::from_secs(900));
        let spans: Vec<Duration> = (0..1000).map(|_| random.between(shortest, longest)).collect();
        assert!(spans.iter().all(|span| (shortest..=longest).contains(span)));
        let below = spans.iter().filter(|span| **span < Duration::from_secs(675)).count();
        assert!((400..600).contains(&below), "{below}");
        assert_ne!(bits().unwrap(), bits().unwrap());
    }
}
