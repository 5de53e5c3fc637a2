//! Amounts and sentences for people.

use std::fmt::Write;
use std::time::Duration;

use crate::exit::Failure;

use super::style::{Page, Tone};

/// A length of time in its two largest units: `3 days 4 h`, `12 min 5 s`, `0.4 s`.
pub(crate) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |large: String, small: u64, unit: &str| match small {
        0 => large,
        small => format!("{large} {small} {unit}"),
    };
    match seconds {
        0 if length.subsec_millis() > 0 => format!("{:.1} s", length.as_secs_f64().max(0.1)),
        0..60 => format!("{seconds} s"),
        60..3_600 => two(format!("{minutes} min"), seconds % 60, "s"),
        3_600..86_400 => two(format!("{hours} h"), minutes, "min"),
        _ if days == 1 => two("1 day".to_owned(), hours, "h"),
        _ => two(format!("{days} days"), hours, "h"),
    }
}

/// A bit rate: `250 Mbit/s`.
pub(crate) fn bits_per_second(rate: u64) -> String {
    format!("{}bit/s", scaled(rate, 1_000, ["", "k", "M", "G", "T"]))
}

/// An amount of data: `1.2 GiB`.
pub(crate) fn bytes(amount: u64) -> String {
    format!("{}B", scaled(amount, 1_024, ["", "Ki", "Mi", "Gi", "Ti"]))
}

fn scaled(amount: u64, base: u64, prefixes: [&str; 5]) -> String {
    let mut unit = 1;
    let mut prefix = prefixes[0];
    for larger in &prefixes[1..] {
        if amount / unit < base {
            break;
        }
        unit *= base;
        prefix = larger;
    }
    let (whole, tenth) = (amount / unit, amount % unit * 10 / unit);
    if tenth == 0 || whole >= 100 {
        format!("{whole} {prefix}")
    } else {
        format!("{whole}.{tenth} {prefix}")
    }
}

/// A number of things: `no mappings`, `1 mapping`, `450 mappings`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// The text in lines of at most the width, each but the first indented; ended with a newline. Its own lines are kept.
pub(crate) fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut page = String::with_capacity(text.len() + 1);
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            new_line(&mut page, indent);
        }
        let mut column = indent;
        for (position, word) in line.split_whitespace().enumerate() {
            let length = columns(word);
            if position > 0 && column.saturating_add(1 + length) > width {
                new_line(&mut page, indent);
                column = indent;
            } else if position > 0 {
                page.push(' ');
                column += 1;
            }
            page.push_str(word);
            column = column.saturating_add(length);
        }
    }
    page.push('\n');
    page
}

fn new_line(page: &mut String, indent: usize) {
    page.push('\n');
    page.extend(std::iter::repeat_n(' ', indent));
}

/// Columns that the word takes: colours take none.
fn columns(word: &str) -> usize {
    let mut coloured = word.split("\x1b[");
    let plain = coloured.next().map_or(0, |text| text.chars().count());
    let after_escapes = coloured.filter_map(|part| part.split_once('m'));
    plain + after_escapes.map(|(_, text)| text.chars().count()).sum::<usize>()
}

/// Why a command failed: the problem, then what to do.
pub(super) fn failure(failure: &Failure, page: &Page) -> String {
    let name = "portreeve: ";
    let mut text = page.paint(Tone::Bad, "portreeve:");
    let _ = write!(text, " {}", wrapped(failure.problem.as_str(), page.width, name.len()));
    if let Some(remedy) = &failure.remedy {
        let _ = write!(text, "  {}", wrapped(remedy.as_str(), page.width, 2));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_two_units() {
        for (milliseconds, told) in [
            (0, "0 s"),
            (40, "0.1 s"),
            (420, "0.4 s"),
            (59_900, "59 s"),
            (725_000, "12 min 5 s"),
            (720_000, "12 min"),
            (3_600_000, "1 h"),
            (90_000_000, "1 day 1 h"),
            (273_600_000, "3 days 4 h"),
        ] {
            assert_eq!(span(Duration::from_millis(milliseconds)), told);
        }
    }

    #[test]
    fn amounts_have_a_prefix_and_at_most_a_tenth() {
        assert_eq!(bits_per_second(250_000_000), "250 Mbit/s");
        assert_eq!(bits_per_second(16_500_000), "16.5 Mbit/s");
        assert_eq!(bits_per_second(999), "999 bit/s");
        assert_eq!(bytes(1_288_490_189), "1.2 GiB");
        assert_eq!(bytes(0), "0 B");
        assert!(bytes(u64::MAX).ends_with(" TiB"));
    }

    #[test]
    fn lines_break_between_words_at_the_width() {
        assert_eq!(wrapped("one two three", Some(9), 2), "one two\n  three\n");
        assert_eq!(wrapped("one two three", None, 2), "one two three\n");
        assert_eq!(wrapped("one\ntwo", None, 2), "one\n  two\n");
        assert_eq!(wrapped("unbreakable", Some(4), 0), "unbreakable\n");
        assert_eq!(wrapped("", Some(4), 0), "\n");
        assert_eq!(
            wrapped("\x1b[31mone two\x1b[0m three", Some(7), 0),
            "\x1b[31mone two\x1b[0m\nthree\n"
        );
    }

    #[test]
    fn a_failure_is_a_problem_and_a_remedy() {
        let told = failure(&Failure::usage("It is so.", "Do otherwise."), &Page::PLAIN);
        assert_eq!(told, "portreeve: It is so.\n  Do otherwise.\n");
    }
}
