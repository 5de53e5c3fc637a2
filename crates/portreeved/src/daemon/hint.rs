//! What to try next, in commands that work as they stand.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::PoisonError;

use portreeve_wire::resource::Resource;
use portreeve_wire::view::View;
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
    let lans = desk.lans.read().unwrap_or_else(PoisonError::into_inner);
    let own = lans.iter().flat_map(|lan| &lan.addresses).next();
    let own = own.map_or(Ipv4Addr::LOCALHOST, |own| own.address);
    let url = format!(
        "http://{own}:{}{}",
        desk.advertised.http_port,
        Resource::Description(View::Igd2)
    );
    let program = std::env::args().next().unwrap_or_else(|| "portreeved".to_owned());
    let mut control = format!("{program} mappings");
    if let Some(directory) = &options.choices.state_dir {
        // Writing to a String cannot fail.
        let _ = write!(control, " --state-dir {}", directory.display());
    } else if let Some(file) = &options.choices.config {
        let _ = write!(control, " -c {}", file.display());
    }
    match super::is_trial(&desk.findings) {
        true => format!(
            "\nReady. Ports of this machine can be tried out from this machine; with a web server on port 8080:\n\n    \
             upnpc -u {url} -a 127.0.0.1 8080 18080 TCP\n    {control}\n\nCtrl-C ends it.\n"
        ),
        false => format!(
            "\nReady. On a host of the LAN, this opens its port 8080:\n\n    upnpc -r 8080 TCP\n\nand here, this \
             lists what is open:\n\n    {control}\n\nCtrl-C ends it.\n"
        ),
    }
}
