//! The floor for everything that answers over HTTP.

use std::path::Path;

use portreeve_testkit::{Lab, Process};

pub(super) fn start(lab: &Lab, directory: &Path) -> Process {
    let listen = format!("{}:5000", lab.gateway().ipv4());
    super::spawn_logging(lab, directory, &super::sibling("http-floor"), &[listen])
}
