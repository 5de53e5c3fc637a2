//! `cargo xtask test`.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::report::Report;
use crate::{machine, venv};

/// Network namespaces at a time. More of them only wait for the kernel's routing lock.
const NAMESPACE_THREADS: &str = "--test-threads=2";

pub(crate) fn test() -> Result<ExitCode> {
    let mut report = Report::new();
    machine::install_packages(&mut report);
    machine::fetch_sample();
    report.step("format", machine::cargo().args(["fmt", "--all", "--check"]));
    report.step(
        "generated code",
        machine::cargo().args(["xtask", "generate", "--check"]),
    );
    report.step(
        "clippy",
        machine::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    );
    report.step(
        "rustdoc",
        machine::cargo()
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    );
    report.step("tests", &mut unit_tests());
    report.step("doc tests", machine::cargo().args(["test", "--workspace", "--doc"]));
    report.step(
        "build",
        machine::cargo().args(["build", "--bin", "portreeved", "--bin", "portreeve"]),
    );
    lab(&mut report);
    Ok(report.finish())
}

/// Unit, property and integration tests of everything but the lab.
fn unit_tests() -> Command {
    let mut cargo = machine::cargo();
    if machine::has_nextest() {
        cargo.args(["nextest", "run", "--workspace", "--exclude", "portreeve-lab"]);
    } else {
        cargo.args([
            "test",
            "--workspace",
            "--exclude",
            "portreeve-lab",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
            "--",
        ]);
        cargo.arg(NAMESPACE_THREADS);
    }
    cargo
}

fn lab(report: &mut Report) {
    const WHAT: &str = "the lab (conformance, real clients) and every test in network namespaces";
    if !machine::is_root() {
        report.left_out(WHAT, "this is not root");
        return;
    }
    let missing = machine::missing_programs();
    if !missing.is_empty() {
        report.left_out(WHAT, &format!("there is no {}", missing.join(", no ")));
        return;
    }
    if let Err(error) = venv::make() {
        report.left_out("the Python clients", &format!("{error:#}"));
    }
    for program in machine::OF_SINGLE_TESTS {
        if !machine::has_program(program) {
            report.left_out(&format!("the tests with {program}"), "it is not installed");
        }
    }
    if !machine::has_typelib("GUPnP", "1.6") {
        report.left_out("the tests with GUPnP", "Debian's Python does not reach its typelib");
    }
    report.step(
        "lab",
        machine::cargo()
            .args([
                "test",
                "--package",
                "portreeve-lab",
                "--no-fail-fast",
                "--",
                NAMESPACE_THREADS,
            ])
            .env("LAB_SUBJECT", "portreeved")
            .env("LAB_PYTHON", venv::python()),
    );
}
