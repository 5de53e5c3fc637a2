//! The sockets by which PCP and NAT-PMP are spoken to the simulated gateway.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use portreeve_wire::pcp;
use tokio::sync::{Notify, broadcast};

use super::port_server::Back;
use super::{GATEWAY, GATEWAY_V6, ROUTER, Simulated};
use crate::network::{BoxFuture, Datagrams, scoped};

/// What everybody is told: the datagram, and from where.
pub(super) type Told = (Vec<u8>, SocketAddr);

impl Simulated {
    /// Lets the gateway tell everybody of its epoch and address by PCP and NAT-PMP, as it does after a start.
    pub(crate) fn announce_ports(&self) {
        let datagrams = self.gateway().port_announcements();
        for datagram in datagrams {
            for source in [IpAddr::V4(GATEWAY), IpAddr::V6(ROUTER)] {
                self.announce_ports_as(scoped(source, pcp::SERVER_PORT, 2), &datagram);
            }
        }
    }

    /// Lets anybody tell anything.
    pub(crate) fn announce_ports_as(&self, source: SocketAddr, datagram: &[u8]) {
        // Nobody may be listening.
        let _heard = self.inner.port_announcements.send((datagram.to_vec(), source));
    }

    pub(super) fn port_socket(&self, from: SocketAddr, to: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        let ours = {
            let conditions = self.conditions();
            let ipv6 = conditions.local_v6.iter().copied().map(IpAddr::V6);
            let mut ours = conditions.local.map(IpAddr::V4).into_iter().chain(ipv6);
            ours.any(|ours| ours == from.ip())
        };
        if !ours {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        Ok(Box::new(PortSocket {
            network: self.clone(),
            from: from.ip(),
            to,
            back: Mutex::default(),
            arrived: Notify::new(),
        }))
    }

    pub(super) fn port_listener(&self, hears_v6: bool) -> Box<dyn Datagrams> {
        Box::new(PortListener {
            hears_v6,
            heard: tokio::sync::Mutex::new(self.inner.port_announcements.subscribe()),
        })
    }
}

struct PortSocket {
    network: Simulated,
    from: IpAddr,
    to: SocketAddr,
    back: Mutex<VecDeque<io::Result<Vec<u8>>>>,
    arrived: Notify,
}

impl Datagrams for PortSocket {
    fn send<'a>(&'a self, datagram: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        assert_eq!(to, self.to);
        let gateway = [GATEWAY.into(), ROUTER.into(), GATEWAY_V6.into()].contains(&to.ip());
        let back = if gateway && to.port() == pcp::SERVER_PORT {
            self.network.gateway().ask_port_server(datagram, self.from)
        } else {
            Back::Silence
        };
        let back = match back {
            Back::Answer(answer) => Some(Ok(answer)),
            Back::Unreachable => Some(Err(io::ErrorKind::ConnectionRefused.into())),
            Back::Silence => None,
        };
        self.back.lock().unwrap().extend(back);
        self.arrived.notify_one();
        // What has been mapped is told to those who have subscribed.
        self.network.tell();
        Box::pin(async { Ok(()) })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            loop {
                if !self.back.lock().unwrap().is_empty() {
                    // Whoever is called away meanwhile finds it next time.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                let next = self.back.lock().unwrap().pop_front();
                if let Some(next) = next {
                    let answer = next?;
                    buffer[..answer.len()].copy_from_slice(&answer);
                    return Ok((answer.len(), self.to));
                }
                self.arrived.notified().await;
            }
        })
    }
}

struct PortListener {
    hears_v6: bool,
    heard: tokio::sync::Mutex<broadcast::Receiver<Told>>,
}

impl Datagrams for PortListener {
    fn send<'a>(&'a self, _datagram: &'a [u8], _to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            loop {
                let (datagram, source) = self.heard.lock().await.recv().await.map_err(io::Error::other)?;
                if source.is_ipv6() == self.hears_v6 {
                    buffer[..datagram.len()].copy_from_slice(&datagram);
                    return Ok((datagram.len(), source));
                }
            }
        })
    }
}
