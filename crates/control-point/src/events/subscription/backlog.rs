//! Messages of subscriptions that are not known yet.

use std::collections::VecDeque;

use portreeve_wire::gena::subscriber::{Message, Property, Sid};

use super::Reception;

/// Far more than any gateway sends before it has answered.
const ROOM: usize = 8;

/// Keeps the first few, whosever they are: a gateway may send the first message of a subscription before it answers the
/// request for it (async_upnp_client has seen it).
#[derive(Debug, Default)]
pub(super) struct Backlog {
    kept: VecDeque<(Message, Vec<Property>)>,
}

impl Backlog {
    /// Keeps a message, if there is room.
    pub(super) fn keep(&mut self, message: Message, properties: Vec<Property>) -> Reception {
        if self.kept.len() == ROOM {
            return Reception::Unknown;
        }
        self.kept.push_back((message, properties));
        Reception::Taken
    }

    /// Gives those of this subscription in the order in which they came, and forgets the others.
    pub(super) fn take(&mut self, sid: &Sid) -> Vec<(Option<u32>, Vec<Property>)> {
        let kept = self.kept.drain(..).filter(|(message, _)| message.sid == *sid);
        kept.map(|(message, properties)| (message.seq, properties)).collect()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}
