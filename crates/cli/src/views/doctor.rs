//! What `doctor` finds.

use serde::Serialize;

use crate::output::{Mark, Page, Text, Tone, View, wrapped};

/// A step of the examination; an event of its own.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename = "step")]
pub(crate) struct Step {
    /// What was looked at; a stable name.
    pub(crate) topic: &'static str,
    /// The same for people.
    pub(crate) title: Text,
    /// How it is.
    pub(crate) outcome: Outcome,
    /// What was found: a sentence.
    pub(crate) finding: Text,
    /// What to do about it.
    pub(crate) remedy: Option<Text>,
    /// How long it took, in milliseconds.
    pub(crate) took_milliseconds: u64,
}

/// How a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// As it should be.
    Good,
    /// Wrong.
    Bad,
    /// It cannot be told.
    Unknown,
    /// Not tried, since an earlier step failed or nobody asked.
    Skipped,
}

/// Steps that were all skipped for the same reason; people read it once.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Skipped<'a>(pub(crate) &'a [Step]);

/// The verdict of an examination in which nothing was wrong.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Diagnosis {
    /// A sentence.
    pub(crate) verdict: Text,
    /// What to do next, if anything.
    pub(crate) remedy: Option<Text>,
    /// How many steps there were.
    pub(crate) steps: usize,
}

impl View for Skipped<'_> {
    fn human(&self, page: &Page) -> String {
        let Some(first) = self.0.first() else {
            return String::new();
        };
        let titles: Vec<&str> = self.0.iter().map(|step| step.title.as_str()).collect();
        let title = Text::clean(titles.join(", "));
        Step { title, ..first.clone() }.human(page)
    }
}

impl View for Step {
    fn human(&self, page: &Page) -> String {
        let mark = match self.outcome {
            Outcome::Good => Mark::Tick,
            Outcome::Bad => Mark::Cross,
            Outcome::Unknown => Mark::Unknown,
            Outcome::Skipped => Mark::Dash,
        };
        let indent = page.mark_width() + 1;
        let name = page.paint(Tone::Strong, self.title.as_str());
        let finding = wrapped(&format!("{name}: {}", self.finding), page.width, indent);
        let mut text = format!("{} {finding}", page.mark(mark));
        if let Some(remedy) = &self.remedy {
            text.extend(std::iter::repeat_n(' ', indent));
            text += &wrapped(&format!("{} {remedy}", page.arrow()), page.width, indent + 3);
        }
        text
    }
}

impl View for Diagnosis {
    fn human(&self, page: &Page) -> String {
        let mut text = format!("\n{}", wrapped(self.verdict.as_str(), page.width, 0));
        if let Some(remedy) = &self.remedy {
            text += &wrapped(remedy.as_str(), page.width, 0);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::output::Glyphs;

    use super::*;

    #[test]
    fn a_step_has_a_sign_and_a_remedy_in_any_locale() {
        let step = Step {
            topic: "external-address",
            title: Text::clean("External address"),
            outcome: Outcome::Bad,
            finding: Text::clean("it is private"),
            remedy: Some(Text::clean("Put the first router into bridge mode.")),
            took_milliseconds: 3,
        };
        assert_eq!(
            step.human(&Page::PLAIN),
            "✗ External address: it is private\n  → Put the first router into bridge mode.\n"
        );
        let ascii = Page {
            glyphs: Glyphs::Ascii,
            ..Page::PLAIN
        };
        let told = step.human(&ascii);
        assert_eq!(
            told,
            "XX External address: it is private\n   -> Put the first router into bridge mode.\n"
        );
        assert!(told.is_ascii());
    }
}
