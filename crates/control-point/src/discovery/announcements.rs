//! Gateways that say that they are there, leave, or have changed (UDA 1.1 section 1.2).

use std::io;
use std::net::IpAddr;

use portreeve_wire::Quirks;
use portreeve_wire::ssdp::{self, Message, Notification, Notify};

use super::origin::Family;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::network::Datagrams;

/// Longest datagram that is read whole.
const DATAGRAM: usize = 4096;

/// What one gateway says about itself to everybody.
///
/// An announcement proves nothing, since every host of the network can send it: it is an occasion to ask the gateway.
pub struct Announcements {
    socket: Box<dyn Datagrams>,
    /// UDN of the root device, and the address of the gateway: embedded devices have UDNs of their own.
    udn: String,
    address: IpAddr,
}

/// What a gateway announces.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Announcement {
    /// It is there (`ssdp:alive`); sent at its start, and every now and then.
    Alive {
        /// `BOOTID.UPNP.ORG`: another value than before means that it has started anew.
        boot_id: Option<u32>,
        /// Where its description is.
        location: Option<String>,
    },
    /// It leaves (`ssdp:byebye`).
    Byebye,
    /// Its BOOTID changes, though it has not started anew (`ssdp:update`).
    Update {
        /// The BOOTID from now on.
        next_boot_id: Option<u32>,
    },
}

impl Announcements {
    /// Listens to what a gateway announces.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the system does not let us listen to announcements, for instance because another program
    /// has UDP port 1900 for itself.
    pub fn of(gateway: &Gateway) -> Result<Self, Error> {
        let discovery = gateway.discovery();
        let open = || -> io::Result<Box<dyn Datagrams>> {
            let interfaces = discovery.network.interfaces()?;
            let meant = |name: &str| gateway.interface().is_empty() || name == gateway.interface();
            let mut interfaces = interfaces.iter().filter(|interface| meant(&interface.name));
            // One family tells all, and each group that is joined is one more that switches and access points carry.
            match Family::of(gateway.address()) {
                Family::Ipv4 => {
                    let addresses: Vec<_> = interfaces.filter_map(|interface| interface.ipv4().next()).collect();
                    discovery.network.announcement_socket(&addresses)
                }
                Family::Ipv6 => {
                    let interface = interfaces.next().ok_or(io::ErrorKind::NotFound)?;
                    discovery.network.announcement_socket_v6(interface.index)
                }
            }
        };
        let socket = open().map_err(|error| Error::System {
            doing: "listening to announcements",
            reason: error.to_string(),
        })?;
        Ok(Self {
            socket,
            udn: gateway.udn().to_owned(),
            address: gateway.address(),
        })
    }

    /// The next announcement of the gateway.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if nothing will be heard any more.
    pub async fn next(&mut self) -> Result<Announcement, Error> {
        let mut buffer = [0; DATAGRAM];
        loop {
            let received = self.socket.receive(&mut buffer).await;
            let (len, source) = received.map_err(|error| Error::System {
                doing: "listening to announcements",
                reason: error.to_string(),
            })?;
            let datagram = buffer.get(..len).unwrap_or_default();
            if let Ok(Message::Notify(notify)) = ssdp::parse(datagram, Quirks::default())
                && is_about(&notify, &self.udn, source.ip() == self.address)
            {
                return Ok(announcement(notify));
            }
        }
    }
}

impl std::fmt::Debug for Announcements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcements")
            .field("udn", &self.udn)
            .finish_non_exhaustive()
    }
}

/// One announcement stands for all: a root device comes and goes with everything in it. `from_gateway` says whether it
/// came from the gateway's address; other devices there, a media server for instance, have other UDNs.
fn is_about(notify: &Notify, udn: &str, from_gateway: bool) -> bool {
    let usn = notify.usn.as_deref().unwrap_or_default();
    let same_udn = !udn.is_empty()
        && usn
            .strip_prefix(udn)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    // Whoever has no proper UDN is known by its address.
    same_udn || (udn.is_empty() && from_gateway && notify.nt.contains("InternetGatewayDevice"))
}

fn announcement(notify: Notify) -> Announcement {
    match notify.kind {
        Notification::Alive => Announcement::Alive {
            boot_id: notify.boot_id,
            location: notify.location,
        },
        Notification::Byebye => Announcement::Byebye,
        Notification::Update => Announcement::Update {
            next_boot_id: notify.next_boot_id,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify(nts: &str, nt: &str, usn: &str) -> Notify {
        let text = format!(
            "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: {nts}\r\nNT: {nt}\r\nUSN: {usn}\r\n\
             LOCATION: http://192.168.77.1/d\r\nBOOTID.UPNP.ORG: 7\r\nNEXTBOOTID.UPNP.ORG: 8\r\n\r\n"
        );
        match ssdp::parse(text.as_bytes(), Quirks::default()) {
            Ok(Message::Notify(notify)) => notify,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_gateway_is_known_by_the_udn_of_its_root_device() {
        for (usn, udn, from_gateway, about) in [
            ("uuid:1", "uuid:1", false, true),
            ("uuid:1::upnp:rootdevice", "uuid:1", false, true),
            ("uuid:12::upnp:rootdevice", "uuid:1", true, false),
            ("uuid:2::upnp:rootdevice", "uuid:1", true, false),
            // R8: no proper UDN.
            ("uuid:2::upnp:rootdevice", "", true, true),
            ("uuid:2::upnp:rootdevice", "", false, false),
        ] {
            let nt = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
            assert_eq!(
                is_about(&notify("ssdp:alive", nt, usn), udn, from_gateway),
                about,
                "{usn} for {udn}"
            );
        }
        let server = notify("ssdp:alive", "urn:schemas-upnp-org:device:MediaServer:1", "uuid:2");
        assert!(!is_about(&server, "", true));
    }

    #[test]
    fn announcements_say_what_happened() {
        let of = |nts| announcement(notify(nts, "upnp:rootdevice", "uuid:1"));
        let alive = Announcement::Alive {
            boot_id: Some(7),
            location: Some("http://192.168.77.1/d".to_owned()),
        };
        assert_eq!(of("ssdp:alive"), alive);
        assert_eq!(of("ssdp:byebye"), Announcement::Byebye);
        assert_eq!(of("ssdp:update"), Announcement::Update { next_boot_id: Some(8) });
    }
}
