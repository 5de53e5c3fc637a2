//! Servers that say by themselves that they have started anew or have another address (RFC 6887 section 14.1.3, RFC 6886
//! section 3.2.1).

use std::io;
use std::net::IpAddr;

use portreeve_wire::pcp::client::Continuity;

use super::message::{Announcement, Told};
use super::server::PortServer;
use crate::error::Error;
use crate::network::Datagrams;

/// Longer than every message.
const DATAGRAM: usize = 1500;

/// What one server tells everybody.
///
/// Every host of the link can speak in its name. Who is fooled asks the server for nothing in vain, and no more.
pub(crate) struct PortAnnouncements {
    server: PortServer,
    socket: Box<dyn Datagrams>,
}

/// Something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Whether it has kept its mappings.
    pub(crate) epoch: Continuity,
    /// Its external address; none if it has none or has not told it in this epoch.
    pub(crate) external_address: Option<IpAddr>,
}

impl PortAnnouncements {
    /// Listens to what a server announces, beside other programs that do the same.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the system does not let us.
    pub(crate) fn of(server: &PortServer) -> Result<Self, Error> {
        let socket = open(server).map_err(|error| failed(&error))?;
        Ok(Self {
            server: server.clone(),
            socket,
        })
    }

    /// The next announcement that says something new: that its epoch is another one, or its address. To be awaited all the
    /// time: what waits to be read is judged as if it came when it is read.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if nothing will be heard any more.
    pub(crate) async fn next(&mut self) -> Result<Announced, Error> {
        let mut buffer = [0; DATAGRAM];
        loop {
            let received = self.socket.receive(&mut buffer).await;
            let (length, source) = received.map_err(|error| failed(&error))?;
            // From which port does not matter: servers announce from 5351 or from another one.
            if source.ip().to_canonical() != self.server.server().ip() {
                continue;
            }
            let announcement = Announcement::read(buffer.get(..length).unwrap_or_default());
            if let Some(announced) = announcement.and_then(|announcement| self.judge(announcement)) {
                return Ok(announced);
            }
        }
    }

    fn judge(&self, announcement: Announcement) -> Option<Announced> {
        let Announcement { carrier, epoch, told } = announcement;
        let now = self.server.now();
        let mut memory = self.server.memory();
        // The epoch of the other protocol is judged by whoever speaks that.
        let epoch = if carrier == self.server.carrier() {
            memory.hear(carrier, epoch, now)
        } else {
            Continuity::Continues
        };
        let moved = match told {
            Told::ExternalAddress(address) => memory.set_external_address(address),
            Told::Here | Told::Mapped { .. } => false,
        };
        (moved || epoch == Continuity::Lost).then_some(Announced {
            epoch,
            external_address: memory.external_address(),
        })
    }
}

impl std::fmt::Debug for PortAnnouncements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortAnnouncements")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn open(server: &PortServer) -> io::Result<Box<dyn Datagrams>> {
    let network = server.network();
    match (server.local(), server.way().link()) {
        (IpAddr::V4(local), _) => network.port_announcement_socket(local),
        (local @ IpAddr::V6(_), 0) => {
            let interfaces = network.interfaces()?;
            let mut ours = interfaces.iter().filter(|interface| {
                let mut addresses = interface.addresses.iter();
                addresses.any(|(address, _)| *address == local)
            });
            let interface = ours.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
            network.port_announcement_socket_v6(interface.index)
        }
        (IpAddr::V6(_), link) => network.port_announcement_socket_v6(link),
    }
}

fn failed(error: &io::Error) -> Error {
    Error::System {
        doing: "listening to announcements of PCP and NAT-PMP",
        reason: error.to_string(),
    }
}
