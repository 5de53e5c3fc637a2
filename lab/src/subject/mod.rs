//! The daemon under test, whichever it is.

mod miniupnpd;
pub mod portreeved;

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use portreeve_testkit::{Addresses, Finished, Host, Lab, Process, TempDir, Way, wait_until};

use crate::upnp::ssdp;

/// How long a subject may take until it answers a search.
const READY: Duration = Duration::from_secs(10);

/// Which daemon runs in the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ours; the binary is `$PORTREEVED` or lies beside the tests in the target directory.
    Portreeved,
    /// Debian's `miniupnpd-nftables`.
    Miniupnpd,
}

/// What a test needs to be different from the default.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Number of LANs.
    pub lans: u8,
    /// Which addresses there are on the LANs.
    pub lan_addresses: Addresses,
    /// Which addresses there are on the WAN.
    pub wan_addresses: Addresses,
    /// What is between the gateway and the Internet.
    pub way: Way,
    /// Which version the gateway shows to everybody.
    pub igd_version: IgdVersion,
    /// External ports that clients may have, both included; all from 1024 on if not given.
    pub external_ports: Option<(u16, u16)>,
    /// Whether unsolicited IPv6 packets from the Internet reach LAN hosts.
    pub ipv6_firewall: Ipv6Firewall,
    /// `--set` arguments for portreeved, as in `leases.default=600`; the other subject does not know them.
    pub overrides: Vec<String>,
    /// Tables that portreeved's configuration file has besides, as in `[[rule]]`; the other subject does not know them.
    pub tables: String,
}

/// The newest InternetGatewayDevice version that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgdVersion {
    /// Pretend to be IGD:1 to everybody.
    One,
    /// IGD:2, and IGD:1 to those that need it.
    Two,
}

/// What becomes of unsolicited IPv6 packets from the Internet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ipv6Firewall {
    /// They are forwarded.
    #[default]
    None,
    /// They are dropped, but for those that a pinhole lets in.
    On,
}

/// A daemon in the gateway's namespace; stopped on drop. Its state directory outlives a restart.
#[derive(Debug)]
pub struct Subject {
    kind: Kind,
    seat: Seat,
    directory: TempDir,
    settings: Settings,
    process: Mutex<Option<Process>>,
}

/// On which machine it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    Gateway,
    OuterGateway,
}

impl Seat {
    fn host(self, lab: &Lab) -> &Host {
        match self {
            Self::Gateway => lab.gateway(),
            Self::OuterGateway => lab.outer_gateway(),
        }
    }

    /// A host of its LAN.
    fn client(self, lab: &Lab) -> &Host {
        match self {
            Self::Gateway => lab.lan_host(1),
            Self::OuterGateway => lab.outer_lan_host(),
        }
    }
}

impl Kind {
    /// The choice of the environment.
    ///
    /// # Panics
    /// If `LAB_SUBJECT` names something else.
    pub fn from_environment() -> Self {
        match env::var("LAB_SUBJECT").as_deref() {
            Err(_) | Ok("portreeved") => Self::Portreeved,
            Ok("miniupnpd") => Self::Miniupnpd,
            Ok(other) => panic!("LAB_SUBJECT={other}: portreeved or miniupnpd is known"),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lans: 1,
            lan_addresses: Addresses::Both,
            wan_addresses: Addresses::Both,
            way: Way::Direct,
            igd_version: IgdVersion::Two,
            external_ports: None,
            ipv6_firewall: Ipv6Firewall::None,
            overrides: Vec::new(),
            tables: String::new(),
        }
    }
}

impl Settings {
    /// The default, with a firewall for IPv6.
    pub fn behind_firewall() -> Self {
        Self {
            ipv6_firewall: Ipv6Firewall::On,
            ..Self::default()
        }
    }
}

impl Subject {
    /// Writes the configuration of a daemon for the gateway; it is not started yet.
    pub fn prepare(kind: Kind, lab: &Lab, settings: &Settings) -> Self {
        Self::prepare_at(Seat::Gateway, kind, lab, settings)
    }

    /// The same for the outer gateway.
    pub fn prepare_outer(kind: Kind, lab: &Lab, settings: &Settings) -> Self {
        Self::prepare_at(Seat::OuterGateway, kind, lab, settings)
    }

    fn prepare_at(seat: Seat, kind: Kind, lab: &Lab, settings: &Settings) -> Self {
        let directory = TempDir::new();
        match kind {
            Kind::Portreeved => portreeved::write_configuration(lab, settings, directory.path()),
            Kind::Miniupnpd => miniupnpd::write_configuration(lab, settings, directory.path()),
        }
        Self {
            kind,
            seat,
            directory,
            settings: settings.clone(),
            process: Mutex::new(None),
        }
    }

    /// Starts the daemon and waits until it answers a search.
    ///
    /// # Panics
    /// If it does not within ten seconds; the message holds its log.
    pub fn start(&self, lab: &Lab) {
        self.start_only(lab);
        let gateway = match self.settings.lan_addresses {
            Addresses::Both => IpAddr::V4(self.seat.host(lab).ipv4()),
            Addresses::Ipv6Only => IpAddr::V6(self.seat.host(lab).ipv6()),
        };
        let to = SocketAddr::new(gateway, ssdp::PORT);
        let ready = wait_until(READY, || {
            assert!(self.is_running(), "the subject ended:\n{}", self.log());
            ssdp::ask_once(self.seat.client(lab), to, ssdp::IGD_1, Duration::from_millis(150)).is_some()
        });
        assert!(ready, "the subject answers no search:\n{}", self.log());
    }

    /// Starts the daemon without waiting.
    pub fn start_only(&self, lab: &Lab) {
        let process = match self.kind {
            Kind::Portreeved => portreeved::spawn(self.seat.host(lab), &self.settings, self.directory.path()),
            Kind::Miniupnpd => miniupnpd::spawn(lab, self.seat.host(lab), &self.settings, self.directory.path()),
        };
        *self.slot() = Some(process);
    }

    /// Which daemon it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where its configuration and its state lie.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Whether the daemon lives.
    pub fn is_running(&self) -> bool {
        self.slot().as_mut().is_some_and(Process::is_running)
    }

    /// Process id, while it lives.
    pub fn id(&self) -> Option<u32> {
        self.slot().as_ref().map(Process::id)
    }

    /// What it logged since its start.
    pub fn log(&self) -> String {
        self.slot()
            .as_ref()
            .map(|process| process.stdout() + &process.stderr())
            .unwrap_or_default()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If it is not running.
    pub fn signal(&self, signal: Signal) {
        let slot = self.slot();
        slot.as_ref().expect("the subject has been started").signal(signal);
    }

    /// Waits until the log holds `text`; returns whether that happened within `limit`.
    pub fn wait_for_log(&self, text: &str, limit: Duration) -> bool {
        wait_until(limit, || self.log().contains(text))
    }

    /// SIGTERM; returns what it left.
    ///
    /// # Panics
    /// If it was not started.
    pub fn stop(&self) -> Finished {
        self.take().stop()
    }

    /// SIGKILL; returns what it left.
    ///
    /// # Panics
    /// If it was not started.
    pub fn kill(&self) -> Finished {
        self.take().kill()
    }

    /// SIGKILL, and nothing that it stored is left, as at a router that loses its power and keeps its mappings in
    /// memory.
    ///
    /// # Panics
    /// If it was not started.
    pub fn cut_power(&self, lab: &Lab) {
        self.kill();
        match self.kind {
            Kind::Portreeved => portreeved::forget(self.seat.host(lab), self.directory.path()),
            Kind::Miniupnpd => miniupnpd::forget(self.seat.host(lab), self.directory.path()),
        }
    }

    fn take(&self) -> Process {
        self.slot().take().expect("the subject has been started")
    }

    fn slot(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes a table of nftables in a gateway with everything in it.
fn delete_table(host: &Host, name: &str) {
    host.command("nft", ["delete", "table", "inet", name]).success();
}
