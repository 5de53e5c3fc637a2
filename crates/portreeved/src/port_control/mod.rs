//! PCP and NAT-PMP on UDP port 5351 of each LAN interface, in each address family.
//!
//! [`PortControl::serve`] is one interface and family: `converse` answers what is asked there, `announce` tells everybody
//! there when the gateway has lost what it knew or has another external address. Where nothing is spoken, the port is
//! closed, so that the kernel tells whoever asks at once (RFC 6886 section 3.8).

mod announce;
mod answer;
mod converse;
mod terms;
#[cfg(test)]
mod tests;
mod under_way;

use std::future::pending;
use std::io;
use std::sync::Arc;

use nix::sys::socket::{setsockopt, sockopt};
use portreeve_engine::Request;
use portreeve_wire::pcp::SERVER_PORT;
use socket2::{Domain, Socket};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::exit::{Failure, Status};
use crate::http::Ask;
use crate::lan_socket::LanSocket;
use crate::machine::Lan;
use crate::runtime::{ReplyTo, Told};

pub(crate) use terms::{Spoken, Terms};

/// What is asked of the engine.
pub(crate) trait AskTogether: Ask {
    /// Asks several things at once, of which each is answered when it is done. What is not answered is dropped.
    fn ask_together(&self, requests: Vec<(Request, ReplyTo)>);
}

/// The server, for all interfaces.
pub(crate) struct PortControl<A> {
    engine: A,
    told: watch::Receiver<Told>,
    terms: watch::Sender<Terms>,
}

/// Octets that wait in the kernel while requests are under way: those of some thousand clients at once.
const BACKLOG: usize = 2 * 1024 * 1024;

impl<A: AskTogether> PortControl<A> {
    /// A server that asks this engine, and tells what `told` says.
    pub(crate) fn new(engine: A, told: watch::Receiver<Told>, terms: Terms) -> Arc<Self> {
        Arc::new(Self {
            engine,
            told,
            terms: watch::Sender::new(terms),
        })
    }

    /// Takes other terms into use: ports open and close as they say.
    pub(crate) fn set_terms(&self, terms: Terms) {
        self.terms
            .send_if_modified(|known| std::mem::replace(known, terms) != terms);
    }

    /// The terms in use.
    pub(crate) fn terms(&self) -> Terms {
        *self.terms.borrow()
    }

    /// The epoch, and the external address in it.
    pub(crate) fn told(&self) -> Told {
        *self.told.borrow()
    }

    /// Opens the port on an interface whose addresses are of one family, if anything is spoken there.
    pub(crate) fn open(&self, lan: &Lan) -> Result<Option<LanSocket>, Failure> {
        let spoken = self.terms().spoken_on(lan);
        match spoken.is_something() {
            true => open(lan, spoken).map(Some),
            false => Ok(None),
        }
    }

    /// Answers and announces on that interface until `stop` changes. What is spoken there may change meanwhile.
    pub(crate) async fn serve(
        self: Arc<Self>,
        lan: Arc<Lan>,
        mut socket: Option<LanSocket>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut terms = self.terms.subscribe();
        loop {
            let spoken = terms.borrow_and_update().spoken_on(&lan);
            let others = |terms: &Terms| terms.spoken_on(&lan) != spoken;
            tokio::select! {
                () = self.attend(&lan, socket.as_ref(), spoken) => {}
                // The sender is ours.
                _ = terms.wait_for(others) => {}
                _ = stop.changed() => return,
            }
            socket = self.reopen(&lan, socket);
        }
    }

    /// Speaks these protocols for ever.
    async fn attend(&self, lan: &Lan, socket: Option<&LanSocket>, spoken: Spoken) {
        match socket {
            Some(socket) => {
                tokio::join!(
                    converse::converse(self, lan, socket, spoken),
                    announce::announce(self, lan, socket, spoken),
                );
            }
            None => pending().await,
        }
    }

    fn reopen(&self, lan: &Lan, socket: Option<LanSocket>) -> Option<LanSocket> {
        let spoken = self.terms().spoken_on(lan).is_something();
        match socket.filter(|_| spoken) {
            Some(socket) => Some(socket),
            None => self.open(lan).unwrap_or_else(|failure| {
                warn!("{failure}");
                None
            }),
        }
    }
}

fn open(lan: &Lan, spoken: Spoken) -> Result<LanSocket, Failure> {
    let domain = match lan.ipv4() {
        Some(_) => Domain::IPV4,
        None => Domain::IPV6,
    };
    match LanSocket::open(lan, domain, SERVER_PORT, widen) {
        Ok(socket) => {
            info!(interface = %lan.interface, "serving {spoken} on UDP port {SERVER_PORT}");
            Ok(socket)
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Failure::new(
            Status::Unavailable,
            format!(
                "UDP port {SERVER_PORT} of {} is in use by another program, so {spoken} could not be served; see \
                 which with `ss -lunp sport = :{SERVER_PORT}` and stop it (often another UPnP daemon), or \
                 do without with `--set pcp.enabled=false --set nat-pmp.enabled=false`",
                lan.interface
            ),
        )),
        Err(error) => Err(Failure::system(
            format!("cannot open UDP port {SERVER_PORT} on {}", lan.interface),
            &error,
        )),
    }
}

/// A burst of requests waits here rather than being lost: clients ask again only after a while.
fn widen(socket: &Socket) -> io::Result<()> {
    // Beyond the system's limit it takes a privilege, without which there is less.
    setsockopt(socket, sockopt::RcvBufForce, &BACKLOG).or_else(|_| setsockopt(socket, sockopt::RcvBuf, &BACKLOG))?;
    Ok(())
}
