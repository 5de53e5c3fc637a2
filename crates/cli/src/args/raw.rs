//! Arguments of `call`.

use clap::Args;

use super::values::Assignment;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve call                               # which services there are
  portreeve call WANIPConnection               # which actions it has, with their arguments
  portreeve call WANIPConnection GetStatusInfo
  portreeve call WANIPConnection GetGenericPortMappingEntry NewPortMappingIndex=0

Arguments are checked against the gateway's own description before anything is sent.";

/// What to call.
#[derive(Args, Clone, Debug)]
pub(crate) struct Call {
    /// The service: its name, with or without version, or its full type or identifier
    pub(crate) service: Option<String>,
    /// The action
    #[arg(requires = "service")]
    pub(crate) action: Option<String>,
    /// Its arguments, in any order
    #[arg(value_name = "NAME=VALUE", requires = "action")]
    pub(crate) arguments: Vec<Assignment>,
}
