//! When a request that is not answered is sent again.
//!
//! NAT-PMP begins after 250 ms and doubles (RFC 6886 section 3.1). PCP begins after 3 s (RFC 6887 section 8.1.1), made for
//! servers at the far end of a provider's network. The server here is the router of this link, which answers within a few
//! milliseconds or has lost the datagram: with 3 s, one lost datagram would decide whether PCP or UPnP wins the race. So
//! PCP begins as NAT-PMP does, as other clients do, until its gaps have grown to those of the standard, and goes on by it.

use std::time::Duration;

/// The gaps between one sending and the next.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    next: Duration,
    most: Duration,
    /// By how much gaps are longer or shorter: within -0.1 and 0.1.
    jitter: f64,
}

impl Schedule {
    const FIRST: Duration = Duration::from_millis(250);

    /// MRT of RFC 6887 section 8.1.1.
    const PCP_MOST: Duration = Duration::from_secs(1024);

    /// The wait after the ninth sending (RFC 6886 section 3.1).
    const NAT_PMP_MOST: Duration = Duration::from_secs(64);

    /// That of PCP; `draw` is a random number between -1 and 1, for this request.
    pub(super) fn pcp(draw: f64) -> Self {
        Self {
            next: Self::FIRST,
            most: Self::PCP_MOST,
            jitter: 0.1 * draw.clamp(-1.0, 1.0),
        }
    }

    /// That of NAT-PMP.
    pub(super) fn nat_pmp() -> Self {
        Self {
            next: Self::FIRST,
            most: Self::NAT_PMP_MOST,
            jitter: 0.0,
        }
    }

    /// How long after this sending the next one is due.
    pub(super) fn gap(&mut self) -> Duration {
        let gap = self.next;
        self.next = self.most.min(self.next * 2);
        gap.mul_f64(1.0 + self.jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(mut schedule: Schedule, count: usize) -> Vec<u64> {
        (0..count).map(|_| schedule.gap().as_millis() as u64).collect()
    }

    #[test]
    fn nat_pmp_sends_nine_times_and_waits_64_seconds_in_the_end() {
        let gaps = gaps(Schedule::nat_pmp(), 9);
        assert_eq!(gaps, [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]);
        assert_eq!(gaps.iter().sum::<u64>(), 127_750);
    }

    #[test]
    fn pcp_doubles_up_to_the_longest_of_the_standard() {
        let gaps = gaps(Schedule::pcp(0.0), 14);
        assert_eq!(gaps[..4], [250, 500, 1000, 2000]);
        assert_eq!(gaps[12..], [1_024_000, 1_024_000]);
    }

    #[test]
    fn requests_of_pcp_drift_apart_by_a_tenth_at_most() {
        assert_eq!(gaps(Schedule::pcp(1.0), 2), [275, 550]);
        assert_eq!(gaps(Schedule::pcp(-1.0), 2), [225, 450]);
        assert_eq!(gaps(Schedule::pcp(50.0), 1), [275]);
    }
}
