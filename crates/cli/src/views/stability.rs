//! How dependable a connection is.

use std::time::Duration;

use serde::Serialize;

use crate::output::{Page, Text, Tone, View, fields, span, wrapped};

/// A sample; an event of its own.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename = "sample")]
pub(crate) struct Sample {
    /// When, in seconds since the first.
    pub(crate) at_seconds: u64,
    /// `ConnectionStatus`; `None` if the gateway did not answer.
    pub(crate) connection_status: Option<Text>,
    /// `Uptime` in seconds, if it answered.
    pub(crate) uptime_seconds: Option<u64>,
    /// Whether the connection was up.
    pub(crate) up: bool,
}

/// The report.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Dependability {
    /// How long was watched.
    pub(crate) watched_seconds: u64,
    /// How many samples were taken.
    pub(crate) samples: u64,
    /// How many of them the gateway did not answer.
    pub(crate) unanswered: u64,
    /// Share of the known time in which the connection was up, 0 to 1; `None` if nothing is known.
    pub(crate) availability: Option<f64>,
    /// How long it was up, in seconds.
    pub(crate) up_seconds: u64,
    /// How long it was down.
    pub(crate) down_seconds: u64,
    /// For how long nothing is known.
    pub(crate) unknown_seconds: u64,
    /// How often the connection was lost, also where it was back before the next sample.
    pub(crate) drops: u32,
    /// How long it is up between two drops on average, in seconds, if there were any.
    pub(crate) mean_seconds_between_drops: Option<u64>,
    /// Longest time that it was down, in seconds, if it was.
    pub(crate) longest_outage_seconds: Option<u64>,
    /// Every outage, in order.
    pub(crate) outages: Vec<Outage>,
    /// How long the connection has been up at the last sample, in seconds.
    pub(crate) uptime_seconds: Option<u64>,
    /// Whether the gateway's Uptime is of use; if not, drops between samples may be missing.
    pub(crate) uptime_counts: bool,
    /// What is known of each stretch of time; for the chart.
    #[serde(skip)]
    pub(crate) history: Vec<Stretch>,
}

/// A time without a connection.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outage {
    /// Its beginning, in seconds since the first sample.
    pub(crate) from_seconds: u64,
    /// Its end; `None` while it lasts.
    pub(crate) until_seconds: Option<u64>,
    /// `LastConnectionError`, if a sample fell into it.
    pub(crate) last_connection_error: Text,
}

/// A stretch of time in one state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Its beginning, since the first sample.
    pub(crate) from: Duration,
    /// Its end.
    pub(crate) until: Duration,
    /// Whether the connection was up; `None` if nothing is known.
    pub(crate) up: Option<bool>,
}

impl View for Sample {
    /// People get the chart at the end, and a sign of life meanwhile.
    fn human(&self, _: &Page) -> String {
        String::new()
    }
}

impl View for Dependability {
    fn human(&self, page: &Page) -> String {
        let seconds = |seconds| span(Duration::from_secs(seconds));
        let availability = self.availability.map_or_else(
            || "unknown".to_owned(),
            |share| page.paint(if share < 1.0 { Tone::Bad } else { Tone::Good }, &percent(share)),
        );
        let unanswered = match self.unanswered {
            0 => String::new(),
            number => format!("{number} samples: the gateway itself was silent"),
        };
        let between = self
            .mean_seconds_between_drops
            .map(|time| format!("{} on average", seconds(time)));
        let mut text = fields(
            page,
            [
                (
                    "Watched",
                    format!("{}, {} samples", seconds(self.watched_seconds), self.samples),
                ),
                ("Availability", availability),
                ("Drops", self.drops.to_string()),
                ("Between drops", between.unwrap_or_default()),
                (
                    "Longest outage",
                    self.longest_outage_seconds.map(seconds).unwrap_or_default(),
                ),
                ("Unanswered", unanswered),
                ("Up now for", self.uptime_seconds.map(seconds).unwrap_or_default()),
            ],
        );
        for outage in &self.outages {
            text += &wrapped(&outage.in_words(), page.width, 2);
        }
        if !self.uptime_counts {
            let doubt = "This gateway's Uptime does not count, so that drops between two samples may be missing.";
            text += &wrapped(doubt, page.width, 0);
        }
        if let Some(width) = page.width {
            text += &chart(&self.history, width, page);
        }
        text
    }
}

impl Outage {
    fn in_words(&self) -> String {
        let at = span(Duration::from_secs(self.from_seconds));
        let length = match self.until_seconds {
            Some(until) => format!(
                "for {}",
                span(Duration::from_secs(until.saturating_sub(self.from_seconds)))
            ),
            None => "and still is".to_owned(),
        };
        let why = match self.last_connection_error.as_str() {
            "" | "ERROR_NONE" => String::new(),
            error => format!(": {error}"),
        };
        format!("- after {at} it was down {length}{why}")
    }
}

/// Never rounds up to 100 %.
fn percent(share: f64) -> String {
    format!("{:.2} %", (share * 10_000.0).floor() / 100.0)
}

/// A line of blocks of equal time, each as high as the share of it in which the connection was up; a question mark
/// where nothing is known.
fn chart(history: &[Stretch], width: usize, page: &Page) -> String {
    let (Some(first), Some(last)) = (history.first(), history.last()) else {
        return String::new();
    };
    let columns = u32::try_from(width.saturating_sub(2).clamp(1, 120)).unwrap_or(1);
    let step = (last.until - first.from) / columns;
    if step.is_zero() {
        return String::new();
    }
    let line: String = (0..columns)
        .map(|column| {
            let from = first.from + step * column;
            block(history, from, from + step, page.levels())
        })
        .collect();
    format!("\n{}\n", page.paint(Tone::Good, &line))
}

/// The block of this time: the highest only where nothing was lost, the lowest only where all was.
fn block(history: &[Stretch], from: Duration, until: Duration, levels: &[char]) -> char {
    let time = |up: bool| -> Duration {
        let parts = history.iter().filter(|stretch| stretch.up == Some(up));
        parts
            .map(|stretch| stretch.until.min(until).saturating_sub(stretch.from.max(from)))
            .sum()
    };
    let (up, down) = (time(true), time(false));
    let highest = levels.len() - 1;
    let level = match (up.is_zero(), down.is_zero()) {
        (true, true) => return '?',
        (true, false) => 0,
        (false, true) => highest,
        (false, false) => (1..highest)
            .rev()
            .find(|level| (up + down).mul_f64(*level as f64 / highest as f64) <= up)
            .unwrap_or(1),
    };
    levels.get(level).copied().unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use crate::output::Glyphs;

    use super::*;

    fn history(stretches: &[(u64, Option<bool>)]) -> Vec<Stretch> {
        let mut from = Duration::ZERO;
        stretches
            .iter()
            .map(|(length, up)| {
                let until = from + Duration::from_secs(*length);
                let stretch = Stretch { from, until, up: *up };
                from = until;
                stretch
            })
            .collect()
    }

    #[test]
    fn a_chart_has_full_blocks_only_where_nothing_was_lost() {
        let page = Page {
            width: Some(7),
            ..Page::PLAIN
        };
        let history = history(&[(15, Some(true)), (15, Some(false)), (10, None), (10, Some(true))]);
        assert_eq!(chart(&history, 7, &page), "\n█▄ ?█\n");
        let ascii = Page {
            glyphs: Glyphs::Ascii,
            ..page
        };
        assert_eq!(chart(&history, 7, &ascii), "\n#-.?#\n");
        assert_eq!(chart(&[], 7, &page), "");
    }

    #[test]
    fn a_loss_is_never_rounded_away() {
        assert_eq!(percent(1.0), "100.00 %");
        assert_eq!(percent(0.999_99), "99.99 %");
    }

    #[test]
    fn the_report_is_told_in_words() {
        let told = Dependability {
            watched_seconds: 600,
            samples: 120,
            availability: Some(0.95),
            drops: 1,
            mean_seconds_between_drops: Some(570),
            longest_outage_seconds: Some(30),
            outages: vec![Outage {
                from_seconds: 370,
                until_seconds: Some(400),
                last_connection_error: Text::clean("ERROR_NO_CARRIER"),
            }],
            uptime_seconds: Some(200),
            uptime_counts: true,
            ..Dependability::default()
        }
        .human(&Page::PLAIN);
        assert_eq!(
            told,
            "Watched         10 min, 120 samples\n\
             Availability    95.00 %\n\
             Drops           1\n\
             Between drops   9 min 30 s on average\n\
             Longest outage  30 s\n\
             Up now for      3 min 20 s\n\
             - after 6 min 10 s it was down for 30 s: ERROR_NO_CARRIER\n"
        );
    }
}
