//! Options that every command takes.

use std::time::Duration;

use clap::{ArgAction, Args};
use portreeve::Carrier;

use super::values;

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Which gateway.
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Print JSON, one object a line, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell more
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,
}

/// Which gateway, and how to find it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Reach {
    /// The gateway: its address, or the URL of its description [default: the best one found]
    #[arg(long, global = true, value_name = "ADDR|URL")]
    pub(crate) gateway: Option<String>,
    /// Search on this network interface only
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) interface: Option<String>,
    /// Which protocols to find and use gateways by, the preferred one first [default: igd,pcp,nat-pmp]
    #[arg(long, global = true, value_name = "PROTOCOLS", value_delimiter = ',', num_args = 1)]
    pub(crate) protocol_order: Vec<Carrier>,
    /// How long to search and to wait for an answer, for instance 500ms or 2s
    #[arg(long, global = true, value_name = "TIME", value_parser = values::span)]
    pub(crate) timeout: Option<Duration>,
}
