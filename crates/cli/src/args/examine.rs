//! Arguments of the commands that look at the connection.

use std::time::Duration;

use clap::Args;
use portreeve::Protocol;

use super::values;

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  portreeve status
  portreeve status --watch
  portreeve status --json";

pub(super) const WATCH_EXAMPLES: &str = "\
Examples:
  portreeve watch
  portreeve watch --service WANIPConnection
  portreeve watch --json | head -1";

pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  portreeve doctor
  portreeve doctor 8080
  portreeve doctor 8080 --stun stun.example.net:3478

Each step on the way from this machine to the Internet is tried: interface, route, search,
description, status, external address, a trial mapping that is removed again. The exit status tells
the diagnosis.";

pub(super) const STABILITY_EXAMPLES: &str = "\
Examples:
  portreeve stability
  portreeve stability --for 2h --interval 10s
  portreeve stability --for 1m --json";

/// How to tell the status.
#[derive(Args, Clone, Debug)]
pub(crate) struct Status {
    /// Go on until Ctrl-C, and show what changes
    #[arg(long)]
    pub(crate) watch: bool,
    /// Time between two looks [default: 2s; 30s for scripts, while the gateway tells of changes by itself]
    #[arg(long, value_name = "TIME", value_parser = values::span, requires = "watch")]
    pub(crate) interval: Option<Duration>,
}

/// What to watch.
#[derive(Args, Clone, Debug)]
pub(crate) struct Watch {
    /// Only this service: its name, with or without version, or its full type or identifier; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Vec<String>,
    /// Time between two questions where there are no events
    #[arg(long, value_name = "TIME", value_parser = values::span, default_value = "2s")]
    pub(crate) interval: Duration,
}

/// What to examine.
#[derive(Args, Clone, Debug)]
pub(crate) struct Doctor {
    /// The port that cannot be reached; without it, a free one is tried
    #[arg(value_parser = values::port)]
    pub(crate) port: Option<u16>,
    /// What the port carries: tcp or udp
    #[arg(long, value_name = "PROTOCOL", default_value = "tcp", value_parser = values::protocol)]
    pub(crate) protocol: Protocol,
    /// Compare the external address with what this STUN server sees (traffic leaves the local network)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) stun: Option<String>,
}

/// How long to watch.
#[derive(Args, Clone, Debug)]
pub(crate) struct Stability {
    /// How long to watch; Ctrl-C ends it earlier, with a report
    #[arg(long = "for", value_name = "TIME", value_parser = values::span, default_value = "10m")]
    pub(crate) length: Duration,
    /// Time between two samples
    #[arg(long, value_name = "TIME", value_parser = values::span, default_value = "5s")]
    pub(crate) interval: Duration,
}
