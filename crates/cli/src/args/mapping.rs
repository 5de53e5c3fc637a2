//! Arguments of the commands that open, close and list ports.

use std::net::IpAddr;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use super::values::{self, PortRange, Protocols};

pub(super) const MAP_EXAMPLES: &str = "\
Examples:
  portreeve map 8080                           # until Ctrl-C
  portreeve map 8080 --external 80 --lease 2h
  portreeve map 27015 --protocol both --description game
  portreeve map 8443 --any                     # on whatever port is free
  portreeve map 80 --client 192.168.77.20 --detach
  portreeve map 8080 --family ipv6              # by a pinhole in the IPv6 firewall

The first line printed says where the port can be reached from outside. The mapping is renewed at
half of its lease. If this program or this machine dies, it ends by itself when the lease does.";

pub(super) const UNMAP_EXAMPLES: &str = "\
Examples:
  portreeve unmap 8080
  portreeve unmap 27015 --protocol both
  portreeve unmap --range 8000-8100

A single port is closed whoever opened it, if the gateway agrees. Of a range, only the mappings that
lead to this machine are removed.";

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  portreeve list
  portreeve list --all
  portreeve list --all --json";

/// What to map.
#[derive(Args, Clone, Debug)]
pub(crate) struct Map {
    /// The port on which the program listens
    #[arg(value_parser = values::port)]
    pub(crate) port: u16,
    /// The port on the gateway, this one or none [default: the same as PORT, or another if that is taken]
    #[arg(long, value_name = "PORT", value_parser = values::external_port)]
    pub(crate) external: Option<u16>,
    /// What the port carries: tcp, udp or both
    #[arg(long, value_name = "PROTOCOL", default_value = "tcp")]
    pub(crate) protocol: Protocols,
    /// How long the gateway keeps the port open without a renewal: seconds, or 30m, 1h, 2d; a week at most
    #[arg(long, value_name = "TIME", value_parser = values::lease, default_value = "1h")]
    pub(crate) lease: Duration,
    /// The host on which the program listens [default: this one]
    #[arg(long, value_name = "ADDR")]
    pub(crate) client: Option<IpAddr>,
    /// The only host of the Internet that may use the port [default: all]
    #[arg(long, value_name = "ADDR")]
    pub(crate) remote_host: Option<IpAddr>,
    /// A name for the gateway's list
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Let the gateway choose the external port
    #[arg(long, conflicts_with = "external")]
    pub(crate) any: bool,
    /// Open the port by a mapping (ipv4) or by a pinhole (ipv6); auto maps, and takes a pinhole where no mapping is
    /// needed or possible and this machine has an IPv6 address of the Internet
    #[arg(
        long,
        value_name = "auto|ipv4|ipv6",
        value_enum,
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) family: MapFamily,
    /// Leave when the port is open: nobody renews the lease
    #[arg(long)]
    pub(crate) detach: bool,
    /// Go on where the gateway's status says that the mapping cannot work, for instance behind another NAT
    #[arg(long)]
    pub(crate) despite_status: bool,
}

/// By which family to open a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapFamily {
    /// A mapping, and a pinhole where no mapping is needed or possible.
    Auto,
    /// A mapping.
    Ipv4,
    /// A pinhole.
    Ipv6,
}

/// What to remove.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").required(true).multiple(false))]
pub(crate) struct Unmap {
    /// The external port
    #[arg(group = "which", value_parser = values::port)]
    pub(crate) port: Option<u16>,
    /// External ports from one to another, both included: those that lead to this machine
    #[arg(long, group = "which", value_name = "FIRST-LAST")]
    pub(crate) range: Option<PortRange>,
    /// What the port carries: tcp, udp or both
    #[arg(long, value_name = "PROTOCOL", default_value = "tcp")]
    pub(crate) protocol: Protocols,
}

/// What to list.
#[derive(Args, Clone, Debug)]
pub(crate) struct List {
    /// List the mappings of all hosts [default: those that lead to this one]
    #[arg(long)]
    pub(crate) all: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::{Cli, Command};

    use super::*;

    fn map(line: &str) -> Result<Map, String> {
        let words = ["portreeve", "map"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words) {
            Ok(Cli {
                command: Command::Map(map),
                ..
            }) => Ok(map),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_port_alone_is_tcp_for_an_hour_until_ctrl_c() {
        let map = map("8080").unwrap();
        assert_eq!(
            (map.port, map.external, map.any, map.detach),
            (8080, None, false, false)
        );
        assert_eq!(map.protocol.names(), ["TCP"]);
        assert_eq!(map.lease, Duration::from_secs(3600));
    }

    #[test]
    fn a_chosen_port_and_any_port_exclude_each_other() {
        let said = map("8080 --external 80 --any").unwrap_err();
        assert!(said.contains("cannot be used with"), "{said}");
    }

    #[test]
    fn what_cannot_be_meant_is_told_kindly() {
        for (line, words) in [
            ("0", "ports run from 1 to 65535"),
            ("70000", "ports run from 1 to 65535"),
            ("http", "a port is a number, for instance 8080"),
            ("80 --external 0", "ports run from 1 to 65535; leave --external out"),
            ("80 --protocol any", "`--protocol both` makes two mappings"),
            ("80 --protocol *", "`--protocol both` makes two mappings"),
            ("80 --lease 0", "is renewed until Ctrl-C"),
            ("80 --lease 8d", "a week (604800 seconds) at most"),
        ] {
            let said = map(line).unwrap_err();
            assert!(said.contains(words), "{line}: {said}");
        }
    }

    #[test]
    fn unmap_wants_a_port_or_a_range() {
        let parse = |line: &str| Cli::try_parse_from(line.split_whitespace()).is_ok();
        assert!(parse("portreeve unmap 80"));
        assert!(parse("portreeve unmap --range 80-90"));
        assert!(!parse("portreeve unmap"));
        assert!(!parse("portreeve unmap 80 --range 80-90"));
    }
}
