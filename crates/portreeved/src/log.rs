//! The log: lines on standard error, for people or for machines.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

use crate::args::{Log, LogFormat};

/// Standard error.
struct Lines;

thread_local! {
    /// Lines that this thread is to write together.
    static HELD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

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
        .with_writer(|| Lines)
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

/// Writes all lines that `log` logs on this thread at once, which costs no more than writing one. Not to be nested.
pub(crate) fn together(log: impl FnOnce()) {
    HELD.set(Some(Vec::new()));
    log();
    let lines = HELD.take().unwrap_or_default();
    // A log that nobody can take any more is no reason to end.
    let _ = io::stderr().write_all(&lines);
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HELD.with_borrow_mut(|held| match held {
            Some(lines) => lines.write(bytes),
            None => io::stderr().write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        // Standard error has no buffer.
        Ok(())
    }
}
