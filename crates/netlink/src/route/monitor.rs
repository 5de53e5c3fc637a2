//! Waking when the network changes.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::{msg, snapshot::DefaultRoute};
use crate::Error;
use crate::socket::{Groups, Protocol, Socket};

/// `RTNLGRP_LINK`, `_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`.
const GROUPS: Groups = Groups::NONE.with(1).with(5).with(7).with(9).with(11);

/// Tells when a [`super::Snapshot`] may have changed. Its descriptor is readable when [`Self::wait`] has something to
/// look at.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
}

impl Monitor {
    /// Starts to listen.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            socket: Socket::open(Protocol::Route, GROUPS)?,
        })
    }

    /// Waits for a change of an interface, an address or a default route; `false` if the time ran out first. Changes
    /// that are there together count as one.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, Error> {
        let deadline = std::time::Instant::now() + timeout;
        loop {
            if self.drain()? {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if !self.socket.wait(left)? {
                return Ok(false);
            }
        }
    }

    /// Takes every event that is there; whether one of them matters.
    fn drain(&mut self) -> Result<bool, Error> {
        let mut matters = false;
        loop {
            let messages = match self.socket.receive() {
                Ok(Some(messages)) => messages,
                Ok(None) => return Ok(matters),
                Err(Error::Overrun) => {
                    matters = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            for message in messages {
                let message = message?;
                let is_route = message.kind == msg::NEW_ROUTE || message.kind == msg::DEL_ROUTE;
                matters |= !is_route || DefaultRoute::is_meant(&message);
            }
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
