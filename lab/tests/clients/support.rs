//! What every client test needs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) use portreeve_lab::bytes::{Protocol, is_closed, is_open};
pub(crate) use portreeve_lab::programs::require_program;

/// The Python of the lab's virtual environment if it has a module; if not, prints what is left out.
pub(crate) fn require_python(module: &str) -> Option<PathBuf> {
    let python = env::var_os("LAB_PYTHON").map_or_else(default_python, PathBuf::from);
    if runs(&python, &format!("import {module}")) {
        return Some(python);
    }
    eprintln!("left out, needs the Python module {module}: `cargo xtask venv` makes it");
    None
}

/// Debian's own Python if it reaches the typelib of a library through GObject introspection; if not, prints what is
/// left out.
pub(crate) fn require_typelib(library: &str, version: &str, package: &str) -> Option<PathBuf> {
    let python = PathBuf::from("/usr/bin/python3");
    if runs(
        &python,
        &format!("import gi; gi.require_version('{library}', '{version}')"),
    ) {
        return Some(python);
    }
    eprintln!("left out, needs {library} {version} from Python (Debian: python3-gi, {package})");
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

fn runs(python: &Path, code: &str) -> bool {
    let status = Command::new(python)
        .args(["-c", code])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn default_python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lab-venv/bin/python")
}
