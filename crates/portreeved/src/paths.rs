//! Where things are kept, depending on who runs the daemon.

use std::env;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::config::Settings;

/// File names within the state directory.
const LEASES: &str = "leases";
const SOCKET: &str = "control.sock";

/// Where the daemon keeps its state and listens for commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The state directory.
    pub state: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
}

/// What of the environment matters for paths.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Whether the process runs as root.
    pub is_root: bool,
    /// `$STATE_DIRECTORY`, set by systemd.
    pub state_directory: Option<PathBuf>,
    /// `$RUNTIME_DIRECTORY`, set by systemd.
    pub runtime_directory: Option<PathBuf>,
    /// `$XDG_STATE_HOME`, or what it stands for.
    pub state_home: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`, if this user may write there.
    pub user_runtime: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn own() -> Self {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || path("HOME").map(|home| home.join(".local/state"));
        Self {
            is_root: nix::unistd::geteuid().is_root(),
            state_directory: path("STATE_DIRECTORY"),
            runtime_directory: path("RUNTIME_DIRECTORY"),
            state_home: path("XDG_STATE_HOME").or_else(home),
            // It may be that of the user who became this one.
            user_runtime: path("XDG_RUNTIME_DIR").filter(|directory| access(directory, AccessFlags::W_OK).is_ok()),
        }
    }
}

impl Paths {
    /// Where this daemon keeps things; `state` is what the command line says.
    ///
    /// A daemon with a state directory of its own has its socket there too, so that several can run side by side.
    pub fn of(settings: &Settings, state: Option<&Path>, around: &Surroundings) -> Self {
        let directory = state.map_or_else(|| around.state(), Path::to_owned);
        let socket = match (&settings.admin.socket, state) {
            (Some(configured), _) => configured.clone(),
            (None, Some(own)) => own.join(SOCKET),
            (None, None) => around.socket(&directory),
        };
        Self {
            state: directory,
            socket,
        }
    }

    /// The file of the lease store.
    pub fn leases(&self) -> PathBuf {
        self.state.join(LEASES)
    }

    /// Where a client looks for the socket, in order: where its own user's daemon has it, then where root's has it.
    pub fn candidates(settings: &Settings, state: Option<&Path>, around: &Surroundings) -> Vec<PathBuf> {
        let own = Self::of(settings, state, around).socket;
        let only = settings.admin.socket.is_some() || state.is_some();
        let system = Path::new("/run/portreeve").join(SOCKET);
        match only || own == system {
            true => vec![own],
            false => vec![own, around.state().join(SOCKET), system],
        }
    }
}

impl Surroundings {
    fn state(&self) -> PathBuf {
        match (&self.state_directory, self.is_root, &self.state_home) {
            (Some(given), ..) => given.clone(),
            (None, false, Some(home)) => home.join("portreeve"),
            (None, ..) => "/var/lib/portreeve".into(),
        }
    }

    fn socket(&self, state: &Path) -> PathBuf {
        match (&self.runtime_directory, self.is_root, &self.user_runtime) {
            (Some(given), ..) => given.join(SOCKET),
            (None, true, _) => Path::new("/run/portreeve").join(SOCKET),
            (None, false, Some(runtime)) => runtime.join("portreeve").join(SOCKET),
            (None, false, None) => state.join(SOCKET),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(state: Option<&str>, around: &Surroundings) -> (String, String) {
        let paths = Paths::of(&Settings::default(), state.map(Path::new), around);
        (paths.state.display().to_string(), paths.socket.display().to_string())
    }

    fn pair(state: &str, socket: &str) -> (String, String) {
        (state.to_owned(), socket.to_owned())
    }

    #[test]
    fn each_user_has_places_of_its_own() {
        let root = Surroundings {
            is_root: true,
            state_home: Some("/root/.local/state".into()),
            ..Surroundings::default()
        };
        assert_eq!(
            paths(None, &root),
            pair("/var/lib/portreeve", "/run/portreeve/control.sock")
        );
        assert_eq!(paths(Some("/tmp/a"), &root), pair("/tmp/a", "/tmp/a/control.sock"));
        let mut user = Surroundings {
            state_home: Some("/home/u/.local/state".into()),
            ..Surroundings::default()
        };
        let state = "/home/u/.local/state/portreeve";
        assert_eq!(paths(None, &user), pair(state, &format!("{state}/control.sock")));
        user.user_runtime = Some("/run/user/7".into());
        assert_eq!(paths(None, &user), pair(state, "/run/user/7/portreeve/control.sock"));
        let service = Surroundings {
            state_directory: Some("/var/lib/portreeve".into()),
            runtime_directory: Some("/run/portreeve".into()),
            ..user
        };
        assert_eq!(
            paths(None, &service),
            pair("/var/lib/portreeve", "/run/portreeve/control.sock")
        );
    }
}
