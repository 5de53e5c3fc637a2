//! Samples, put together into spans of time.

use std::time::Duration;

use super::{Outage, Report, Sample, Seen, Span, SpanState};

/// Samples of one connection. It keeps what [`report`](Self::report) needs, which grows with the changes and not with
/// the samples.
#[derive(Clone, Debug)]
pub struct Observations {
    tolerance: Duration,
    /// The first and the last sample of all.
    first: Option<Duration>,
    last: Duration,
    /// The last sample that the gateway answered, and since when it has given no answer.
    answered: Option<Answered>,
    silent_since: Option<Duration>,
    spans: Vec<Span>,
    /// What is counted on the way.
    counted: Report,
}

/// A sample that the gateway answered.
#[derive(Clone, Copy, Debug)]
struct Answered {
    at: Duration,
    seen: Connection,
}

/// What an answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Up(Option<Duration>),
    Down,
}

impl Default for Observations {
    fn default() -> Self {
        Self::new()
    }
}

impl Observations {
    /// How far Uptime may lag before that is taken for a reconnect: gateways count whole seconds, and some refresh the
    /// number only every few seconds.
    pub const TOLERANCE: Duration = Duration::from_secs(5);

    /// No samples yet.
    pub fn new() -> Self {
        Self::with_tolerance(Self::TOLERANCE)
    }

    /// No samples yet, and another tolerance than [`TOLERANCE`](Self::TOLERANCE).
    pub fn with_tolerance(tolerance: Duration) -> Self {
        Self {
            tolerance,
            first: None,
            last: Duration::ZERO,
            answered: None,
            silent_since: None,
            spans: Vec::new(),
            counted: Report::default(),
        }
    }

    /// Takes in the next sample. One that is older than the last counts as taken at the time of the last.
    pub fn record(&mut self, sample: &Sample) {
        let at = sample.at.max(self.last);
        self.last = at;
        self.first.get_or_insert(at);
        self.counted.samples += 1;
        let seen = match &sample.seen {
            Seen::Unreachable => {
                self.counted.unanswered += 1;
                self.silent_since.get_or_insert(at);
                return;
            }
            Seen::Up { uptime } => Connection::Up(*uptime),
            Seen::Down { .. } => Connection::Down,
        };
        let before = self.answered.replace(Answered { at, seen });
        let silent_since = self.silent_since.take();
        self.fill_in(before, silent_since, Answered { at, seen });
        if let (Seen::Down { last_error, .. }, Some(outage)) = (&sample.seen, self.counted.outages.last_mut()) {
            last_error.clone_into(&mut outage.last_error);
        }
        if let Some(since) = silent_since {
            self.counted.unreachable += at - since;
            self.counted.longest_unreachable = self.counted.longest_unreachable.max(at - since);
        }
    }

    /// What follows from the samples so far.
    pub fn report(&self) -> Report {
        let first = self.first.unwrap_or_default();
        let total = |state| -> Duration {
            let spans = self.spans.iter().filter(|span| span.state == state);
            spans.map(|span| span.until - span.from).sum()
        };
        let silent = self.silent_since.map_or(Duration::ZERO, |since| self.last - since);
        let told_until = self.spans.last().map_or(first, |span| span.until);
        let mut report = Report {
            observed: self.last - first,
            up: total(SpanState::Up),
            down: total(SpanState::Down),
            unknown: total(SpanState::Unknown) + (self.last - told_until),
            unreachable: self.counted.unreachable + silent,
            longest_unreachable: self.counted.longest_unreachable.max(silent),
            ..self.counted.clone()
        };
        for outage in &mut report.outages {
            outage.from -= first;
            outage.until = outage.until.map(|until| until - first);
        }
        report.concluded()
    }

    /// What is known of the time up to the last answer: in order, without gaps, and with neighbours of the same state
    /// joined.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Tells the time since the answer before, now that there is another.
    fn fill_in(&mut self, before: Option<Answered>, silent_since: Option<Duration>, now: Answered) {
        let at = now.at;
        let Some(before) = before else {
            return self.begin(now);
        };
        match (before.seen, now.seen) {
            (Connection::Up(then), Connection::Up(uptime)) => {
                match course(then, uptime, at - before.at, self.tolerance) {
                    Course::RanOn => self.tell(at, SpanState::Up),
                    Course::BeganAnew(uptime) => {
                        self.drop_at(before.at);
                        self.return_since(uptime, before.at, at);
                    }
                    unsure => {
                        self.counted.uptime_stands |= unsure == Course::Stands;
                        self.tell(silent_since.unwrap_or(at), SpanState::Up);
                        self.tell(at, SpanState::Unknown);
                    }
                }
            }
            (Connection::Up(_), Connection::Down) => {
                self.drop_at(before.at);
                self.tell(at, SpanState::Down);
            }
            (Connection::Down, Connection::Up(uptime)) => {
                self.return_since(uptime.unwrap_or_default(), before.at, at);
            }
            (Connection::Down, Connection::Down) => self.tell(at, SpanState::Down),
        }
    }

    /// The first answer. What was before is known as far as Uptime goes back.
    fn begin(&mut self, now: Answered) {
        let first = self.first.unwrap_or(now.at);
        match now.seen {
            Connection::Up(uptime) => {
                let uptime = uptime.unwrap_or_default();
                let before = uptime.saturating_sub(now.at - first);
                self.counted.up_before = Some(before).filter(|before| !before.is_zero());
                self.tell(now.at.saturating_sub(uptime).max(first), SpanState::Unknown);
                self.tell(now.at, SpanState::Up);
            }
            Connection::Down => {
                self.tell(now.at, SpanState::Unknown);
                self.outage_from(now.at);
            }
        }
    }

    fn drop_at(&mut self, at: Duration) {
        self.counted.drops += 1;
        self.outage_from(at);
    }

    fn outage_from(&mut self, from: Duration) {
        self.counted.outages.push(Outage {
            from,
            until: None,
            last_error: String::new(),
        });
    }

    /// The connection is up at this time and has been for this long, but not since before the last answer.
    fn return_since(&mut self, uptime: Duration, last_answer: Duration, at: Duration) {
        let back = at.saturating_sub(uptime).max(last_answer);
        self.tell(back, SpanState::Down);
        if let Some(outage) = self.counted.outages.last_mut() {
            outage.until = Some(back);
        }
        self.tell(at, SpanState::Up);
    }

    /// The time up to here was in this state.
    fn tell(&mut self, until: Duration, state: SpanState) {
        let from = self
            .spans
            .last()
            .map_or_else(|| self.first.unwrap_or_default(), |span| span.until);
        if until <= from {
            return;
        }
        match self.spans.last_mut() {
            Some(span) if span.state == state => span.until = until,
            _ => self.spans.push(Span { from, until, state }),
        }
    }
}

/// How Uptime went on between two samples that both saw the connection up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// It ran on: the connection was up all along.
    RanOn,
    /// It began anew, and the connection has been up for this long.
    BeganAnew(Duration),
    /// It stood still or went too slowly, which no reconnect explains: this gateway's Uptime is of no use.
    Stands,
    /// The gateway does not tell it.
    Untold,
}

fn course(then: Option<Duration>, now: Option<Duration>, elapsed: Duration, tolerance: Duration) -> Course {
    let (Some(then), Some(now)) = (then, now) else {
        return Course::Untold;
    };
    if now.saturating_add(tolerance) >= then.saturating_add(elapsed) {
        Course::RanOn
    } else if now < then || (now != then && now <= elapsed.saturating_add(tolerance)) {
        Course::BeganAnew(now)
    } else {
        Course::Stands
    }
}
