//! One step of an examination, as people see it.

use std::fmt;
use std::time::Duration;

/// What was looked at, what was found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What was looked at.
    pub topic: Topic,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found, in whole sentences; for a skipped step, why it was skipped.
    pub finding: String,
    /// What to do, if something is to be done: whole sentences, in several lines where there are several ways.
    pub remedy: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// It cannot be told from here.
    Unknown,
    /// Not looked at.
    Skipped,
}

impl Outcome {
    /// The name for programs, in kebab-case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

macro_rules! topics {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        /// What a step looks at, in the order of the examination.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Topic { $($(#[$doc])* $name),* }

        impl Topic {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name for programs, in kebab-case.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The name for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

topics! {
    /// The interfaces of this computer.
    Interface = "interface", "Network interface";
    /// The way from here to the internet.
    Route = "route", "Default route";
    /// Whether searches leave and whether anything answers them.
    Search = "search", "Search";
    /// The search for the gateway.
    Discovery = "discovery", "Gateway";
    /// What the gateway says that it can do.
    Description = "description", "Description";
    /// Whether the gateway's connection is up.
    Connection = "connection", "Connection";
    /// Whether the gateway translates addresses.
    Nat = "nat", "Address translation";
    /// The gateway's address on the internet.
    ExternalAddress = "external-address", "External address";
    /// Whether PCP and NAT-PMP, which map ports too, tell the same address.
    Servers = "port-control", "PCP and NAT-PMP";
    /// The address that a server on the internet sees.
    Stun = "stun", "Seen from outside";
    /// Whether the gateway's IPv6 firewall lets programs open ports.
    Firewall = "ipv6-firewall", "IPv6 firewall";
    /// Whether the gateway makes a mapping for this computer.
    Trial = "trial", "Trial mapping";
    /// Whether it is really there.
    ReadBack = "read-back", "Read-back";
    /// Whether it carries a connection, from this computer to itself.
    LoopBack = "loop-back", "Through and back";
    /// That the trial mapping is gone again.
    Removal = "removal", "Tidying up";
    /// Whether a program listens on the port that is asked about.
    Listener = "listener", "Program";
    /// What the gateway does with the port that is asked about.
    Port = "port", "Your port";
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}
