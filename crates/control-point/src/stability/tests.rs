//! The reckoning, against stories told by hand and against a connection whose whole life is known.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn up(at: u64, uptime: u64) -> Sample {
    let uptime = Some(seconds(uptime));
    Sample {
        at: seconds(at),
        seen: Seen::Up { uptime },
    }
}

fn down(at: u64, error: &str) -> Sample {
    Sample {
        at: seconds(at),
        seen: Seen::from_status("Disconnected", error, None),
    }
}

fn silent(at: u64) -> Sample {
    Sample {
        at: seconds(at),
        seen: Seen::Unreachable,
    }
}

fn report(samples: &[Sample]) -> Report {
    let mut observations = Observations::new();
    for sample in samples {
        observations.record(sample);
    }
    observations.report()
}

#[test]
fn a_steady_connection_is_fully_available() {
    let told = report(&[up(0, 1000), up(60, 1060), up(120, 1119), up(180, 1181)]);
    assert_eq!((told.drops, told.down, told.up), (0, seconds(0), seconds(180)));
    assert_eq!(told.availability, Some(1.0));
    assert_eq!(told.up_before, Some(seconds(1000)));
    assert_eq!((told.mean_time_between_drops, told.longest_outage), (None, None));
}

#[test]
fn a_reconnect_between_two_samples_shows_in_uptime() {
    // Lost soon after 60, back at 100: the sample at 120 says 20.
    let told = report(&[up(0, 500), up(60, 560), up(120, 20), up(180, 80)]);
    assert_eq!(told.drops, 1);
    assert_eq!((told.down, told.up), (seconds(40), seconds(140)));
    assert_eq!(told.longest_outage, Some(seconds(40)));
    assert_eq!(told.mean_time_between_drops, Some(seconds(140)));
    assert_eq!(told.drops_per_day, Some(480.0));
    assert_eq!(told.availability, Some(140.0 / 180.0));
    assert_eq!(told.availability_with_before, Some(640.0 / 680.0));
    assert_eq!(
        (told.outages[0].from, told.outages[0].until),
        (seconds(60), Some(seconds(100)))
    );
}

#[test]
fn a_short_uptime_may_be_larger_than_before_and_still_be_a_reconnect() {
    // 10 seconds old at first; an hour later 50 seconds old.
    let told = report(&[up(0, 10), up(3600, 50)]);
    assert_eq!((told.drops, told.down), (1, seconds(3550)));
}

#[test]
fn an_outage_that_samples_see_lasts_until_uptime_says_that_it_ended() {
    let samples = [
        up(0, 100),
        down(60, "ERROR_NO_CARRIER"),
        down(120, "ERROR_ISP_TIME_OUT"),
        up(180, 30),
    ];
    let told = report(&samples);
    assert_eq!((told.drops, told.down), (1, seconds(150)));
    assert_eq!(told.outages[0].last_error, "ERROR_ISP_TIME_OUT");
    assert_eq!(told.outages[0].until, Some(seconds(150)));
    let told = report(&samples[..3]);
    assert_eq!((told.outages[0].until, told.longest_outage), (None, Some(seconds(120))));
}

#[test]
fn a_gateway_that_does_not_answer_is_not_a_connection_that_is_down() {
    let told = report(&[up(0, 100), silent(60), silent(120), up(180, 280)]);
    assert_eq!((told.drops, told.availability), (0, Some(1.0)));
    assert_eq!((told.unanswered, told.unreachable), (2, seconds(120)));
    let told = report(&[up(0, 100), silent(60), silent(120)]);
    assert_eq!(
        (told.up, told.down, told.unknown),
        (seconds(0), seconds(0), seconds(120))
    );
    assert_eq!((told.unreachable, told.availability), (seconds(60), None));
    // A gateway that restarted: its Uptime tells that the connection was lost too.
    let told = report(&[up(0, 100), silent(60), up(120, 10)]);
    assert_eq!((told.drops, told.down), (1, seconds(110)));
}

#[test]
fn a_connection_that_is_down_from_the_beginning_has_an_outage_but_no_drop() {
    let told = report(&[down(0, "ERROR_NO_CARRIER"), up(60, 20)]);
    assert_eq!((told.drops, told.outages.len(), told.down), (0, 1, seconds(40)));
    assert_eq!(told.up_before, None);
}

#[test]
fn an_uptime_that_stands_still_is_no_reconnect() {
    for uptime in [0, 1, 7200] {
        let told = report(&[up(0, uptime), up(60, uptime), up(120, uptime)]);
        assert_eq!((told.drops, told.uptime_stands), (0, true), "{uptime}");
        assert_eq!(told.availability, Some(1.0));
    }
    let slow = report(&[up(0, 7200), up(60, 7230), up(120, 7260)]);
    assert_eq!((slow.drops, slow.uptime_stands), (0, true));
}

#[test]
fn without_uptime_silence_tells_nothing() {
    let untold = |at| Sample {
        at: seconds(at),
        seen: Seen::Up { uptime: None },
    };
    let told = report(&[untold(0), untold(60), silent(120), silent(180), untold(240)]);
    assert_eq!((told.up, told.unknown), (seconds(120), seconds(120)));
    assert_eq!((told.drops, told.availability), (0, Some(1.0)));
}

#[test]
fn nothing_is_reported_of_nothing() {
    let told = report(&[]);
    assert_eq!(told, Report::default());
    let told = report(&[silent(0), silent(10)]);
    assert_eq!(
        (told.availability, told.drops_per_day, told.unknown),
        (None, None, seconds(10))
    );
}

#[test]
fn statuses_in_which_packets_pass_count_as_up() {
    for status in ["Connected", "connected", " Up ", "PendingDisconnect"] {
        assert_eq!(
            Seen::from_status(status, "", None),
            Seen::Up { uptime: None },
            "{status}"
        );
    }
    for status in ["Connecting", "Disconnected", "Disconnecting", "Unconfigured", ""] {
        assert!(
            matches!(Seen::from_status(status, "", None), Seen::Down { .. }),
            "{status}"
        );
    }
}

/// A connection's whole life, second by second.
#[derive(Clone, Debug)]
struct Life {
    /// How long it was up before the first second.
    before: u64,
    /// Whether it is up, each second.
    up: Vec<bool>,
    /// When it is looked at, and whether the gateway answers then.
    looks: Vec<(usize, bool)>,
}

impl Life {
    /// Uptime at this second, counted one by one.
    fn uptime(&self, at: usize) -> Option<u64> {
        let run = self.up[..=at].iter().rev().take_while(|up| **up).count() as u64;
        let since_ever = run == at as u64 + 1;
        (run > 0).then(|| run - 1 + if since_ever { self.before } else { 0 })
    }

    fn samples(&self) -> Vec<Sample> {
        let look = |&(at, answers): &(usize, bool)| match (answers, self.uptime(at)) {
            (false, _) => silent(at as u64),
            (true, Some(uptime)) => up(at as u64, uptime),
            (true, None) => down(at as u64, "ERROR_UNKNOWN"),
        };
        self.looks.iter().map(look).collect()
    }

    /// The answered looks, in pairs of neighbours.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let answered: Vec<usize> = self.looks.iter().filter(|look| look.1).map(|look| look.0).collect();
        answered.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }
}

fn lives() -> impl Strategy<Value = Life> {
    let runs = prop::collection::vec((1..90usize, 1..40usize), 1..8);
    let looks = prop::collection::vec((1..40usize, prop::bool::weighted(0.8)), 2..30);
    (1..5000u64, runs, looks, prop::bool::ANY).prop_map(|(before, runs, steps, begins_up)| {
        let mut up = Vec::new();
        for (long, short) in runs {
            up.extend(std::iter::repeat_n(begins_up, long));
            up.extend(std::iter::repeat_n(!begins_up, short));
        }
        let mut at = 0;
        let mut looks = vec![];
        for (step, answers) in steps {
            if at < up.len() {
                looks.push((at, answers));
            }
            at += step;
        }
        Life { before, up, looks }
    })
}

proptest! {
    #[test]
    fn the_reckoning_fits_the_life_of_the_connection(life in lives()) {
        let mut observations = Observations::with_tolerance(Duration::ZERO);
        let samples = life.samples();
        for sample in &samples {
            observations.record(sample);
        }
        let told = observations.report();

        // Neighbouring spans join, and all time is in one of the three states.
        prop_assert_eq!(told.up + told.down + told.unknown, told.observed);
        for pair in observations.spans().windows(2) {
            prop_assert_eq!(pair[0].until, pair[1].from);
            prop_assert_ne!(pair[0].state, pair[1].state);
        }

        // A drop is found wherever the connection was lost between two answers, except in the one case in which
        // Uptime happens to be the same.
        let lost = |&&(from, until): &&(usize, usize)| {
            life.up[from] && life.up[from..=until].contains(&false) && life.uptime(from) != life.uptime(until)
        };
        let pairs = life.pairs();
        let drops = pairs.iter().filter(lost).count();
        prop_assert_eq!(told.drops as usize, drops);
        let began_down = samples.iter().find(|sample| sample.seen != Seen::Unreachable);
        let began_down = began_down.is_some_and(|sample| matches!(sample.seen, Seen::Down { .. }));
        prop_assert_eq!(told.outages.len(), drops + usize::from(began_down));

        // No second of an outage is missed, and each drop costs at most the time in which nobody looked.
        let same = pairs.iter().any(|&(from, until)| {
            life.up[from] && life.up[from..=until].contains(&false) && life.uptime(from) == life.uptime(until)
        });
        prop_assume!(!same);
        let mut really_down = 0;
        let mut at_most = 0;
        for &(from, until) in &pairs {
            let missing = life.up[from..until].iter().filter(|up| !**up).count();
            really_down += missing;
            at_most += if missing > 0 || !life.up[until] { until - from } else { 0 };
        }
        prop_assert!(told.down >= seconds(really_down as u64), "{} < {}", told.down.as_secs(), really_down);
        prop_assert!(told.down <= seconds(at_most as u64));
    }

    #[test]
    fn a_late_or_coarse_uptime_is_no_drop(
        steps in prop::collection::vec((1..600u64, 0..5u64), 1..50),
        before in 0..100_000u64,
    ) {
        let mut observations = Observations::new();
        let mut at = 0;
        for (step, lag) in steps {
            observations.record(&up(at, (before + at).saturating_sub(lag)));
            at += step;
        }
        let told = observations.report();
        prop_assert_eq!((told.drops, told.down), (0, Duration::ZERO));
    }

    #[test]
    fn no_sequence_of_samples_breaks_it(raw in prop::collection::vec((0..u64::MAX, 0..4u8, 0..u64::MAX), 0..40)) {
        let mut observations = Observations::new();
        for (at, kind, uptime) in raw {
            observations.record(&match kind {
                0 => silent(at),
                1 => down(at, "ERROR_UNKNOWN"),
                2 => up(at, uptime),
                _ => Sample { at: seconds(at), seen: Seen::Up { uptime: None } },
            });
            let told = observations.report();
            prop_assert_eq!(told.up + told.down + told.unknown, told.observed);
            prop_assert!(told.availability.is_none_or(|part| (0.0..=1.0).contains(&part)));
        }
    }
}
