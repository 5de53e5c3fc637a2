//! What is wrong with a configuration, said so that it can be put right.

use std::fmt;

/// One thing that is wrong: where, with which key, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File and line, or the option of the command line.
    pub place: String,
    /// The key's dotted path; empty where no key is concerned.
    pub key: String,
    /// What is wrong and what to do about it.
    pub what: String,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key, what } = self;
        match key.is_empty() {
            true => write!(f, "{place}: {what}"),
            false => write!(f, "{place}: {key}: {what}"),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
