//! Who changes which table.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::{Family, HEADER_LEN, SUBSYSTEM, Table};
use crate::Error;
use crate::message::Message;
use crate::socket::{Groups, Protocol, Socket};

/// `NFNLGRP_NFTABLES`.
const GROUP: u32 = 7;

/// `NFT_MSG_NEWGEN`, which closes each transaction and belongs to no table.
const NEW_GENERATION: u16 = 15;

/// The name of the table, in the messages of every kind of object.
const TABLE: u16 = 1;

/// Listens to changes of the ruleset. The kernel does not tell when an element's time ran out.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something in a table was added, changed or removed.
    Changed {
        /// The table.
        table: Table,
        /// The port of the socket that did it.
        by: u32,
    },
    /// Events were lost: anything may have changed.
    Lost,
}

impl Monitor {
    /// Starts to listen.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            socket: Socket::open(Protocol::Netfilter, Groups::NONE.with(GROUP))?,
        })
    }

    /// Waits for an event; `false` if the time ran out first.
    pub fn wait(&self, timeout: Duration) -> Result<bool, Error> {
        self.socket.wait(timeout)
    }

    /// Hands every event that is there to `each`, and does not wait for more.
    pub fn drain(&mut self, mut each: impl FnMut(Event)) -> Result<(), Error> {
        loop {
            let messages = match self.socket.receive() {
                Ok(Some(messages)) => messages,
                Ok(None) => return Ok(()),
                Err(Error::Overrun) => {
                    each(Event::Lost);
                    continue;
                }
                Err(error) => return Err(error),
            };
            for message in messages {
                if let Some(event) = read(&message?) {
                    each(event);
                }
            }
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn read(message: &Message<'_>) -> Option<Event> {
    if message.kind >> 8 != SUBSYSTEM || message.kind & 0xff == NEW_GENERATION {
        return None;
    }
    let [family, ..] = *message.header::<HEADER_LEN>()?;
    let mut attributes = message.attributes(HEADER_LEN);
    let name = attributes.find(|attribute| attribute.kind == TABLE)?.text()?;
    Some(Event::Changed {
        table: Table {
            family: Family::from_number(family),
            name: name.to_owned(),
        },
        by: message.port,
    })
}
