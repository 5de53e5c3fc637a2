//! Texts of gateways that are kept, some of them in thousands.

/// More characters than a name of a host has, or a description that gateways take.
pub(crate) const LONGEST_TEXT: usize = 512;

/// As much of a text as is kept.
pub(crate) fn bounded(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}
