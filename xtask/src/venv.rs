//! The Python environment of the lab's Python clients.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::machine;

/// Its interpreter.
pub(crate) fn python() -> PathBuf {
    directory().join("bin/python")
}

/// Makes the environment if it is missing or incomplete. Needs the network the first time.
pub(crate) fn make() -> Result<()> {
    if is_complete() {
        return Ok(());
    }
    println!("=== venv: {}", directory().display());
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory()))?;
    let requirements = machine::workspace().join("lab/tests/clients/python/requirements.txt");
    run(Command::new(python())
        .args(["-m", "pip", "install", "--quiet", "--requirement"])
        .arg(requirements))
}

fn directory() -> PathBuf {
    machine::target().join("lab-venv")
}

fn is_complete() -> bool {
    let mut command = Command::new(python());
    command
        .args(["-c", "import async_upnp_client, libtorrent, miniupnpc"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
