//! Arguments of `pinhole`.

use std::net::Ipv6Addr;
use std::time::Duration;

use clap::{Args, Subcommand};
use portreeve::Transport;

use super::values;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve pinhole add 8080                   # until Ctrl-C
  portreeve pinhole add 27015 --protocol udp --lease 2h --detach
  portreeve pinhole add 22 --remote-host 2001:db8::7
  portreeve pinhole packets 7
  portreeve pinhole delete 7

Over IPv6 nothing is translated: others reach the address and port of this machine itself, once the
gateway's firewall lets them. Each pinhole has a number, which most gateways forget when they restart.";

/// What to do with pinholes.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Pinhole {
    /// Open a pinhole to a port of this machine and keep it open until Ctrl-C
    Add(Add),
    /// Give a pinhole a new lease from now on
    Update {
        /// The pinhole's number
        #[arg(value_parser = values::pinhole)]
        id: u16,
        /// How long the gateway keeps the pinhole open: seconds, or 30m, 1h; a day at most
        #[arg(long, value_name = "TIME", value_parser = values::pinhole_lease, default_value = "1h")]
        lease: Duration,
    },
    /// Close a pinhole
    Delete {
        /// The pinhole's number
        #[arg(value_parser = values::pinhole)]
        id: u16,
    },
    /// Tell whether packets come through a pinhole
    Check {
        /// The pinhole's number
        #[arg(value_parser = values::pinhole)]
        id: u16,
    },
    /// Count the packets that came through a pinhole
    Packets {
        /// The pinhole's number
        #[arg(value_parser = values::pinhole)]
        id: u16,
    },
}

/// What to open.
#[derive(Args, Clone, Debug)]
pub(crate) struct Add {
    /// The port on which the program listens; 0 for all, where the gateway allows that
    #[arg(value_parser = values::port_or_all)]
    pub(crate) port: u16,
    /// What the pinhole carries: tcp, udp or the number of a protocol (65535 for all, where allowed)
    #[arg(long, value_name = "PROTOCOL", default_value = "tcp", value_parser = values::transport)]
    pub(crate) protocol: Transport,
    /// The address on which the program listens [default: an address of this machine]
    #[arg(long, value_name = "ADDR")]
    pub(crate) client: Option<Ipv6Addr>,
    /// The only host of the Internet that may use the pinhole [default: all]
    #[arg(long, value_name = "ADDR")]
    pub(crate) remote_host: Option<Ipv6Addr>,
    /// The only port of others that may use the pinhole [default: all]
    #[arg(long, value_name = "PORT", value_parser = values::port)]
    pub(crate) remote_port: Option<u16>,
    /// How long the gateway keeps the pinhole open without a renewal: seconds, or 30m, 1h; a day at most
    #[arg(long, value_name = "TIME", value_parser = values::pinhole_lease, default_value = "1h")]
    pub(crate) lease: Duration,
    /// Leave when the pinhole is open: nobody renews the lease
    #[arg(long)]
    pub(crate) detach: bool,
}

impl Pinhole {
    /// Its name on the command line, with that of its group, and in JSON.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "pinhole add",
            Self::Update { .. } => "pinhole update",
            Self::Delete { .. } => "pinhole delete",
            Self::Check { .. } => "pinhole check",
            Self::Packets { .. } => "pinhole packets",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::{Cli, Command};

    use super::*;

    fn pinhole(line: &str) -> Result<Pinhole, String> {
        let words = ["portreeve", "pinhole"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words) {
            Ok(Cli {
                command: Command::Pinhole { request },
                ..
            }) => Ok(request),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_port_alone_is_tcp_for_an_hour_to_this_machine() {
        let Ok(Pinhole::Add(add)) = pinhole("add 8080") else {
            panic!()
        };
        assert_eq!((add.port, add.protocol), (8080, Transport::TCP));
        assert_eq!(add.lease, Duration::from_secs(3600));
        assert!(add.client.is_none() && !add.detach);
    }

    #[test]
    fn what_cannot_be_meant_is_told_kindly() {
        for (line, words) in [
            ("add http", "a port is a number"),
            ("add 80 --protocol sctp", "tcp, udp or the number"),
            ("add 80 --lease 2d", "a day (86400 seconds) at most"),
            ("add 80 --lease 0", "is renewed until Ctrl-C"),
            ("add 80 --client 192.168.77.2", "invalid IPv6 address"),
            ("delete x", "the number that `portreeve pinhole add` told"),
            ("", "Usage"),
        ] {
            let said = pinhole(line).unwrap_err();
            assert!(said.contains(words), "{line}: {said}");
        }
    }
}
