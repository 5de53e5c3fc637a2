//! Where settings come from: the file, `--set`, and the options that have a name of their own.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use portreeve_engine::config::Nat;

use super::document::{Lines, Reader, Text};
use super::print::{quoted, quoted_list};
use super::problem::{Problem, Problems};
use super::{Backend, Settings, StaticMapping, link};

/// The file that is read, if it exists, when none is named.
pub const DEFAULT_FILE: &str = "/etc/portreeve/portreeved.toml";

/// Where settings come from. Kept, so that a reload reads the same places again.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file; none: [`DEFAULT_FILE`] if it exists.
    pub file: Option<PathBuf>,
    /// `--lan`.
    pub lan: Vec<String>,
    /// `--wan`.
    pub wan: Option<String>,
    /// `--backend`.
    pub backend: Option<Backend>,
    /// `--http-port`.
    pub http_port: Option<u16>,
    /// `--set`, in order.
    pub overrides: Vec<Override>,
}

/// One `--set key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    key: String,
    value: String,
}

impl Source {
    /// Reads everything and checks it.
    pub fn load(&self) -> Result<Settings, Problems> {
        let mut reader = Reader::default();
        if let Some((path, text)) = self.text()? {
            reader.read(Text {
                text: &text,
                name: &path.display().to_string(),
                lines: Lines::Counted,
            });
        }
        for change in &self.overrides {
            change.apply(&mut reader);
        }
        self.apply_options(&mut reader);
        reader.finish()
    }

    /// The file that is read, whether or not it exists.
    pub fn path(&self) -> &Path {
        self.file.as_deref().unwrap_or_else(|| Path::new(DEFAULT_FILE))
    }

    fn text(&self) -> Result<Option<(PathBuf, String)>, Problems> {
        let path = self.path();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some((path.to_owned(), text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.file.is_none() => Ok(None),
            Err(error) => Err(Problems(vec![Problem {
                place: path.display().to_string(),
                key: String::new(),
                what: format!("cannot be read: {error}"),
            }])),
        }
    }

    fn apply_options(&self, reader: &mut Reader) {
        if !self.lan.is_empty() {
            read_option(reader, "--lan", "network.lan", &quoted_list(&self.lan));
        }
        if let Some(wan) = &self.wan {
            read_option(reader, "--wan", "network.wan", &quoted(wan));
        }
        if let Some(backend) = self.backend {
            reader.settings.gateway.backend = backend;
        }
        if let Some(port) = self.http_port {
            read_option(reader, "--http-port", "gateway.http-port", &port.to_string());
        }
    }
}

impl Override {
    fn apply(&self, reader: &mut Reader) {
        let Self { key, value } = self;
        let document = format!("{key} = {value}");
        // Text may be written without quotes, which a shell has eaten.
        let document = match toml::de::DeTable::parse(&document).is_ok() {
            true => document,
            false => format!("{key} = {}", quoted(value)),
        };
        reader.read(Text {
            text: &document,
            name: &format!("--set {key}={value}"),
            lines: Lines::Single,
        });
    }
}

impl FromStr for Override {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text
            .split_once('=')
            .ok_or("write KEY=VALUE, for instance limits.mappings=1000")?;
        Ok(Self {
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
        })
    }
}

/// Reads a configuration file that is not on a disk.
pub(crate) fn check_text(text: &str) -> Result<Settings, Problems> {
    let mut reader = Reader::default();
    reader.read(Text {
        text,
        name: "the file",
        lines: Lines::Counted,
    });
    reader.finish()
}

fn read_option(reader: &mut Reader, option: &str, key: &str, value: &str) {
    reader.read(Text {
        text: &format!("{key} = {value}"),
        name: option,
        lines: Lines::Single,
    });
}

impl Reader {
    fn finish(mut self) -> Result<Settings, Problems> {
        check(&mut self);
        match self.problems.is_empty() {
            true => Ok(self.settings),
            false => Err(Problems(self.problems)),
        }
    }
}

/// What only shows when keys are seen together.
fn check(reader: &mut Reader) {
    let Settings {
        network,
        leases,
        limits,
        statics,
        gateway,
        nftables,
        pcp,
        ..
    } = reader.settings.clone();
    if let Some(wan) = network.wan.filter(|wan| network.lan.contains(wan)) {
        let what = format!("{wan:?} is also in network.lan; the WAN is never served, so remove it from one of them");
        reader.wrong_key("network.wan", what);
    }
    if nftables.masquerade && gateway.nat == Nat::Disabled {
        let what = "is what gateway.nat = false rules out; set one of them the other way".to_owned();
        reader.wrong_key("nftables.masquerade", what);
    }
    if leases.v1_default.is_some_and(|default| default > leases.maximum) {
        let what = format!(
            "is longer than leases.max ({}); lower it or raise leases.max",
            leases.maximum
        );
        reader.wrong_key("leases.default", what);
    }
    if pcp.minimum_lifetime > pcp.maximum_lifetime {
        let what = format!("is longer than pcp.maximum-lifetime ({})", pcp.maximum_lifetime);
        reader.wrong_key("pcp.minimum-lifetime", what);
    }
    if limits.connections_per_client > limits.connections {
        let what = format!("is more than limits.connections ({})", limits.connections);
        reader.wrong_key("limits.connections-per-client", what);
    }
    for (key, what) in link::problems(&reader.settings) {
        reader.wrong_key(key, what);
    }
    for (index, mapping) in statics.iter().enumerate() {
        let same = |other: &&StaticMapping| {
            (other.external_port, other.protocol, other.remote_host)
                == (mapping.external_port, mapping.protocol, mapping.remote_host)
        };
        if statics[..index].iter().any(|other| same(&other)) {
            let what =
                "has the external port, protocol and remote host of an earlier [[static]]; remove one".to_owned();
            reader.wrong_key(&format!("static[{}]", index + 1), what);
        }
    }
}
