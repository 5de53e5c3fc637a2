//! How many requests a host may make: a token bucket each, which may delay a little before it refuses.
//!
//! A host is an address, of IPv6 too: all hosts of a LAN are in one /64, and a bucket for that would let one of them use
//! up what belongs to all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Token buckets of all clients that made requests of late. Time is passed in, as the span since any fixed instant.
#[derive(Debug)]
pub struct Buckets {
    pace: Pace,
    /// When each client's bucket will be full again. A client that is not listed has a full one.
    full_at: HashMap<IpAddr, Duration>,
}

/// What one client is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Time in which one token drips into a bucket.
    pub interval: Duration,
    /// A bucket holds what drips in within this time, so that a burst after silence is served at once.
    pub depth: Duration,
    /// The longest that a request is held back.
    pub longest_wait: Duration,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
    Go,
    /// It is served after this delay.
    Wait(Duration),
    /// It is refused; after this time another one would be served.
    Refuse(Duration),
}

/// Clients remembered at a time.
const CLIENTS: usize = 4096;

impl Pace {
    /// So many requests per second in the long run; five seconds' worth may come at once, and what comes beyond that
    /// waits for up to two.
    pub fn of_requests(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            depth: Duration::from_secs(5),
            longest_wait: Duration::from_secs(2),
        }
    }

    /// So many datagrams per second; two seconds' worth may come at once, and what comes beyond that is lost.
    pub fn of_datagrams(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            depth: Duration::from_secs(2),
            longest_wait: Duration::ZERO,
        }
    }
}

impl Buckets {
    /// Full buckets.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            full_at: HashMap::new(),
        }
    }

    /// Changes the pace; what was used already stays used.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Takes a token for a request that arrives at `now`. A refused request costs nothing.
    pub fn take(&mut self, client: IpAddr, now: Duration) -> Verdict {
        let Pace {
            interval,
            depth,
            longest_wait,
        } = self.pace;
        let full_at = self.full_at.get(&client).copied().unwrap_or_default().max(now) + interval;
        let wait = full_at.saturating_sub(now + depth.max(interval));
        if wait > longest_wait {
            return Verdict::Refuse(wait - longest_wait);
        }
        if !self.full_at.contains_key(&client) {
            self.make_room(now);
        }
        self.full_at.insert(client, full_at);
        match wait.is_zero() {
            true => Verdict::Go,
            false => Verdict::Wait(wait),
        }
    }

    /// Forgets full buckets, which say nothing, and at need the fullest one.
    fn make_room(&mut self, now: Duration) {
        if self.full_at.len() < CLIENTS {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= CLIENTS {
            let fullest = self.full_at.iter().min_by_key(|(_, full_at)| **full_at);
            if let Some(client) = fullest.map(|(client, _)| *client) {
                self.full_at.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 77, 10));

    fn client(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from(0x0a00_0000 + n))
    }

    #[test]
    fn a_burst_is_served_then_delayed_then_refused() {
        let mut buckets = Buckets::new(Pace::of_requests(200));
        let now = Duration::from_secs(100);
        let verdicts: Vec<Verdict> = (0..2000).map(|_| buckets.take(CLIENT, now)).collect();
        assert!(verdicts[..1000].iter().all(|verdict| *verdict == Verdict::Go));
        assert_eq!(verdicts[1000], Verdict::Wait(Duration::from_millis(5)));
        assert_eq!(verdicts[1399], Verdict::Wait(Duration::from_secs(2)));
        assert!(
            verdicts[1400..]
                .iter()
                .all(|verdict| *verdict == Verdict::Refuse(Duration::from_millis(5)))
        );
        assert_eq!(
            buckets.take(client(1), now),
            Verdict::Go,
            "another client is not concerned"
        );
    }

    #[test]
    fn the_long_run_has_the_configured_rate() {
        let mut buckets = Buckets::new(Pace::of_requests(10));
        let served = (0..60_000)
            .filter(|millis| !matches!(buckets.take(CLIENT, Duration::from_millis(*millis)), Verdict::Refuse(_)))
            .count();
        // A minute's worth, the depth of the bucket and what may wait.
        assert!((600..=600 + 50 + 20 + 1).contains(&served), "{served}");
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_are_remembered() {
        let mut buckets = Buckets::new(Pace::of_requests(1));
        let now = Duration::from_secs(1);
        while buckets.take(CLIENT, now) == Verdict::Go {}
        for n in 0..20_000 {
            buckets.take(client(n), now);
        }
        assert!(buckets.full_at.len() <= CLIENTS);
        assert!(buckets.take(CLIENT, now) != Verdict::Go);
    }
}
