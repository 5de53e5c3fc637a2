//! Programs that the suites run: the project's own, of the same build as the tests, and those of others.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program of the project: the one that the environment variable names, or the binary of the same build as this test.
///
/// # Panics
/// If it has not been built.
pub fn built(name: &str, variable: &str) -> PathBuf {
    if let Some(path) = env::var_os(variable) {
        return path.into();
    }
    let test = env::current_exe().expect("a running program has a path");
    // <target>/<profile>/deps/<test>
    let profile = test.ancestors().nth(2);
    let path = profile
        .expect("tests lie two levels below the profile directory")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --bin {name}`, or set {variable}",
        path.display()
    );
    path
}

/// Whether a program of others is installed; if not, prints what is left out.
pub fn require_program(program: &str, package: &str) -> Option<()> {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(());
    }
    eprintln!("left out, needs {program} (Debian: {package})");
    None
}
