//! Medians and percentiles.

use std::time::Duration;

/// The middle value; of an even number the mean of the two in the middle. Zero of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => 0.0,
        (_, 1) => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// What was measured in turn with something else, round by round; none in a round that it was left out of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<Option<f64>>);

impl Series {
    /// Adds a round.
    pub(crate) fn push(&mut self, value: Option<f64>) {
        self.0.push(value);
    }

    /// The middle value.
    pub(crate) fn median(&self) -> f64 {
        median(&self.0.iter().copied().flatten().collect::<Vec<_>>())
    }

    /// Median of the ratios of what was measured in the same round, so that slow changes of the machine cancel out.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        let pairs = self.0.iter().zip(&other.0);
        let ratios = pairs.filter_map(|(ours, theirs)| Some((*ours)? / (*theirs)?));
        median(&ratios.collect::<Vec<_>>())
    }
}

/// How long each of many requests took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds one.
    pub(crate) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// Adds all of another.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time within which this share (0 to 1) of the requests was answered; zero if there was none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        // The shares are 0.5, 0.99 and 1, and the numbers are small.
        let position = (last as f64 * share).round() as usize;
        sorted.get(position).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let mut series = [Series::default(), Series::default()];
        for (ours, theirs) in [
            (Some(2.0), Some(1.0)),
            (Some(8.0), Some(2.0)),
            (Some(3.0), Some(1.0)),
            (None, Some(9.0)),
        ] {
            series[0].push(ours);
            series[1].push(theirs);
        }
        assert_eq!((series[0].median(), series[0].ratio(&series[1])), (3.0, 3.0));
    }

    #[test]
    fn quantiles() {
        let mut latencies = Latencies::default();
        for millis in (1..=101).rev() {
            latencies.push(Duration::from_millis(millis));
        }
        assert_eq!(latencies.quantile(0.5), Duration::from_millis(51));
        assert_eq!(latencies.quantile(0.99), Duration::from_millis(100));
        assert_eq!(latencies.quantile(1.0), Duration::from_millis(101));
        assert_eq!(Latencies::default().quantile(0.5), Duration::ZERO);
    }
}
