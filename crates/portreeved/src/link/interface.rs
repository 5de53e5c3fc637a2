//! A link that is driven by setting its interface up and down.

use portreeve_engine::link::{DriverReport, LastConnectionError, LinkCommand};
use portreeve_netlink::Error;
use portreeve_netlink::route::{AdminState, Snapshot, set_admin_state};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::Wires;

/// Sets the interface up and down, and follows it when others do.
pub(super) struct Switch<R> {
    wan: String,
    auto_connect: bool,
    network: watch::Receiver<Snapshot>,
    commands: mpsc::UnboundedReceiver<LinkCommand>,
    report: R,
    /// What was reported last.
    told: Option<AdminState>,
}

impl<R: Fn(DriverReport) + Send> Switch<R> {
    /// A driver that is yet to be started.
    pub(super) fn new(
        wan: String,
        auto_connect: bool,
        network: watch::Receiver<Snapshot>,
        Wires { commands, report }: Wires<R>,
    ) -> Self {
        Self {
            wan,
            auto_connect,
            network,
            commands,
            report,
            told: None,
        }
    }

    /// Drives the link until the engine ends.
    pub(super) async fn drive(mut self) {
        self.look();
        if self.auto_connect && self.told != Some(AdminState::Up) {
            (self.report)(DriverReport::Connecting);
            self.set(AdminState::Up);
        }
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(LinkCommand::Connect) => self.set(AdminState::Up),
                    Some(LinkCommand::Disconnect) => self.set(AdminState::Down),
                    None => return,
                },
                Ok(()) = self.network.changed() => self.look(),
            }
        }
    }

    fn set(&mut self, wanted: AdminState) {
        match self.index().and_then(|index| set_admin_state(index, wanted)) {
            Ok(()) => {
                info!(interface = self.wan, ?wanted, "the WAN interface is set");
                self.tell(wanted);
            }
            Err(error) => {
                warn!(interface = self.wan, ?wanted, %error, "the WAN interface cannot be set");
                (self.report)(DriverReport::Failed(LastConnectionError::Unknown));
                self.told = None;
                self.look();
            }
        }
    }

    /// Tells what others did. What the watch saw may be older than what we did, so it is read anew.
    fn look(&mut self) {
        let Ok(now) = Snapshot::read() else { return };
        let up = now.link_named(&self.wan).is_some_and(|link| link.flags.is_up());
        let state = if up { AdminState::Up } else { AdminState::Down };
        if self.told != Some(state) {
            self.tell(state);
        }
    }

    fn tell(&mut self, state: AdminState) {
        self.told = Some(state);
        (self.report)(match state {
            AdminState::Up => DriverReport::Connected,
            AdminState::Down => DriverReport::Disconnected(None),
        });
    }

    fn index(&self) -> Result<u32, Error> {
        let now = Snapshot::read()?;
        let no_such_interface = Error::System {
            call: "find the interface",
            errno: portreeve_netlink::Errno::ENODEV,
        };
        now.link_named(&self.wan)
            .map(|link| link.index)
            .ok_or(no_such_interface)
    }
}
