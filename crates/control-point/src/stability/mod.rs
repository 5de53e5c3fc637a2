//! How stable the internet connection is, reckoned from samples of its status and Uptime.
//!
//! Between two samples nobody looks, but Uptime tells: if it ran on by the time that passed, the connection was up all
//! along; if it began anew, the connection was lost and came back that long ago. So short outages are found however
//! rare the samples are, and times in which only the gateway did not answer are no outages.

mod observations;
mod report;
mod sample;
mod watch;

pub use observations::Observations;
pub use report::{Outage, Report, Span, SpanState};
pub use sample::{Sample, Seen};
pub use watch::Watch;

#[cfg(test)]
mod tests;
