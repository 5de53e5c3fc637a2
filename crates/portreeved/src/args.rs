//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Backend, Override, Source};

/// An Internet Gateway Device daemon: lets programs on the LAN open ports of this gateway.
#[derive(Debug, Parser)]
#[command(
    name = "portreeved",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do; `run` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of `run`.
    #[command(flatten)]
    pub run: Run,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until stopped (what happens without a command)
    Run(Run),
    /// Check the configuration and print it with everything resolved
    Check(Choices),
    /// Print the nftables skeleton that would be installed
    Ruleset(Choices),
    /// Show the gateway at a glance
    Status(Reach),
    /// List the mappings in the table
    Mappings(Reach),
    /// List the LAN hosts that have mappings
    Clients(Reach),
    /// Remove mappings
    Revoke(Revoke),
    /// Show the WAN link and its history, or bring it up or down
    Link(Link),
    /// Read the configuration file again
    Reload(Reach),
    /// Stop the daemon; mappings stay in force until their leases end
    Stop(Stop),
    /// Remove everything that portreeved ever put into the kernel
    Uninstall(Choices),
    /// Make a configuration of miniupnpd's, and take over its running leases
    ImportMiniupnpd(ImportMiniupnpd),
}

/// Options of `run`.
#[derive(Args, Clone, Debug, Default)]
pub struct Run {
    /// What to serve.
    #[command(flatten)]
    pub choices: Choices,
    /// How to log.
    #[command(flatten)]
    pub log: Log,
}

/// Options that override the configuration file.
#[derive(Args, Clone, Debug, Default)]
pub struct Choices {
    /// Configuration file [default: /etc/portreeve/portreeved.toml if it exists]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// LAN interface to serve; may be given several times
    #[arg(long, value_name = "IFACE")]
    pub lan: Vec<String>,
    /// WAN interface
    #[arg(long, value_name = "IFACE")]
    pub wan: Option<String>,
    /// What carries the traffic
    #[arg(long, value_enum)]
    pub backend: Option<Backend>,
    /// TCP port of description and control
    #[arg(long, value_name = "N")]
    pub http_port: Option<u16>,
    /// Where leases and identity are kept
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Any key of the configuration file, for instance limits.mappings=1000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
}

/// How to log.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Log {
    /// Form of the log
    #[arg(long = "log", value_enum, value_name = "FORM", default_value = "text")]
    pub format: LogFormat,
    /// Log more; twice for everything
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log warnings and errors only
    #[arg(short, long)]
    pub quiet: bool,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// How to reach the running daemon and print what it says.
#[derive(Args, Clone, Debug)]
pub struct Reach {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Control socket of the daemon
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Configuration file that names the control socket
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// State directory of the daemon, in which an unprivileged one may keep its control socket
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Which mappings and pinholes to remove.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(false))]
pub struct Revoke {
    /// One external port, for instance 8080/tcp
    #[arg(group = "which", value_name = "PORT/PROTOCOL")]
    pub mapping: Option<String>,
    /// Only the mapping for this remote host
    #[arg(long, value_name = "ADDRESS", requires = "mapping")]
    pub remote_host: Option<std::net::Ipv4Addr>,
    /// The pinhole with this UniqueID
    #[arg(long, group = "which", value_name = "ID")]
    pub pinhole: Option<u16>,
    /// Every mapping and pinhole that leads to this LAN host
    #[arg(long, group = "which", value_name = "ADDRESS")]
    pub client: Option<IpAddr>,
    /// Every mapping and pinhole
    #[arg(long, group = "which")]
    pub all: bool,
    /// How to reach the daemon.
    #[command(flatten)]
    pub reach: Reach,
}

/// What to do with the WAN link.
#[derive(Args, Clone, Debug)]
pub struct Link {
    /// What to do
    #[arg(value_enum)]
    pub what: LinkDeed,
    /// With disconnect: without the warning that WarnDisconnectDelay asks for
    #[arg(long)]
    pub now: bool,
    /// How to reach the daemon.
    #[command(flatten)]
    pub reach: Reach,
}

/// What to do with the WAN link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LinkDeed {
    /// Show its state and its history
    Status,
    /// Bring it up, without waiting until it is
    Connect,
    /// Bring it down
    Disconnect,
}

/// How to stop.
#[derive(Args, Clone, Debug)]
pub struct Stop {
    /// End every mapping and pinhole too
    #[arg(long)]
    pub flush: bool,
    /// How to reach the daemon.
    #[command(flatten)]
    pub reach: Reach,
}

/// What to take over from miniupnpd.
#[derive(Args, Clone, Debug)]
pub struct ImportMiniupnpd {
    /// Its configuration file, usually /etc/miniupnpd/miniupnpd.conf
    #[arg(value_name = "FILE")]
    pub configuration: PathBuf,
    /// Its lease file, for its running leases
    #[arg(long, value_name = "FILE")]
    pub leases: Option<PathBuf>,
    /// Where to write the configuration [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a file that exists
    #[arg(long, requires = "output")]
    pub force: bool,
    /// State directory of the daemon, where the leases go
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

impl Choices {
    /// Where the settings come from.
    pub fn source(&self) -> Source {
        Source {
            file: self.config.clone(),
            lan: self.lan.clone(),
            wan: self.wan.clone(),
            backend: self.backend,
            http_port: self.http_port,
            overrides: self.set.clone(),
        }
    }
}

impl Reach {
    /// Where the settings come from that name the control socket.
    pub fn source(&self) -> Source {
        Source {
            file: self.config.clone(),
            ..Source::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_is_what_happens_without_a_command() {
        let bare =
            Cli::try_parse_from(["portreeved", "--lan", "a", "--lan", "b", "--set", "limits.mappings=10"]).unwrap();
        assert!(bare.command.is_none());
        assert_eq!(bare.run.choices.lan, ["a", "b"]);
        let named = Cli::try_parse_from(["portreeved", "run", "--lan", "a", "-vv"]).unwrap();
        let Some(Command::Run(run)) = named.command else {
            panic!("not run: {named:?}")
        };
        assert_eq!(
            (run.choices.lan.as_slice(), run.log.verbose),
            (["a".to_owned()].as_slice(), 2)
        );
    }

    #[test]
    fn revoke_wants_exactly_one_choice() {
        assert!(Cli::try_parse_from(["portreeved", "revoke"]).is_err());
        assert!(Cli::try_parse_from(["portreeved", "revoke", "--all", "--client", "10.0.0.1"]).is_err());
        assert!(Cli::try_parse_from(["portreeved", "revoke", "8080/tcp", "--remote-host", "198.51.100.1"]).is_ok());
        assert!(Cli::try_parse_from(["portreeved", "revoke", "--all"]).is_ok());
        assert!(Cli::try_parse_from(["portreeved", "revoke", "--pinhole", "7"]).is_ok());
        assert!(Cli::try_parse_from(["portreeved", "revoke", "--pinhole", "7", "--all"]).is_err());
    }
}
