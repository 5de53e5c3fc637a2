//! How many searches are answered.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::pace::{Buckets, Pace, Verdict};

/// Searches per second of one host; each may be worth a dozen datagrams.
const OF_ONE: u32 = 32;
/// And of all hosts together: a datagram has no proof of its source, and a network of IPv6 has sources without end.
const IN_ALL: u32 = 512;
/// Stands for everyone where a bucket wants an address.
const EVERYONE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// What was searched of late, on one interface.
#[derive(Debug)]
pub(super) struct Quota {
    hosts: Buckets,
    everyone: Buckets,
}

impl Quota {
    pub(super) fn new() -> Self {
        Self {
            hosts: Buckets::new(Pace::of_datagrams(OF_ONE)),
            everyone: Buckets::new(Pace::of_datagrams(IN_ALL)),
        }
    }

    /// Whether a search that arrives at `now`, the time since any fixed instant, is to be answered.
    pub(super) fn admits(&mut self, source: IpAddr, now: Duration) -> bool {
        // In this order, so that who asks too often uses up nothing of the others' share.
        self.hosts.take(source, now) == Verdict::Go && self.everyone.take(EVERYONE, now) == Verdict::Go
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn host(number: u128) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(0xfd77_u128 << 112 | number))
    }

    #[test]
    fn one_host_gets_its_share_and_takes_nobody_elses() {
        let mut quota = Quota::new();
        let answered = (0..10_000).filter(|_| quota.admits(host(1), NOW)).count();
        assert_eq!(answered, 64);
        assert!(quota.admits(host(2), NOW));
    }

    #[test]
    fn sources_without_end_are_not_answered_without_end() {
        let mut quota = Quota::new();
        let answered = (0..100_000).filter(|number| quota.admits(host(*number), NOW)).count();
        assert_eq!(answered, 1024);
        let later = NOW + Duration::from_secs(1);
        let answered = (0..100_000).filter(|number| quota.admits(host(*number), later)).count();
        assert_eq!(answered, 512);
    }
}
