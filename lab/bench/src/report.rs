//! Tables as they are printed, and the project's targets beside what was measured.

use std::fmt;
use std::time::Duration;

/// Prints tables as they come, and all targets at the end.
#[derive(Debug, Default)]
pub(crate) struct Report {
    targets: Table,
}

/// A table in Markdown, its columns aligned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Report {
    /// A report without anything in it.
    pub(crate) fn new() -> Self {
        Self {
            targets: Table::new(&["target", "wanted", "measured", ""]),
        }
    }

    /// Begins a benchmark.
    pub(crate) fn section(&self, title: &str) {
        println!("\n## {title}\n");
    }

    /// Prints a table.
    pub(crate) fn table(&self, table: &Table) {
        println!("{table}");
    }

    /// Prints a remark.
    pub(crate) fn note(&self, text: &str) {
        println!("{text}\n");
    }

    /// Says on standard error what is being done, for those who wait.
    pub(crate) fn progress(&self, text: &str) {
        eprintln!("... {text}");
    }

    /// Notes what a target wants and what was measured.
    pub(crate) fn target(&mut self, what: &str, wanted: &str, measured: String, met: bool) {
        let verdict = if met { "met" } else { "missed" };
        self.targets
            .row([what.to_owned(), wanted.to_owned(), measured, verdict.to_owned()]);
    }

    /// Prints the targets.
    pub(crate) fn finish(&self) {
        if !self.targets.is_empty() {
            self.section("Targets");
            println!("{}", self.targets);
        }
    }
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self {
            rows: vec![columns.iter().map(|column| (*column).to_owned()).collect()],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(2)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Names to the left, figures to the right.
                match column {
                    0 => write!(f, "| {cell:width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let line = "-".repeat(*width);
                    match column {
                        0 => write!(f, "| {line} |")?,
                        _ => write!(f, " {}: |", &line[1..])?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// A whole number with a mark between thousands.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate: whole above ten, with a decimal below.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        slow if slow < 10.0 => format!("{slow:.1}"),
        fast => count(fast.round() as usize),
    }
}

/// A factor.
pub(crate) fn ratio(factor: f64) -> String {
    match factor {
        nothing if !nothing.is_finite() || nothing == 0.0 => "-".to_owned(),
        large if large >= 100.0 => format!("{} x", count(large.round() as usize)),
        factor if factor >= 10.0 => format!("{factor:.1} x"),
        factor => format!("{factor:.2} x"),
    }
}

/// A time in milliseconds.
pub(crate) fn millis(time: Duration) -> String {
    match time.as_secs_f64() * 1000.0 {
        short if short < 10.0 => format!("{short:.2} ms"),
        long => format!("{} ms", count(long.round() as usize)),
    }
}

/// Kibibytes as mebibytes.
pub(crate) fn mebibytes(kib: usize) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned() {
        let mut table = Table::new(&["name", "n"]);
        table.row(["a long name".to_owned(), "1,000".to_owned()]);
        table.row(["x".to_owned(), "1".to_owned()]);
        let expected =
            "| name        |     n |\n| ----------- | ----: |\n| a long name | 1,000 |\n| x           |     1 |\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn figures() {
        assert_eq!(
            (count(7), count(1000), count(1_234_567)),
            ("7".into(), "1,000".into(), "1,234,567".into())
        );
        assert_eq!((rate(9.96), rate(1234.5)), ("10.0".into(), "1,235".into()));
        assert_eq!(
            (ratio(0.814), ratio(51.26), ratio(1234.0)),
            ("0.81 x".into(), "51.3 x".into(), "1,234 x".into())
        );
        assert_eq!((ratio(f64::NAN), ratio(f64::INFINITY)), ("-".into(), "-".into()));
        assert_eq!(millis(Duration::from_micros(1234)), "1.23 ms");
        assert_eq!(mebibytes(8192), "8.0 MiB");
    }
}
