//! What follows from the samples.

use std::time::Duration;

/// How stable a connection was. All times are of the observation, unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// From the first sample to the last.
    pub observed: Duration,
    /// How many samples were taken.
    pub samples: u64,
    /// How many of them the gateway did not answer.
    pub unanswered: u64,
    /// How long the connection was up.
    pub up: Duration,
    /// How long it was down, reckoned from the last sample that saw it up to the moment since when it is up again by
    /// its Uptime: too long by at most the time between two samples for each drop.
    pub down: Duration,
    /// For how long nothing is known: the gateway did not answer, and its Uptime does not tell afterwards.
    pub unknown: Duration,
    /// The part of the known time in which the connection was up, between 0 and 1.
    pub availability: Option<f64>,
    /// How long the connection had been up without a break before the first sample.
    pub up_before: Option<Duration>,
    /// The same part as `availability`, with the time before the first sample that Uptime vouches for.
    pub availability_with_before: Option<f64>,
    /// How often the connection was lost. Several losses between two samples count as one.
    pub drops: u32,
    /// How long the connection is up between two drops, on average.
    pub mean_time_between_drops: Option<Duration>,
    /// How often it is lost in a day, at this rate.
    pub drops_per_day: Option<f64>,
    /// The longest outage, also when it is still going on.
    pub longest_outage: Option<Duration>,
    /// Every outage, in order.
    pub outages: Vec<Outage>,
    /// For how long in all the gateway did not answer: from each first sample without an answer to the next with one.
    pub unreachable: Duration,
    /// The longest of these times.
    pub longest_unreachable: Duration,
    /// Whether Uptime stood still or went too slowly while the connection was up, so that reconnects between samples
    /// may be missing.
    pub uptime_stands: bool,
}

/// A time without a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outage {
    /// The last sample that saw the connection up, or the first of all; since the beginning of the observation.
    pub from: Duration,
    /// Since when it is up again; `None` while it is not.
    pub until: Option<Duration>,
    /// LastConnectionError, as the gateway said it last during the outage; empty if no sample fell into it.
    pub last_error: String,
}

/// A stretch of time in which the connection was in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning, since the beginning of the observation.
    pub from: Duration,
    /// Its end.
    pub until: Duration,
    /// The state.
    pub state: SpanState,
}

/// What is known about a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanState {
    /// The connection was up.
    Up,
    /// It was down.
    Down,
    /// Nothing is known.
    Unknown,
}

impl Report {
    /// Fills in what follows from the other values.
    pub(super) fn concluded(self) -> Self {
        let known = self.up + self.down;
        let before = self.up_before.unwrap_or_default();
        let part = |up: Duration, all: Duration| (!all.is_zero()).then(|| up.as_secs_f64() / all.as_secs_f64());
        let lengths = self
            .outages
            .iter()
            .map(|outage| outage.until.unwrap_or(self.observed) - outage.from);
        Self {
            availability: part(self.up, known),
            availability_with_before: part(self.up.saturating_add(before), known.saturating_add(before)),
            mean_time_between_drops: self.up.checked_div(self.drops),
            drops_per_day: part(known, DAY)
                .filter(|days| *days > 0.0)
                .map(|days| f64::from(self.drops) / days),
            longest_outage: lengths.max(),
            ..self
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
