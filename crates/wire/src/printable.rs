//! Texts of strangers, made fit to be shown.

/// At most `limit` characters of a text in one line: white space and control characters become single spaces, and
/// what would turn the direction of writing is left out. So it can neither steer a terminal nor pose as more than one
/// line of a log.
pub fn printable(text: &str, limit: usize) -> String {
    let shown = text.chars().filter(|c| !turns_direction(*c)).map(|c| match c {
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    });
    let mut line = String::with_capacity(text.len().min(limit));
    let mut length = 0;
    for c in shown {
        if c == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if length == limit {
            break;
        }
        line.push(c);
        length += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// The marks, embeddings, overrides and isolates of the Unicode bidirectional algorithm (UAX 9).
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(printable(" Conflict\r\n\tIn \u{2028}Entry ", 256), "Conflict In Entry");
        assert_eq!(printable("\x1b[2J\x1b]0;title\x07\u{9b}31m", 256), "[2J ]0;title 31m");
        assert_eq!(printable("a\u{202e}b\0\u{7f}", 256), "ab");
        assert_eq!(printable("漢字 ü 🦀", 256), "漢字 ü 🦀");
    }

    #[test]
    fn the_limit_is_in_characters() {
        assert_eq!(printable("üüüü", 3), "üüü");
        assert_eq!(printable("ab  cd", 3), "ab");
        assert_eq!(printable("abc", 0), "");
    }
}
