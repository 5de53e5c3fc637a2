//! What is to be sent later, in the order of time, and never too much of it.

use std::collections::BTreeMap;
use std::time::Instant;

/// Things that wait for their time.
#[derive(Debug)]
pub(super) struct Pending<T> {
    waiting: BTreeMap<(Instant, u64), T>,
    next_number: u64,
}

/// Searches beyond that are left unanswered, as if the datagram had been lost; clients repeat them.
const CAPACITY: usize = 2048;

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next_number: 0,
        }
    }
}

impl<T> Pending<T> {
    /// Keeps a thing until then, unless there are too many.
    pub(super) fn push(&mut self, at: Instant, thing: T) {
        if self.waiting.len() < CAPACITY {
            self.waiting.insert((at, self.next_number), thing);
            self.next_number += 1;
        }
    }

    /// The next thing whose time has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<T> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next thing's time comes.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn things_come_in_the_order_of_time_and_of_arrival() {
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let mut pending = Pending::default();
        for (at, thing) in [(later, 'c'), (start, 'a'), (start, 'b')] {
            pending.push(at, thing);
        }
        assert_eq!(pending.next(), Some(start));
        assert_eq!(
            [pending.pop(start), pending.pop(start), pending.pop(start)],
            [Some('a'), Some('b'), None]
        );
        assert_eq!(pending.pop(later), Some('c'));
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut pending = Pending::default();
        for thing in 0..10_000 {
            pending.push(Instant::now(), thing);
        }
        assert_eq!(pending.waiting.len(), CAPACITY);
    }
}
