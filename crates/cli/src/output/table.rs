//! Things side by side: tables, and fields with their names.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::human::wrapped;
use super::style::{Page, Tone};

/// A table with a head. On a terminal it keeps to the width and wraps within cells; in a pipe each row is one line.
pub(crate) fn table<const N: usize>(page: &Page, head: [&str; N], rows: &[[String; N]]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    match page.width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(head);
    table.add_rows(rows.iter().cloned());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        column.set_cell_alignment(CellAlignment::Left);
    }
    let mut text = String::new();
    for (number, line) in table.to_string().lines().enumerate() {
        match number {
            0 => text.push_str(&page.paint(Tone::Strong, line.trim_end())),
            _ => text.push_str(line.trim_end()),
        }
        text.push('\n');
    }
    text
}

/// Names and values in two columns; values wrap within theirs. Fields without a value are left out.
pub(crate) fn fields<'a>(page: &Page, fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let indent = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let mut text = String::new();
    for (name, value) in &fields {
        text.push_str(&page.paint(Tone::Faint, name));
        text.extend(std::iter::repeat_n(' ', indent - name.len()));
        text.push_str(&wrapped(value, page.width, indent));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 2]) -> [String; 2] {
        cells.map(str::to_owned)
    }

    #[test]
    fn in_a_pipe_each_row_is_one_line() {
        let long = "x".repeat(300);
        let told = table(
            &Page::PLAIN,
            ["PORT", "DESCRIPTION"],
            &[row(["80", &long]), row(["8080", ""])],
        );
        assert_eq!(told, format!("PORT  DESCRIPTION\n80    {long}\n8080\n"));
    }

    #[test]
    fn on_a_terminal_no_line_is_wider_than_it() {
        let page = Page {
            width: Some(40),
            ..Page::PLAIN
        };
        let told = table(
            &page,
            ["PORT", "DESCRIPTION"],
            &[row([
                "80",
                "a description that is longer than the terminal is wide 世界",
            ])],
        );
        assert!(told.lines().count() > 2, "{told}");
        assert!(told.lines().all(|line| line.chars().count() <= 40), "{told}");
    }

    #[test]
    fn fields_line_up_and_empty_ones_are_left_out() {
        let told = fields(
            &Page::PLAIN,
            [
                ("Link", "up".to_owned()),
                ("IPv6", String::new()),
                ("Address", "11.11.11.2".to_owned()),
            ],
        );
        assert_eq!(told, "Link     up\nAddress  11.11.11.2\n");
    }
}
