//! The head of a datagram: a start line and headers, read so leniently that nothing a real client sends is lost.

/// A start line and the headers that could be understood.
pub(super) struct Head<'a> {
    pub(super) start_line: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Head<'a> {
    /// Lines may end in CR LF or LF alone; lines that are no headers are skipped; what follows the first empty line is
    /// ignored.
    pub(super) fn read(text: &'a str) -> Self {
        let mut lines = text.trim_start().lines();
        let start_line = lines.next().unwrap_or_default().trim();
        let headers = lines
            .take_while(|line| !line.trim().is_empty())
            .take(MAX_HEADERS)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        Self { start_line, headers }
    }

    /// The value of the first header of this name that is not empty; names are compared in any letter case.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value);
        values.find(|value| !value.is_empty())
    }
}

/// More than any device sends; bounds the work on a datagram of line ends.
const MAX_HEADERS: usize = 64;
