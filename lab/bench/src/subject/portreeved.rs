//! Ours.

use std::fs;
use std::path::Path;

use portreeve_testkit::{Lab, Process};

use super::{Limits, Table, Tuning};

pub(super) fn start(lab: &Lab, tuning: Tuning, directory: &Path) -> Process {
    let path = directory.join("portreeved.toml");
    let text = configuration(lab, tuning, directory);
    fs::write(&path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    let arguments = [
        "run".to_owned(),
        "-c".to_owned(),
        path.display().to_string(),
        "--state-dir".to_owned(),
        directory.join("state").display().to_string(),
    ];
    super::spawn_logging(lab, directory, &super::sibling("portreeved"), &arguments)
}

fn configuration(lab: &Lab, tuning: Tuning, directory: &Path) -> String {
    let limits = match tuning.limits {
        Limits::Default => "",
        Limits::Raised => {
            "mappings-per-client = 65536\n\
             requests-per-second-per-client = 1000000\n"
        }
    };
    let own_table = match tuning.table {
        Table::Owned => "true",
        Table::Shared => "false",
    };
    format!(
        "[network]\n\
         lan = [\"{lan}\"]\n\
         wan = \"{wan}\"\n\
         [gateway]\n\
         backend = \"nftables\"\n\
         [admin]\n\
         socket = \"{socket}\"\n\
         [limits]\n\
         mappings = 131070\n\
         {limits}\
         [nftables]\n\
         own-table = {own_table}\n",
        lan = lab.lan_interface(0),
        wan = lab.wan_interface(),
        socket = directory.join("control.sock").display(),
    )
}
