//! The WAN link, as control points and the administrator see it, and scripts that drive it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use portreeve_lab::Bed;
use portreeve_lab::tool::Tool;
use portreeve_lab::upnp::{Answer, ControlPoint};
use portreeve_testkit::TempDir;
use serde_json::Value;

use super::{control, soon};

/// What GetStatusInfo answers.
#[track_caller]
pub(crate) fn link_status(client: &ControlPoint<'_>) -> Answer {
    client.call("GetStatusInfo", &[]).expect("anybody may read the status")
}

/// What GetExternalIPAddress answers.
#[track_caller]
pub(crate) fn external_address(client: &ControlPoint<'_>) -> String {
    let answer = client.call("GetExternalIPAddress", &[]);
    answer
        .expect("anybody may read it")
        .get("NewExternalIPAddress")
        .to_owned()
}

/// Waits until ConnectionStatus has this value; the rest of GetStatusInfo then.
#[track_caller]
pub(crate) fn becomes(bed: &Bed, client: &ControlPoint<'_>, wanted: &str) -> Answer {
    soon(bed, wanted, || link_status(client).get("NewConnectionStatus") == wanted);
    link_status(client)
}

/// Asserts that control points, the administrator's commands and the tool tell the same state, error and address of a
/// link at rest, and the tool the words of `code` where it has no connection.
#[track_caller]
pub(crate) fn shows(bed: &Bed, client: &ControlPoint<'_>, state: &str, error: &str, address: &str, code: &str) {
    let told = link_status(client);
    assert_eq!(
        told.get("NewConnectionStatus"),
        state,
        "{told:?}\n{}",
        bed.subject().log()
    );
    assert_eq!(
        told.get("NewLastConnectionError"),
        error,
        "{told:?}\n{}",
        bed.subject().log()
    );
    assert_eq!(external_address(client), address);
    let connected = state == "Connected";
    if !connected {
        assert_eq!(told.get("NewUptime"), "0");
    }
    for command in ["status", "link status"] {
        let words: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        let told: Value = serde_json::from_str(&control(bed, &words).success()).expect("it is JSON");
        let connection = &told["connection"];
        assert_eq!(
            (
                &connection["status"],
                &connection["last-error"],
                &connection["external-address"]
            ),
            (&state.into(), &error.into(), &address.into()),
            "{told}"
        );
        let words: Vec<&str> = command.split(' ').collect();
        let words = control(bed, &words).success();
        let line = words.lines().find(|line| line.starts_with("link ")).unwrap_or_default();
        assert!(
            line.contains(state) && (error == "ERROR_NONE" || line.contains(error)),
            "{words}"
        );
    }
    let tool = Tool::on(client.host());
    let status = tool.result("status");
    assert_eq!(status["connection_status"], state, "{status}");
    assert_eq!(status["last_connection_error"], error, "{status}");
    if connected {
        tool.says("doctor");
    } else {
        let found = tool.error("doctor", 4);
        assert_eq!(found["code"], code, "{found}");
        assert!(
            found["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()),
            "{found}"
        );
    }
}

/// A directory with scripts that are hooks, and with what they write.
#[derive(Debug)]
pub(crate) struct Hooks(TempDir);

impl Hooks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(TempDir::new())
    }

    /// Writes the script of a hook; it runs in the directory.
    pub(crate) fn script(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        let text = format!("#!/bin/sh\ncd {}\n{text}\n", self.0.path().display());
        fs::write(&path, text).expect("the directory is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        self
    }

    /// Path of a file in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file for the scripts, at once.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.path("new");
        fs::write(&new, text).expect("the directory is ours");
        fs::rename(new, self.path(name)).expect("the directory is ours");
    }

    /// What the scripts wrote into a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Table `[link]` with the scripts `connect` and `disconnect`, and `status` if there is one.
    pub(crate) fn table(&self, more: &str) -> String {
        let hook = |name: &str| format!("{name} = [{:?}]\n", self.path(name).display().to_string());
        let status = if self.path("status").exists() {
            hook("status")
        } else {
            String::new()
        };
        format!(
            "[link]\nkind = \"command\"\n{}{}{status}{more}\n",
            hook("connect"),
            hook("disconnect")
        )
    }
}

/// Whether a process runs whose id a file holds.
pub(crate) fn is_running(file: &Path) -> bool {
    let id = fs::read_to_string(file).unwrap_or_default();
    let stat = fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    // A zombie has ended.
    stat.rsplit_once(')')
        .is_some_and(|(_, state)| !state.trim_start().starts_with('Z'))
}
