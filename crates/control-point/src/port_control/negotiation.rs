//! Which protocol a server speaks: the one that is preferred is asked first, the other one on refusal or silence.

use std::net::SocketAddr;
use std::time::Duration;

use super::Carrier;
use super::exchange::{Dialogue, Exchange, Failed};
use super::message::{Answer, Message};
use super::schedule::Schedule;

/// How long the preferred protocol is asked alone. Silence does not tell it apart from a lost datagram, so it is asked
/// on beside the next one.
const ALONE: Duration = Duration::from_millis(250);

/// The questions, the one for the preferred protocol first.
#[derive(Debug)]
pub(super) struct Negotiation {
    asked: Vec<(Carrier, Exchange)>,
    ends: Duration,
}

impl Negotiation {
    /// Asks by each of these messages in turn, until `ends`.
    pub(super) fn new(
        server: SocketAddr,
        messages: impl IntoIterator<Item = (Carrier, Message, Schedule)>,
        ends: Duration,
    ) -> Self {
        let asked = messages
            .into_iter()
            .zip(0..)
            .map(|((carrier, message, schedule), turn)| {
                let starts = ALONE * turn;
                (carrier, Exchange::new(server, message, schedule, (starts, ends)))
            });
        Self {
            asked: asked.collect(),
            ends,
        }
    }
}

impl Dialogue for Negotiation {
    type Outcome = (Carrier, Answer);

    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.asked
            .iter_mut()
            .find_map(|(_, exchange)| exchange.poll_transmit(now))
    }

    fn handle_datagram(&mut self, source: SocketAddr, datagram: &[u8], now: Duration) {
        // The octets that refuse a version may answer each of them; those that wait for their turn have asked nothing.
        let answered = self.asked.iter_mut().position(|(_, exchange)| {
            let open = exchange.answer().is_none() && exchange.has_asked();
            if open {
                exchange.handle_datagram(source, datagram, now);
            }
            open && exchange.answer().is_some()
        });
        let Some(answered) = answered else { return };
        let refused = self.asked[answered].1.answer().is_some_and(Answer::refuses_version);
        if let (true, Some((_, next))) = (refused, self.asked.get_mut(answered + 1)) {
            next.hasten(now);
        }
    }

    fn poll_timeout(&self) -> Duration {
        let open = self.asked.iter().filter(|(_, exchange)| exchange.answer().is_none());
        let next = open.map(|(_, exchange)| exchange.poll_timeout()).min();
        next.map_or(self.ends, |next| next.min(self.ends))
    }

    fn poll_outcome(&mut self, now: Duration) -> Option<Result<Self::Outcome, Failed>> {
        let spoken = |(carrier, exchange): &(Carrier, Exchange)| {
            let answer = exchange.answer().filter(|answer| !answer.refuses_version())?;
            Some((*carrier, answer.clone()))
        };
        if let Some(spoken) = self.asked.iter().find_map(spoken) {
            return Some(Ok(spoken));
        }
        let answers = self
            .asked
            .iter()
            .filter(|(_, exchange)| exchange.answer().is_some())
            .count();
        match answers {
            _ if answers == self.asked.len() => Some(Err(Failed::NotSpoken)),
            0 if now >= self.ends => Some(Err(Failed::Silence)),
            _ if now >= self.ends => Some(Err(Failed::NotSpoken)),
            _ => None,
        }
    }
}
