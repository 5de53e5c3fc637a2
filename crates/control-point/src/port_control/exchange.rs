//! One request under way: when it is sent, what answers it, when to give up. No socket, no clock.

use std::net::SocketAddr;
use std::time::Duration;

use super::message::{Answer, Message};
use super::schedule::Schedule;

/// What the shell drives: it sends what is to be sent, passes on what comes, and looks again when it is time. Times count
/// from the beginning of the dialogue.
pub(super) trait Dialogue {
    /// What it is for.
    type Outcome;

    /// A datagram to send now; asked until there is none.
    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>>;

    /// A datagram has come.
    fn handle_datagram(&mut self, source: SocketAddr, datagram: &[u8], now: Duration);

    /// When something is due even if nothing comes.
    fn poll_timeout(&self) -> Duration;

    /// What came of it, once that is decided.
    fn poll_outcome(&mut self, now: Duration) -> Option<Result<Self::Outcome, Failed>>;
}

/// Why nothing came of a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nobody answered in time.
    Silence,
    /// What answered speaks nothing that was asked for.
    NotSpoken,
}

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    server: SocketAddr,
    message: Message,
    schedule: Schedule,
    next: Duration,
    ends: Duration,
    asked: bool,
    answer: Option<Answer>,
}

impl Exchange {
    /// A request that is first sent at `starts` and given up at `ends`.
    pub(super) fn new(
        server: SocketAddr,
        message: Message,
        schedule: Schedule,
        (starts, ends): (Duration, Duration),
    ) -> Self {
        Self {
            server,
            message,
            schedule,
            next: starts,
            ends,
            asked: false,
            answer: None,
        }
    }

    /// Sends it now, if it waits to be sent for the first time.
    pub(super) fn hasten(&mut self, now: Duration) {
        if !self.asked {
            self.next = self.next.min(now);
        }
    }

    /// Whether it has been sent.
    pub(super) fn has_asked(&self) -> bool {
        self.asked
    }

    /// The answer, if it has come.
    pub(super) fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }
}

impl Dialogue for Exchange {
    type Outcome = Answer;

    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        if now < self.next || now >= self.ends || self.answer.is_some() {
            return None;
        }
        // From now on, not from when it was due: after a sleep, sendings are not made up for.
        self.next = now + self.schedule.gap();
        self.asked = true;
        Some(self.message.datagram())
    }

    fn handle_datagram(&mut self, source: SocketAddr, datagram: &[u8], _now: Duration) {
        // The scope of a link-local address is the socket's matter.
        let from_server = source.ip().to_canonical() == self.server.ip() && source.port() == self.server.port();
        if from_server && self.answer.is_none() {
            self.answer = self.message.answer(datagram);
        }
    }

    fn poll_timeout(&self) -> Duration {
        self.next.min(self.ends)
    }

    fn poll_outcome(&mut self, now: Duration) -> Option<Result<Answer, Failed>> {
        match self.answer.take() {
            Some(answer) => Some(Ok(answer)),
            None if now >= self.ends => Some(Err(Failed::Silence)),
            None => None,
        }
    }
}
