//! miniupnpd.conf: `name=value` lines, permission rules, and comments.

/// The lines of the file that mean something, in order.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) lines: Vec<Line>,
}

/// A line that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    /// As it stands there.
    pub(super) text: String,
    pub(super) content: Content,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An option and its value, which may be empty.
    Option { name: String, value: String },
    /// A permission rule, word by word.
    Permission(Vec<String>),
    /// Neither.
    Unclear,
}

impl File {
    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().enumerate().filter_map(|(index, line)| {
            let line = line.trim();
            let content = match line.chars().next()? {
                '#' => return None,
                _ => content(line),
            };
            Some(Line {
                number: index + 1,
                text: line
                    .chars()
                    .map(|char| if char.is_control() { ' ' } else { char })
                    .collect(),
                content,
            })
        });
        Self { lines: lines.collect() }
    }

    /// The value of an option; of several lines the last one counts.
    pub(super) fn value(&self, wanted: &str) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| match &line.content {
            Content::Option { name, value } if name == wanted && !value.is_empty() => Some(value.as_str()),
            _ => None,
        })
    }
}

fn content(line: &str) -> Content {
    let mut words = line.split_whitespace();
    if let Some("allow" | "deny") = words.next() {
        return Content::Permission(line.split_whitespace().map(str::to_owned).collect());
    }
    match line.split_once('=') {
        Some((name, value)) => Content::Option {
            name: name.trim().to_owned(),
            value: unquoted(value.trim()).to_owned(),
        },
        None => Content::Unclear,
    }
}

fn unquoted(value: &str) -> &str {
    let inside = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_rules_and_the_rest_are_told_apart() {
        let file = File::read("# ext_ifname=x\n\next_ifname = \"eth 1\" \nuuid=\n  allow 1-2 10.0.0.0/8 3\nwhat\n");
        let option = |name: &str, value: &str| Content::Option {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let words = ["allow", "1-2", "10.0.0.0/8", "3"].map(str::to_owned).to_vec();
        let read: Vec<_> = file.lines.into_iter().map(|line| (line.number, line.content)).collect();
        let expected = [
            (3, option("ext_ifname", "eth 1")),
            (4, option("uuid", "")),
            (5, Content::Permission(words)),
            (6, Content::Unclear),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn of_several_lines_with_an_option_the_last_counts() {
        let file = File::read("ext_ip=1.2.3.4\next_ip=5.6.7.8\next_ip=\n");
        assert_eq!(file.value("ext_ip"), Some("5.6.7.8"));
        assert_eq!(file.value("uuid"), None);
    }
}
