//! Words of others, made safe to show.

/// Longest text that is shown, in characters: more does not help a person and fills the screen.
const LONGEST: usize = 160;

/// The text in quotation marks, on one line, clean as [`plain`] makes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text).replace('"', "'"))
}

/// The text on one line. Characters that a terminal obeys or that turn the direction of writing are left out, so that
/// a gateway cannot write over what the program says.
pub(crate) fn plain(text: &str) -> String {
    let visible = text.chars().filter(|c| c.is_whitespace() || !steers(*c));
    // Enough to fill the line and to know that there is more, however long the text is.
    let begin: String = visible.take(4 * LONGEST).collect();
    let line = begin.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// The system's words on one line, without the number that stands behind them.
pub(crate) fn reason(text: &str) -> String {
    let line = plain(text);
    match line.rsplit_once(" (os error ") {
        Some((words, number)) if number.trim_end_matches(')').parse::<i32>().is_ok() => words.to_owned(),
        _ => line,
    }
}

/// Whether a character acts on a terminal or on the order of the text instead of standing for something visible.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_terminal_is_not_steered() {
        assert_eq!(
            quoted("bad\u{1b}[2J\u{9b}31m\u{7}\r\nnews\u{202e}."),
            "\"bad[2J31m news.\""
        );
    }

    #[test]
    fn a_quotation_ends_where_it_ends() {
        assert_eq!(quoted("x\". All is well"), "\"x'. All is well\"");
    }

    #[test]
    fn the_number_of_a_systems_error_is_for_programs() {
        assert_eq!(reason("Connection refused (os error 111)"), "Connection refused");
        assert_eq!(reason("refused (os error abc)"), "refused (os error abc)");
        assert_eq!(reason("no root"), "no root");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(quoted(&"x".repeat(5000)).chars().count(), LONGEST + 3);
        assert!(!quoted(&"x".repeat(LONGEST)).contains('…'));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_visible_line(text in "\\PC*|(?s).*") {
            let shown = quoted(&text);
            prop_assert!(shown.chars().count() <= LONGEST + 3);
            prop_assert!(!shown.chars().any(steers));
            prop_assert_eq!(shown.matches('"').count(), 2);
        }
    }
}
