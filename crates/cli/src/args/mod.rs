//! The command line. Its help texts are also the man page and what shells complete.

mod common;
mod examine;
mod mapping;
mod pinhole;
mod raw;
mod values;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use common::{Common, Reach};
pub(crate) use examine::{Doctor, Stability, Status, Watch};
pub(crate) use mapping::{List, Map, MapFamily, Unmap};
pub(crate) use pinhole::{Add as AddPinhole, Pinhole};
pub(crate) use raw::Call;
pub(crate) use values::PortRange;

/// Opens ports on the internet gateway, keeps them open and says what is wrong.
///
/// It talks to the gateway (router) of the local network by UPnP, as games and file sharing do, and checks that
/// what the gateway says is so.
#[derive(Debug, Parser)]
#[command(
    name = "portreeve",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands",
    max_term_width = 100,
    after_help = "`portreeve COMMAND --help` tells more, with examples.",
    after_long_help = EXIT_STATUSES,
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Options of all commands.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What scripts rely on; the man page has it too.
pub(crate) const EXIT_STATUSES: &str = "\
Exit status:
  0  done
  1  refused by the gateway, or the conversation with it failed
  2  the command line makes no sense
  3  no gateway found
  4  the gateway answers but cannot be used (no connection, behind another NAT and the like)";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the gateways of this network, and which one the other commands take
    ///
    /// Waits for every answer until the timeout is over.
    #[command(after_long_help = "\
Examples:
  portreeve discover
  portreeve discover --interface eth0 --timeout 3s
  portreeve discover --json")]
    Discover,
    /// Tell how the gateway's connection is, in words
    #[command(after_long_help = examine::STATUS_EXAMPLES)]
    Status(Status),
    /// Open a port on the gateway and keep it open until Ctrl-C
    #[command(after_long_help = mapping::MAP_EXAMPLES)]
    Map(Map),
    /// Close ports on the gateway
    #[command(after_long_help = mapping::UNMAP_EXAMPLES)]
    Unmap(Unmap),
    /// List the ports that are open on the gateway
    #[command(after_long_help = mapping::LIST_EXAMPLES)]
    List(List),
    /// Open ports of this machine in the gateway's IPv6 firewall
    #[command(after_long_help = pinhole::EXAMPLES, arg_required_else_help = true)]
    Pinhole {
        /// What to do
        #[command(subcommand)]
        request: Pinhole,
    },
    /// Tell what changes at the gateway, as it happens
    ///
    /// Connection, external address, mappings and whatever else the gateway has events for, one line each, until
    /// Ctrl-C. Where the gateway has no events, or a firewall on this computer drops them, it is asked again and again.
    #[command(after_long_help = examine::WATCH_EXAMPLES)]
    Watch(Watch),
    /// Find out why a port cannot be reached from outside, and what to do
    #[command(after_long_help = examine::DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Watch the connection for a while and report how dependable it is
    #[command(after_long_help = examine::STABILITY_EXAMPLES)]
    Stability(Stability),
    /// Ask the gateway to connect to or disconnect from the Internet
    ///
    /// Gateways rarely let hosts of the LAN do this.
    #[command(after_long_help = "\
Examples:
  portreeve link disconnect
  portreeve link connect")]
    Link {
        /// What to ask for
        #[arg(value_enum, value_name = "connect|disconnect", hide_possible_values = true)]
        request: LinkRequest,
    },
    /// Call any action of any service that the gateway offers
    #[command(after_long_help = raw::EXAMPLES)]
    Call(Call),
    /// Print a script that lets a shell complete commands and options
    #[command(after_long_help = "\
Examples:
  portreeve completions bash > ~/.local/share/bash-completion/completions/portreeve
  portreeve completions zsh > ~/.zfunc/_portreeve
  portreeve completions fish > ~/.config/fish/completions/portreeve.fish")]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_long_help = "\
Examples:
  portreeve man | man -l -
  portreeve man > ~/.local/share/man/man1/portreeve.1")]
    Man,
}

/// What to ask of the gateway's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkRequest {
    /// `RequestConnection`.
    Connect,
    /// `ForceTermination`.
    Disconnect,
}

impl Command {
    /// Its name on the command line and in JSON.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Status(_) => "status",
            Self::Map(_) => "map",
            Self::Unmap(_) => "unmap",
            Self::List(_) => "list",
            Self::Pinhole { request } => request.name(),
            Self::Watch(_) => "watch",
            Self::Doctor(_) => "doctor",
            Self::Stability(_) => "stability",
            Self::Link { .. } => "link",
            Self::Call(_) => "call",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
        }
    }
}

/// Whether the word is the name of a command.
pub(crate) fn is_command(word: &str) -> bool {
    Cli::command().find_subcommand(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_options_stand_before_or_after_the_command() {
        for line in [
            ["portreeve", "--json", "--timeout", "2s", "discover"],
            ["portreeve", "discover", "--timeout", "2s", "--json"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.common.json);
            assert_eq!(cli.common.reach.timeout, Some(std::time::Duration::from_secs(2)));
        }
    }

    #[test]
    fn every_command_says_what_it_is_for_and_shows_examples() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} has no purpose");
            let examples = command
                .get_after_long_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(examples.starts_with("Examples:\n"), "{name} has no examples");
            for line in examples.lines().skip(1).filter(|line| line.contains("portreeve")) {
                let words = line
                    .split(" > ")
                    .next()
                    .unwrap_or(line)
                    .split(" | ")
                    .next()
                    .unwrap_or(line);
                let words = words.split(" # ").next().unwrap_or(words);
                Cli::try_parse_from(words.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for line in [
            &["portreeve", "link", "connect"][..],
            &["portreeve", "man"],
            &["portreeve", "list"],
            &["portreeve", "completions", "bash"],
        ] {
            assert_eq!(Cli::try_parse_from(line).unwrap().command.name(), line[1]);
        }
    }
}
