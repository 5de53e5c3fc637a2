//! Telling everybody on one interface that the gateway has begun an epoch or has another external address, and at the
//! start that it is there (RFC 6886 section 3.2.1, RFC 6887 section 14.1).

use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use portreeve_engine::{Reply, Request};
use portreeve_wire::pcp::CLIENT_PORT;
use portreeve_wire::{nat_pmp, pcp};

use super::{AskTogether, PortControl, Spoken};
use crate::lan_socket::LanSocket;
use crate::machine::Lan;
use crate::runtime::clock;

/// Datagrams get lost, and clients may be asleep. Each pause between copies is twice the one before.
const COPIES: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Announces for ever: now, and whenever what clients are told changes. A new announcement takes the place of one whose
/// copies are still going out.
pub(super) async fn announce<A: AskTogether>(control: &PortControl<A>, lan: &Lan, socket: &LanSocket, spoken: Spoken) {
    let announcer = Announcer {
        control,
        lan,
        socket,
        spoken,
    };
    let mut told = control.told.clone();
    loop {
        told.mark_unchanged();
        let changed = tokio::select! {
            changed = told.changed() => changed,
            () = announcer.send_copies() => told.changed().await,
        };
        if changed.is_err() {
            // The engine has ended, and nothing changes any more.
            return pending().await;
        }
    }
}

struct Announcer<'a, A> {
    control: &'a PortControl<A>,
    lan: &'a Lan,
    socket: &'a LanSocket,
    spoken: Spoken,
}

impl<A: AskTogether> Announcer<'_, A> {
    async fn send_copies(&self) {
        self.send_copy().await;
        for doubled in 0..COPIES - 1 {
            tokio::time::sleep(FIRST_PAUSE * (1 << doubled)).await;
            self.send_copy().await;
        }
    }

    /// Sends what is true at this moment, from each of our addresses: a client hears the one that it knows as its
    /// gateway.
    async fn send_copy(&self) {
        let nat_pmp = self.nat_pmp().await;
        let pcp = self
            .spoken
            .pcp
            .then(|| pcp::announcement(self.control.told().epoch.seconds(clock::now())));
        for own in &self.lan.addresses {
            let to = self.everybody(own.address);
            if let Some(bytes) = nat_pmp {
                self.socket.send(own.address, to, &bytes).await;
            }
            if let Some(bytes) = pcp {
                self.socket.send(own.address, to, &bytes).await;
            }
        }
    }

    /// What whoever asks for the external address is told; nothing where there is none.
    async fn nat_pmp(&self) -> Option<[u8; 12]> {
        let caller = self.lan.ipv4().filter(|_| self.spoken.nat_pmp)?;
        let request = Request::NatPmp {
            caller,
            request: nat_pmp::Request::ExternalAddress,
        };
        match self.control.engine.ask(request).await? {
            Reply::NatPmp(nat_pmp::Answer {
                epoch,
                outcome: Ok(nat_pmp::Mapped::ExternalAddress(address)),
            }) => Some(nat_pmp::announcement(epoch, address)),
            _ => None,
        }
    }

    /// Every client on the link, of the family of this address of ours.
    fn everybody(&self, own: IpAddr) -> SocketAddr {
        match own {
            IpAddr::V4(_) => (Ipv4Addr::new(224, 0, 0, 1), CLIENT_PORT).into(),
            IpAddr::V6(_) => {
                let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
                SocketAddrV6::new(all_nodes, CLIENT_PORT, 0, self.lan.index).into()
            }
        }
    }
}
