//! What the reader can take: colours, width, characters.

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use terminal_size::Width;

/// The page that is written on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Columns; `None` where nothing is to be cut or wrapped, as in a file or a pipe.
    pub(crate) width: Option<usize>,
    /// Whether to colour.
    pub(crate) colour: bool,
    /// Which characters it can show.
    pub(crate) glyphs: Glyphs,
}

/// Which characters can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyphs {
    /// All.
    Unicode,
    /// Those of ASCII.
    Ascii,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Doubtful,
    /// Wrong.
    Bad,
    /// Of less weight.
    Faint,
    /// Of more weight.
    Strong,
}

/// A sign before a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// As it should be.
    Tick,
    /// Wrong.
    Cross,
    /// Cannot be told.
    Unknown,
    /// Not tried.
    Dash,
}

impl Page {
    /// The page behind this stream.
    pub(crate) fn of(stream: &impl RawStream) -> Self {
        Self {
            width: stream
                .is_terminal()
                .then(|| terminal_size::terminal_size().map_or(80, |(Width(columns), _)| columns.max(40).into())),
            colour: AutoStream::choice(stream) != ColorChoice::Never,
            glyphs: glyphs(|name| std::env::var(name).ok()),
        }
    }

    /// A page for tests: no colours, all characters, endless lines.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self {
        width: None,
        colour: false,
        glyphs: Glyphs::Unicode,
    };

    /// The text in the colour of the tone, if there are colours.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Doubtful => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }

    /// The sign as this page can show it.
    pub(crate) fn mark(&self, mark: Mark) -> String {
        let (unicode, ascii, tone) = match mark {
            Mark::Tick => ("✓", "ok", Tone::Good),
            Mark::Cross => ("✗", "XX", Tone::Bad),
            Mark::Unknown => ("?", "??", Tone::Doubtful),
            Mark::Dash => ("–", "--", Tone::Faint),
        };
        match self.glyphs {
            Glyphs::Unicode => self.paint(tone, unicode),
            Glyphs::Ascii => self.paint(tone, ascii),
        }
    }

    /// Columns that a mark takes.
    pub(crate) const fn mark_width(&self) -> usize {
        match self.glyphs {
            Glyphs::Unicode => 1,
            Glyphs::Ascii => 2,
        }
    }

    /// What leads to a consequence.
    pub(crate) const fn arrow(&self) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => "→",
            Glyphs::Ascii => "->",
        }
    }

    /// Blocks from none to full, for a chart.
    pub(crate) const fn levels(&self) -> &'static [char] {
        match self.glyphs {
            Glyphs::Unicode => &[' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            Glyphs::Ascii => &['.', '-', '=', '#'],
        }
    }
}

/// What the locale can show: the first of these variables that is set decides (POSIX, Base Definitions 8.2).
fn glyphs(variable: impl Fn(&str) -> Option<String>) -> Glyphs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") {
        Glyphs::Unicode
    } else {
        Glyphs::Ascii
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |settings: &[(&str, &str)]| {
            glyphs(|name| {
                let found = settings.iter().find(|(set, _)| *set == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), Glyphs::Ascii);
        assert_eq!(of(&[("LANG", "en_GB.UTF-8")]), Glyphs::Unicode);
        assert_eq!(of(&[("LANG", "C.utf8")]), Glyphs::Unicode);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]), Glyphs::Ascii);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "en_GB.UTF-8")]), Glyphs::Unicode);
    }

    #[test]
    fn without_colours_there_are_no_escapes() {
        assert_eq!(Page::PLAIN.paint(Tone::Bad, "x"), "x");
        let coloured = Page {
            colour: true,
            ..Page::PLAIN
        };
        assert!(coloured.paint(Tone::Bad, "x").starts_with('\x1b'));
    }
}
