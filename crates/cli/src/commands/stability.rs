//! `portreeve stability`.

use std::time::Duration;

use portreeve::Gateway;
use portreeve::stability::{Observations, Report, Sample, Seen, SpanState};
use tokio::time::{Instant, timeout_at};

use crate::args::{Reach, Stability as Options};
use crate::exit::End;
use crate::output::{Output, Text};
use crate::views::{self, Dependability, Outage, Stretch};

use super::reach;
use super::stop::Stop;

/// The most by which the last sample may miss the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// Watches for as long as was asked for or until stopped, and reports.
pub(super) async fn run(output: &Output, reach: &Reach, options: &Options) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    let mut stop = Stop::listen()?;
    let mut watched = Watched::default();
    let watching = output.during("watching the connection; Ctrl-C ends it with the report", async {
        tokio::select! {
            ended = watched.watch(output, &gateway, options) => ended,
            () = stop.asked() => Ok(()),
            () = output.abandoned() => Err(End::ReaderGone),
        }
    });
    watching.await?;
    output.result(&watched.told())
}

#[derive(Debug, Default)]
struct Watched {
    observations: Observations,
    uptime: Option<Duration>,
}

impl Watched {
    async fn watch(&mut self, output: &Output, gateway: &Gateway, options: &Options) -> Result<(), End> {
        let mut watch = gateway.watch_status(options.interval);
        let end = Instant::now() + options.length;
        let patience = PATIENCE.min(options.interval / 2);
        // The last sample is due at the end itself.
        while let Ok(sample) = timeout_at(end + patience, watch.next()).await {
            self.observations.record(&sample);
            self.uptime = match &sample.seen {
                Seen::Up { uptime } => *uptime,
                _ => None,
            };
            output.event(&told(&sample))?;
            if Instant::now() + patience >= end {
                break;
            }
        }
        Ok(())
    }

    fn told(&self) -> Dependability {
        let report = self.observations.report();
        let spans = self.observations.spans().iter();
        let history = spans.map(|span| Stretch {
            from: span.from,
            until: span.until,
            up: match span.state {
                SpanState::Up => Some(true),
                SpanState::Down => Some(false),
                _ => None,
            },
        });
        Dependability {
            uptime_seconds: self.uptime.map(|uptime| uptime.as_secs()),
            history: history.collect(),
            ..dependability(&report)
        }
    }
}

fn told(sample: &Sample) -> views::Sample {
    let (status, uptime) = match &sample.seen {
        Seen::Up { uptime } => (Some("Connected"), *uptime),
        Seen::Down { status, .. } => (Some(status.as_str()), None),
        _ => (None, None),
    };
    views::Sample {
        at_seconds: sample.at.as_secs(),
        connection_status: status.map(Text::clean),
        uptime_seconds: uptime.map(|uptime| uptime.as_secs()),
        up: matches!(sample.seen, Seen::Up { .. }),
    }
}

fn dependability(report: &Report) -> Dependability {
    let outages = report.outages.iter().map(|outage| Outage {
        from_seconds: outage.from.as_secs(),
        until_seconds: outage.until.map(|until| until.as_secs()),
        last_connection_error: Text::clean(&outage.last_error),
    });
    Dependability {
        watched_seconds: (report.observed + Duration::from_millis(500)).as_secs(),
        samples: report.samples,
        unanswered: report.unanswered,
        availability: report.availability,
        up_seconds: report.up.as_secs(),
        down_seconds: report.down.as_secs(),
        unknown_seconds: report.unknown.as_secs(),
        drops: report.drops,
        mean_seconds_between_drops: report.mean_time_between_drops.map(|time| time.as_secs()),
        longest_outage_seconds: report.longest_outage.map(|time| time.as_secs()),
        outages: outages.collect(),
        uptime_counts: !report.uptime_stands,
        ..Dependability::default()
    }
}
