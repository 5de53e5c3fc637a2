//! The log: lines on standard error, for people or for machines.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

use crate::args::{Log, LogFormat};

/// Starts to log as the command line says. Under journald, which has its own clock, lines carry no time.
pub fn init(options: Log) {
    let level = match (options.quiet, options.verbose) {
        (true, _) => LevelFilter::WARN,
        (false, 0) => LevelFilter::INFO,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let lines = fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(level >= LevelFilter::DEBUG);
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    match (options.format, journal) {
        (LogFormat::Text, false) => lines.init(),
        (LogFormat::Text, true) => lines.without_time().init(),
        (LogFormat::Json, false) => lines.json().flatten_event(true).init(),
        (LogFormat::Json, true) => lines.json().flatten_event(true).without_time().init(),
    }
}
