//! `[link]`: how the state of the WAN link is known, and how it is brought up and down.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use portreeve_engine::config::{LinkControl, LinkKind, LinkTimeouts};

use super::Settings;
use super::item::{Item, Wrong};
use super::print::quoted_list;

/// `[link]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// How the link is known and driven.
    pub kind: LinkDriver,
    /// Who may bring it up and down.
    pub control: LinkControl,
    /// Whether an `interface` link is brought up and down by setting its interface up and down.
    pub set_interface: bool,
    /// Brings a `command` link up.
    pub connect: Option<Hook>,
    /// Brings it down.
    pub disconnect: Option<Hook>,
    /// Tells whether it is up.
    pub status: Option<Hook>,
    /// How long the link may take to come up.
    pub connect_timeout: Duration,
    /// How long it may take to go down.
    pub disconnect_timeout: Duration,
    /// How long the status hook may take.
    pub status_timeout: Duration,
    /// Pause between two runs of the status hook.
    pub status_interval: Duration,
    /// Whether the link is brought up at start.
    pub auto_connect: bool,
}

/// How the link is known and driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkDriver {
    /// By its interface.
    #[default]
    Interface,
    /// By the administrator's programs.
    Command,
}

/// A program of the administrator's, run without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl LinkSettings {
    /// Whether the link can be brought up and down at all.
    pub fn engine_kind(&self) -> LinkKind {
        match self.kind == LinkDriver::Command || self.set_interface {
            true => LinkKind::Controlled,
            false => LinkKind::Watched,
        }
    }

    /// After how long the link is given up.
    pub fn engine_timeouts(&self) -> LinkTimeouts {
        LinkTimeouts {
            connecting: self.connect_timeout,
            disconnecting: self.disconnect_timeout,
        }
    }
}

impl Default for LinkSettings {
    fn default() -> Self {
        let LinkTimeouts {
            connecting,
            disconnecting,
        } = LinkTimeouts::default();
        Self {
            kind: LinkDriver::default(),
            control: LinkControl::default(),
            set_interface: false,
            connect: None,
            disconnect: None,
            status: None,
            connect_timeout: connecting,
            disconnect_timeout: disconnecting,
            status_timeout: Duration::from_secs(10),
            status_interval: Duration::from_secs(10),
            auto_connect: false,
        }
    }
}

/// `["/path/of/program", "argument"]`, or an empty list for none.
pub(super) fn hook(value: Item<'_>) -> Result<Option<Hook>, Wrong> {
    let words = value.list()?.map(Item::text).collect::<Result<Vec<_>, _>>()?;
    let Some((program, arguments)) = words.split_first() else {
        return Ok(None);
    };
    let program = Path::new(program);
    if !program.is_absolute() {
        return Err(format!(
            "must begin with the absolute path of a program, not {:?}: there is no shell that searches for it",
            program.display().to_string()
        ));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err("must not contain a zero byte".to_owned());
    }
    Ok(Some(Hook {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
    }))
}

/// A hook as TOML writes it.
pub(super) fn show_hook(hook: Option<&Hook>) -> Option<String> {
    let Hook { program, arguments } = hook?;
    let program = program.display().to_string();
    let words: Vec<&String> = std::iter::once(&program).chain(arguments).collect();
    Some(quoted_list(&words))
}

/// What is wrong with `[link]` beside the other keys: the key, and what to do about it.
pub(super) fn problems(settings: &Settings) -> Vec<(&'static str, Wrong)> {
    let link = &settings.link;
    let mut problems = Vec::new();
    if link.engine_kind() == LinkKind::Controlled && settings.network.wan.is_none() {
        let key = match link.kind {
            LinkDriver::Command => "link.kind",
            LinkDriver::Interface => "link.set-interface",
        };
        let what = "needs network.wan: while the link is down, no default route tells which interface is the WAN";
        problems.push((key, what.to_owned()));
    }
    let hooks = [
        ("link.connect", &link.connect),
        ("link.disconnect", &link.disconnect),
        ("link.status", &link.status),
    ];
    match link.kind {
        LinkDriver::Interface => {
            for (key, _) in hooks.iter().filter(|(_, hook)| hook.is_some()) {
                problems.push((key, "has a meaning only with link.kind = \"command\"".to_owned()));
            }
            if link.set_interface && link.control == LinkControl::Nobody {
                let what = "is of no use with link.control = \"nobody\"; write \"admin\" or \"lan\" there";
                problems.push(("link.set-interface", what.to_owned()));
            }
            if link.auto_connect && !link.set_interface {
                let what = "needs link.set-interface = true or link.kind = \"command\"";
                problems.push(("link.auto-connect", what.to_owned()));
            }
        }
        LinkDriver::Command => {
            if link.set_interface {
                let what = "has a meaning only with link.kind = \"interface\"; let the hooks do it";
                problems.push(("link.set-interface", what.to_owned()));
            }
            for (key, hook) in &hooks[..2] {
                if hook.is_none() {
                    problems.push((key, "is needed with link.kind = \"command\"".to_owned()));
                }
            }
            for (key, hook) in hooks {
                problems.extend(hook.as_ref().and_then(unusable).map(|what| (key, what)));
            }
        }
    }
    problems
}

/// Why a hook cannot be run, if so.
fn unusable(Hook { program, .. }: &Hook) -> Option<Wrong> {
    let name = program.display();
    match fs::metadata(program) {
        Err(error) => Some(format!("{name} cannot be run: {error}; correct the path")),
        Ok(found) if !found.is_file() => Some(format!("{name} is not a file; name a program")),
        Ok(_) => access(program, AccessFlags::X_OK).err().map(|_| {
            format!("{name} may not be executed by the user of this process; `chmod +x` it, and see its directory")
        }),
    }
}
