//! Which external ports to try, one after another.

use std::num::NonZeroU16;

use super::wanted::External;

/// Ports to try, in order, at most [`Candidates::MOST`] and each once.
#[derive(Clone, Debug)]
pub(crate) struct Candidates {
    tried: Vec<NonZeroU16>,
    random: Random,
    flexible: bool,
}

impl Candidates {
    /// Routers that refuse for a reason of their own refuse all ports alike: more tries only cost time.
    pub(crate) const MOST: usize = 8;

    /// Tries out of the dynamic range (RFC 6335), which is the least likely to be taken or forbidden; the rest of the
    /// tries go below it, for gateways that allow lower ports only.
    const DYNAMIC_TRIES: usize = 6;

    /// The first port to try, and the others.
    pub(crate) fn new(external: External, seed: u64) -> (NonZeroU16, Self) {
        let mut candidates = Self {
            tried: Vec::new(),
            random: Random(seed),
            flexible: external.is_flexible(),
        };
        let first = match external {
            External::Exact(port) | External::Preferred(port) => port,
            External::Any => candidates.pick(),
        };
        candidates.tried.push(first);
        (first, candidates)
    }

    /// From now on this port or none.
    pub(crate) fn pin(&mut self, port: NonZeroU16) {
        self.flexible = false;
        self.tried.push(port);
    }

    /// The next port, unless only one will do or enough have been tried.
    pub(crate) fn next(&mut self) -> Option<NonZeroU16> {
        if !self.flexible || self.tried.len() >= Self::MOST {
            return None;
        }
        let port = self.pick();
        self.tried.push(port);
        Some(port)
    }

    /// What has been tried, in order.
    pub(crate) fn tried(&self) -> impl Iterator<Item = u16> + '_ {
        self.tried.iter().map(|port| port.get())
    }

    fn pick(&mut self) -> NonZeroU16 {
        let (first, count) = if self.tried.len() < Self::DYNAMIC_TRIES {
            (49_152, 16_384)
        } else {
            (1024, 48_128)
        };
        loop {
            let port = NonZeroU16::new((first + self.random.next() % count) as u16).expect("the ranges leave out 0");
            if !self.tried.contains(&port) {
                return port;
            }
        }
    }
}

/// A sequence that looks random and follows from its seed (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between -1 and 1.
    pub(crate) fn jitter(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const EIGHTY: NonZeroU16 = NonZeroU16::new(80).unwrap();

    fn all(external: External, seed: u64) -> Vec<u16> {
        let (first, mut candidates) = Candidates::new(external, seed);
        let mut ports = vec![first.get()];
        while let Some(port) = candidates.next() {
            ports.push(port.get());
        }
        assert_eq!(candidates.tried().collect::<Vec<_>>(), ports);
        ports
    }

    #[test]
    fn a_preferred_port_comes_first_and_no_port_twice() {
        for seed in 0..2000 {
            let ports = all(External::Preferred(EIGHTY), seed);
            assert_eq!(ports[0], 80);
            assert_eq!(ports.len(), Candidates::MOST);
            assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
            assert!(ports[1..].iter().all(|&port| port >= 1024), "{ports:?}");
            assert!(ports[1..6].iter().all(|&port| port >= 49_152), "{ports:?}");
        }
    }

    #[test]
    fn an_exact_port_is_the_only_one() {
        assert_eq!(all(External::Exact(EIGHTY), 7), [80]);
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(all(External::Any, 1), all(External::Any, 1));
        assert_ne!(all(External::Any, 1), all(External::Any, 2));
    }

    #[test]
    fn jitter_stays_within_one() {
        let mut random = Random(3);
        let draws: Vec<f64> = (0..10_000).map(|_| random.jitter()).collect();
        assert!(draws.iter().all(|jitter| (-1.0..=1.0).contains(jitter)));
        assert!(draws.iter().any(|&jitter| jitter < -0.9) && draws.iter().any(|&jitter| jitter > 0.9));
    }
}
