//! What every client test needs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) use portreeve_lab::bytes::{Protocol, is_closed, is_open};
pub(crate) use portreeve_lab::programs::require_program;

/// The Python of the lab's virtual environment if it has a module; if not, prints what is left out.
pub(crate) fn require_python(module: &str) -> Option<PathBuf> {
    let python = env::var_os("LAB_PYTHON").map_or_else(default_python, PathBuf::from);
    let found = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    eprintln!("left out, needs the Python module {module}: `cargo xtask venv` makes it");
    None
}

/// Path of a script of this suite.
pub(crate) fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients/python")
        .join(name)
        .display()
        .to_string()
}

fn default_python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lab-venv/bin/python")
}
