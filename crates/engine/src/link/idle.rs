//! Whether anybody uses the link (IdleDisconnectTime, WANIPConnection:2 section 2.3.7).

use std::time::Duration;

use super::Counters;
use crate::time::Time;

/// How long nobody has used the link, from its totals.
///
/// Only packets sent count: what a stranger sends keeps no line open. The link's own upkeep, such as LCP echoes, ARP and
/// renewals of an address, is in the totals too, and does not count: that is one packet in [`Idle::UPKEEP`] on average.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Idle {
    /// The last use.
    since: Time,
    reading: Option<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Time,
    /// `None` where they could not be read.
    packets: Option<u64>,
    /// How long the packets sent so far are upkeep enough.
    upkeep: Duration,
}

impl Idle {
    /// One packet in this time is upkeep.
    const UPKEEP: Duration = Duration::from_secs(10);
    /// How much upkeep may come together: two packets at once.
    const BURST: Duration = Duration::from_secs(20);
    /// How often totals are read.
    const READ_EVERY: Duration = Duration::from_secs(5);

    /// A link that was used just now.
    pub(super) const fn from(now: Time) -> Self {
        Self {
            since: now,
            reading: None,
        }
    }

    /// When it has been idle for this many seconds, unless it is used before; never for 0.
    pub(super) fn ends(&self, idle_time: u32) -> Option<Time> {
        (idle_time > 0).then(|| self.since + Duration::from_secs(idle_time.into()))
    }

    /// When the totals are to be read next.
    pub(super) fn reading_due(&self, idle_time: u32) -> Option<Time> {
        let ends = self.ends(idle_time)?;
        Some(
            self.reading
                .map_or(self.since, |last| ends.min(last.at + Self::READ_EVERY)),
        )
    }

    /// Takes in the totals. While they cannot be read, the link counts as used: to end a connection that is in use does
    /// more harm than to keep one that is not.
    pub(super) fn read(&mut self, counters: Option<Counters>, now: Time) {
        let packets = counters.map(|counters| counters.packets_sent);
        let compared = self.reading.and_then(|last| Some((last, last.packets?, packets?)));
        let Some((last, before, sent_so_far)) = compared else {
            // With nothing to compare with, it may have been used just now.
            self.since = now;
            self.reading = Some(Reading {
                at: now,
                packets,
                upkeep: Duration::ZERO,
            });
            return;
        };
        // Totals that run backwards are those of another interface.
        let sent = sent_so_far.saturating_sub(before);
        let worth = Self::UPKEEP.saturating_mul(u32::try_from(sent).unwrap_or(u32::MAX));
        let upkeep = last.upkeep.saturating_add(worth).saturating_sub(now.since(last.at));
        if upkeep > Self::BURST {
            self.since = now;
        }
        self.reading = Some(Reading {
            at: now,
            packets,
            upkeep: upkeep.min(Self::BURST),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the totals each second, with so many packets sent in each; when it was used last.
    fn last_use(sent: impl Fn(u64) -> u64, seconds: u64) -> u64 {
        let mut idle = Idle::from(Time::default());
        let mut packets_sent = 1000;
        for second in 0..seconds {
            packets_sent += sent(second);
            let counters = Counters {
                packets_sent,
                packets_received: second * 100,
                ..Counters::default()
            };
            idle.read(Some(counters), Time::from_millis(second * 1000));
        }
        idle.since.as_millis() / 1000
    }

    #[test]
    fn a_packet_a_second_is_use() {
        assert_eq!(last_use(|_| 1, 600), 599);
    }

    #[test]
    fn upkeep_is_none() {
        assert_eq!(last_use(|second| u64::from(second % 10 == 0), 600), 0);
        assert_eq!(last_use(|second| 2 * u64::from(second % 30 == 0), 600), 0);
    }

    #[test]
    fn a_request_of_a_few_packets_is_use() {
        assert_eq!(last_use(|second| 3 * u64::from(second == 300), 600), 300);
    }

    #[test]
    fn unreadable_totals_are_use_and_are_read_at_the_same_pace() {
        let mut idle = Idle::from(Time::default());
        for second in (0..600).step_by(5) {
            let now = Time::from_millis(second * 1000);
            // The same total each time that there is one.
            let counters = (!(100..300).contains(&second)).then(Counters::default);
            idle.read(counters, now);
            assert_eq!(idle.reading_due(3600), Some(now + Idle::READ_EVERY));
            // The first total after a gap has nothing to compare with either.
            let expected = if second < 100 { 0 } else { second.min(300) };
            assert_eq!(idle.since, Time::from_millis(expected * 1000), "{second}");
        }
    }

    #[test]
    fn totals_that_run_backwards_say_nothing() {
        let mut idle = Idle::from(Time::default());
        for (second, packets_sent) in [(1, 1_000_000), (2, 5), (3, 5)] {
            let counters = Counters {
                packets_sent,
                ..Counters::default()
            };
            idle.read(Some(counters), Time::from_millis(second * 1000));
        }
        assert_eq!(idle.since, Time::from_millis(1000));
    }
}
