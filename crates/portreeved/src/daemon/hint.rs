//! What to try next, in commands that work as they stand.

use std::fmt::Write;

use tracing::info;

use super::desk::Desk;
use crate::args::{LogFormat, Run};

/// Tells a person at a terminal what to try next; services and programs are spared.
pub(super) fn give(desk: &Desk, options: &Run) {
    let reads_log = std::env::var_os("JOURNAL_STREAM").is_some() || options.log.format == LogFormat::Json;
    if options.log.quiet || reads_log {
        info!("ready");
        return;
    }
    eprintln!("{}", text(desk, options));
}

fn text(desk: &Desk, options: &Run) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "portreeved".to_owned());
    let mut control = format!("{program} mappings");
    if let Some(directory) = &options.choices.state_dir {
        // Writing to a String cannot fail.
        let _ = write!(control, " --state-dir {}", directory.display());
    } else if let Some(file) = &options.choices.config {
        let _ = write!(control, " -c {}", file.display());
    }
    let (place, mapping) = match super::is_trial(&desk.findings) {
        // A router at the end of the default route goes before a trial, whose external address is seldom public.
        true => (
            "Ports of this machine can be tried out from this machine; with a web server on port 8080:",
            "portreeve map 8080 --external 18080 --gateway 127.0.0.1 --despite-status",
        ),
        false => (
            "On a host of the LAN, this opens its port 8080 until Ctrl-C:",
            "portreeve map 8080 --external 18080",
        ),
    };
    format!(
        "\nReady. {place}\n\n    {mapping}\n\nand here, this lists what is open:\n\n    {control}\n\nCtrl-C ends it.\n"
    )
}
