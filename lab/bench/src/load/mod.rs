//! The load: SOAP requests and NAT-PMP datagrams made by hand over plain sockets, from one thread, so that it leaves the machine to what is measured.

mod action;
mod connection;
mod datagram;
mod generator;
mod response;
mod single;

use std::net::SocketAddrV4;

pub(crate) use action::Action;
pub(crate) use datagram::{Datagrams, NatPmp};
pub(crate) use generator::{Load, Outcome};
pub(crate) use single::Client;

/// A control URL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Where the web server listens.
    pub(crate) address: SocketAddrV4,
    /// Path of the control URL.
    pub(crate) path: &'static str,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It carries the next request, if the server lets it.
    KeepAlive,
    /// It is closed.
    PerRequest,
}

impl Reuse {
    /// For tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive",
            Self::PerRequest => "one connection each",
        }
    }
}

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A UPnP error, or an answer that is not the right one.
    Wrong(String),
    /// No answer: refused, reset, closed early or not in time.
    Broken(String),
}
