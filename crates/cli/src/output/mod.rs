//! What the program prints: results and events on standard output, all else on standard error.
//!
//! A command makes a [`View`] of what it found; this module prints it as text for people or as JSON.

mod human;
mod json;
mod progress;
mod reader;
mod style;
mod table;
mod text;
mod time;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::args::Common;
use crate::exit::{End, Failure};

pub(crate) use human::{bits_per_second, bytes, count, span, wrapped};
#[cfg(test)]
pub(crate) use style::Glyphs;
pub(crate) use style::{Mark, Page, Tone};
pub(crate) use table::{fields, table};
pub(crate) use text::Text;
pub(crate) use time::{of_day as time_of_day, utc};

/// Something to tell, in both forms.
pub(crate) trait View: Serialize {
    /// The text for people: whole lines, or nothing.
    fn human(&self, page: &Page) -> String;
}

/// Where a command tells what it finds.
#[derive(Debug)]
pub(crate) struct Output {
    command: &'static str,
    json: bool,
    quiet: bool,
    /// Whether to tell more.
    pub(crate) verbose: bool,
    page: Page,
    progress: progress::Line,
}

impl Output {
    /// The output of one command.
    pub(crate) fn new(command: &'static str, options: &Common) -> Self {
        Self {
            command,
            json: options.json,
            quiet: options.quiet,
            verbose: options.verbose,
            page: Page::of(&io::stdout()),
            progress: progress::Line::default(),
        }
    }

    /// Whether people read it, on a terminal that can be redrawn.
    pub(crate) fn is_screen(&self) -> bool {
        self.is_for_people() && io::stdout().is_terminal()
    }

    /// Whether people read it.
    pub(crate) fn is_for_people(&self) -> bool {
        !self.json
    }

    /// Waits until nobody reads what is printed any more.
    pub(crate) async fn abandoned(&self) {
        reader::gone().await;
    }

    /// The page for people.
    pub(crate) fn page(&self) -> &Page {
        &self.page
    }

    /// Tells what the command was asked for. Said once, last.
    pub(crate) fn result(&self, view: &impl View) -> Result<(), End> {
        if self.json {
            self.write(&json::result(self.command, view))
        } else {
            self.write(&view.human(&self.page))
        }
    }

    /// Tells what has just happened, while the command goes on.
    pub(crate) fn event(&self, view: &impl View) -> Result<(), End> {
        if self.json {
            self.write(&json::event(self.command, view))
        } else {
            self.write(&view.human(&self.page))
        }
    }

    /// Tells scripts what came of it in the end, where people have been told all along.
    pub(crate) fn conclude(&self, view: &impl Serialize) -> Result<(), End> {
        if self.json {
            self.write(&json::result(self.command, view))
        } else {
            Ok(())
        }
    }

    /// Parts for people what is told from what was told before.
    pub(crate) fn separate(&self) -> Result<(), End> {
        if self.json { Ok(()) } else { self.write("\n") }
    }

    /// Writes text that is the same in every form.
    pub(crate) fn write(&self, text: &str) -> Result<(), End> {
        if text.is_empty() {
            return Ok(());
        }
        self.progress.erase();
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// A remark for people beside the result.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json && !self.quiet {
            let page = Page::of(&io::stderr());
            // Where nobody reads it, there is nobody to tell.
            let _ = io::stderr().write_all(wrapped(text, page.width, 0).as_bytes());
        }
    }

    /// Waits, and shows that something is being waited for.
    pub(crate) async fn during<F: Future>(&self, what: &str, work: F) -> F::Output {
        let shown = !self.json && !self.quiet && io::stderr().is_terminal();
        if shown {
            progress::spin(&self.progress, what, Page::of(&io::stderr()).glyphs, work).await
        } else {
            work.await
        }
    }

    /// Tells why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        report(self.command, self.json, failure);
    }
}

/// Tells why a command failed, or the command line before there was one.
pub(crate) fn report(command: &str, json: bool, failure: &Failure) {
    // Where nobody reads it, there is nobody to tell; the exit status says it too.
    let _ = if json {
        io::stdout().write_all(json::failure(command, failure).as_bytes())
    } else {
        io::stderr().write_all(human::failure(failure, &Page::of(&io::stderr())).as_bytes())
    };
}
