//! `portreeve man`: one page for the whole tool, from the same texts as `--help`.

use std::fmt::Write as _;
use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Cli, EXIT_STATUSES};
use crate::exit::End;
use crate::output::Output;

/// How apostrophes are spelt, which differs between groff and the rest.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Prints the page.
pub(super) fn run(output: &Output) -> Result<(), End> {
    output.write(&page()?)
}

fn page() -> io::Result<String> {
    let mut tool = Cli::command();
    tool.build();
    let mut name = Vec::new();
    Man::new(tool.clone()).render_name_section(&mut name)?;
    let mut page = format!(
        "{PREAMBLE}.TH PORTREEVE 1 \"\" \"portreeve {}\" \"User Commands\"\n{}",
        env!("CARGO_PKG_VERSION"),
        without_preamble(&name)
    );
    let _ = write!(page, ".SH SYNOPSIS\n{}\n", usage(&mut tool));
    page += &description(&tool)?;
    for command in tool.get_subcommands() {
        page += &section(command)?;
        for part in command.get_subcommands() {
            page += &section(part)?;
        }
    }
    page += ".SH \"COMMON OPTIONS\"\n";
    page += &options(&tool, clap::Arg::is_global_set)?;
    page += ".SH \"EXIT STATUS\"\n.nf\n";
    for line in EXIT_STATUSES.lines().skip(1) {
        let _ = writeln!(page, "{}", escaped(line));
    }
    page += ".fi\n.SH FILES\n.TP\n\\fI$XDG_CACHE_HOME/portreeve/gateways.json\\fR\n\
             Gateways found before, asked first the next time. It can be removed at any time.\n\
             .SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nIf set, nothing is coloured.\n";
    Ok(page)
}

/// What a command does, its own options, and examples.
fn section(command: &Command) -> io::Result<String> {
    // The name of a part has that of its group before it.
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut section = format!(".SH \"{}\"\n", name.to_uppercase());
    let _ = writeln!(section, "{}", usage(&mut command.clone()));
    section += &description(command)?.replace(".SH DESCRIPTION\n", ".PP\n");
    section += &options(command, |argument| !argument.is_global_set())?;
    if let Some(examples) = command.get_after_long_help() {
        section += ".PP\n.nf\n";
        for line in examples.to_string().lines() {
            let _ = writeln!(section, "{}", escaped(line));
        }
        section += ".fi\n";
    }
    Ok(section)
}

/// `portreeve map [OPTIONS] <PORT>`.
fn usage(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    escaped(usage.trim_start_matches("Usage: "))
}

/// What it is for, at length.
fn description(command: &Command) -> io::Result<String> {
    let mut text = Vec::new();
    Man::new(command.clone()).render_description_section(&mut text)?;
    Ok(without_preamble(&text))
}

/// The arguments of a command that are wanted, without a head.
fn options(command: &Command, wanted: impl Fn(&clap::Arg) -> bool) -> io::Result<String> {
    let mut bare = Command::new("portreeve")
        .disable_help_flag(true)
        .disable_version_flag(true);
    let told = |argument: &&clap::Arg| !matches!(argument.get_id().as_str(), "help" | "version") && wanted(argument);
    for argument in command.get_arguments().filter(told) {
        bare = bare.arg(argument.clone().help_heading(None));
    }
    if bare.get_arguments().next().is_none() {
        return Ok(String::new());
    }
    let mut text = Vec::new();
    Man::new(bare).render_options_section(&mut text)?;
    Ok(without_preamble(&text).replace(".SH OPTIONS\n", ""))
}

/// The text less the [`PREAMBLE`], which each part comes with.
fn without_preamble(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines = text
        .lines()
        .filter(|line| !line.starts_with(".ie ") && !line.starts_with(".el "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// A line of text that roff prints as it is.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\\\").replace('-', "\\-");
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_section_and_no_option_is_left_out() {
        let page = page().unwrap();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(
                page.contains(&format!(".SH \"PORTREEVE {}\"", name.to_uppercase())),
                "{name}"
            );
            for option in command
                .get_arguments()
                .filter_map(clap::Arg::get_long)
                .filter(|long| *long != "help")
            {
                let option = option.replace('-', "\\-");
                assert!(page.contains(&format!("\\-\\-{option}")), "{name} --{option}");
            }
        }
        assert_eq!(
            page.matches("\\-\\-gateway\\fR").count(),
            1,
            "common options are told once"
        );
    }
}
