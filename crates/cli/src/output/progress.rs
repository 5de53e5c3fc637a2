//! A sign of life on a terminal, gone when the work is done.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::style::Glyphs;

/// Work shorter than this shows nothing, so that nothing flickers.
const PATIENCE: Duration = Duration::from_millis(200);
const FRAME: Duration = Duration::from_millis(100);

/// Waits for the work and shows meanwhile what is being waited for, on standard error.
pub(super) async fn spin<F: Future>(line: &Line, what: &str, glyphs: Glyphs, work: F) -> F::Output {
    let frames: &[&str] = match glyphs {
        Glyphs::Unicode => &["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"],
        Glyphs::Ascii => &["|", "/", "-", "\\"],
    };
    let mut frames = frames.iter().cycle();
    let mut ticks = interval_at(Instant::now() + PATIENCE, FRAME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let _gone_afterwards = Erased(line);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = ticks.tick() => line.draw(frames.next().unwrap_or(&""), what),
        }
    }
}

/// The line on the terminal that shows what is being waited for.
#[derive(Debug, Default)]
pub(super) struct Line {
    drawn: Cell<bool>,
}

impl Line {
    fn draw(&self, frame: &str, what: &str) {
        self.drawn.set(true);
        // A terminal that is gone needs no sign of life.
        let _ = write!(io::stderr(), "\r\x1b[2K{frame} {what}");
    }

    /// Makes room for what is to be printed.
    pub(super) fn erase(&self) {
        if self.drawn.replace(false) {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Erases the line when dropped, also if the work is given up.
struct Erased<'a>(&'a Line);

impl Drop for Erased<'_> {
    fn drop(&mut self) {
        self.0.erase();
    }
}
