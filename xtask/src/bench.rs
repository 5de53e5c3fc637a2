//! `cargo xtask bench`: builds the daemon, the tool and the benchmarks in release, and runs them.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};

use crate::machine;

/// Builds what is measured and what measures, and hands the arguments on (`--help` tells them).
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    // All of them end up beside each other, where the benchmarks look for them.
    let built = machine::cargo()
        .args([
            "build",
            "--release",
            "--package",
            "portreeved",
            "--package",
            "portreeve-cli",
            "--package",
            "portreeve-bench",
            "--bins",
        ])
        .status()
        .context("cannot start cargo")?;
    if !built.success() {
        bail!("the release build failed");
    }
    // What is measured inherits the priority, so that neither side is held up by whatever else the machine does.
    let status = Command::new("nice")
        .args(["-n", "-15"])
        .arg(machine::target().join("release/portreeve-bench"))
        .args(arguments)
        .status()
        .context("cannot start the benchmarks")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
