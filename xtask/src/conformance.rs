//! `cargo xtask conformance`: one table, both subjects.

use std::collections::BTreeMap;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use crate::machine;

const SUBJECTS: [&str; 2] = ["portreeved", "miniupnpd"];

/// Outcome of each test, by its path.
type Outcomes = BTreeMap<String, bool>;

/// Runs the suite against both subjects and prints the table. Fails if ours fails a test.
pub(crate) fn run() -> Result<ExitCode> {
    ensure!(
        machine::is_root(),
        "the conformance suite needs root: it makes network namespaces"
    );
    let built = machine::cargo().args(["build", "--bin", "portreeved"]).status()?;
    ensure!(built.success(), "portreeved does not build");
    let mut results = Vec::new();
    for subject in SUBJECTS {
        eprintln!("running the suite against {subject} ...");
        results.push(outcomes(subject)?);
    }
    print_table(&results);
    let ours = results.first().context("the first subject has been run")?;
    Ok(if ours.values().all(|passed| *passed) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn outcomes(subject: &str) -> Result<Outcomes> {
    let output = machine::cargo()
        .args([
            "test",
            "--package",
            "portreeve-lab",
            "--test",
            "conformance",
            "--",
            "--test-threads=2",
        ])
        .env("LAB_SUBJECT", subject)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    let outcomes = parse(&String::from_utf8_lossy(&output.stdout));
    ensure!(!outcomes.is_empty(), "the suite did not run against {subject}");
    Ok(outcomes)
}

/// Reads the lines `test PATH ... ok` and `test PATH ... FAILED` of the test harness.
fn parse(output: &str) -> Outcomes {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "))
        .filter_map(|(path, outcome)| match outcome {
            "ok" => Some((path.to_owned(), true)),
            "FAILED" => Some((path.to_owned(), false)),
            _ => None,
        })
        .collect()
}

fn print_table(results: &[Outcomes]) {
    let mut clause = "";
    for path in results
        .iter()
        .flat_map(BTreeMap::keys)
        .collect::<std::collections::BTreeSet<_>>()
    {
        let (module, test) = path.rsplit_once("::").unwrap_or(("", path));
        if module != clause {
            clause = module;
            println!("\n{}", title(module));
            println!(
                "  {:<86} {}",
                "",
                SUBJECTS.map(|subject| format!("{subject:<11}")).concat()
            );
        }
        let marks: String = results
            .iter()
            .map(|outcomes| format!("{:<11}", mark(outcomes.get(path))))
            .collect();
        println!("  {:<86} {marks}", test.replace('_', " "));
    }
    println!();
    for (subject, outcomes) in SUBJECTS.iter().zip(results) {
        let passed = outcomes.values().filter(|passed| **passed).count();
        println!("{subject:<11} {passed} of {} passed", outcomes.len());
    }
}

fn mark(outcome: Option<&bool>) -> &'static str {
    match outcome {
        Some(true) => "pass",
        Some(false) => "FAIL",
        None => "-",
    }
}

/// `wanipconnection2::section_2_5_16_add_port_mapping` as `wanipconnection2, section 2.5.16 add port mapping`.
fn title(module: &str) -> String {
    let (standard, clause) = module.split_once("::").unwrap_or((module, ""));
    let Some(rest) = clause.strip_prefix("section_") else {
        return format!("{standard}, {}", clause.replace('_', " "));
    };
    let words: Vec<_> = rest.split('_').collect();
    let digits = words
        .iter()
        .take_while(|word| word.chars().all(|c| c.is_ascii_digit()))
        .count();
    format!(
        "{standard}, section {} {}",
        words[..digits].join("."),
        words[digits..].join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_path_becomes_a_clause() {
        assert_eq!(
            title("w::section_2_5_16_add_port_mapping"),
            "w, section 2.5.16 add port mapping"
        );
        assert_eq!(title("uda::discovery_search"), "uda, discovery search");
    }

    #[test]
    fn the_output_of_the_harness_is_read() {
        let output = "running 3 tests\ntest a::b ... ok\ntest a::c ... FAILED\n\
                      test d ... ignored\n\ntest result: FAILED. 1 passed\n";
        let expected = [(String::from("a::b"), true), (String::from("a::c"), false)];
        assert_eq!(parse(output), Outcomes::from(expected));
    }
}
