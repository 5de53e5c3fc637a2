//! What happened, from the engine's seat to the log.

use std::sync::{Mutex, TryLockError};

use portreeve_engine::Event;

use super::{lock, record};

/// Events in their order, written by one thread at a time, which no other waits for unless writing falls behind.
#[derive(Debug, Default)]
pub(super) struct Log {
    waiting: Mutex<Vec<Event>>,
    /// Held by whoever writes.
    writing: Mutex<()>,
}

/// Most events that wait while somebody writes: whoever reads the log may be slow, or have stopped.
const BACKLOG: usize = 4096;

impl Log {
    /// Leaves events to be written; in order if the caller holds the engine's seat.
    pub(super) fn add(&self, events: Vec<Event>) {
        lock(&self.waiting).extend(events);
    }

    /// Writes what waits, unless somebody does so already, who will then look again.
    pub(super) fn write(&self) {
        loop {
            let waiting = lock(&self.waiting).len();
            if waiting == 0 {
                return;
            }
            let writing = match self.writing.try_lock() {
                Ok(writing) => writing,
                Err(TryLockError::WouldBlock) if waiting < BACKLOG => return,
                Err(_) => lock(&self.writing),
            };
            let events = std::mem::take(&mut *lock(&self.waiting));
            record::events(&events);
            drop(writing);
        }
    }

    /// Writes what waits, after whoever writes already.
    pub(super) fn finish(&self) {
        let _writing = lock(&self.writing);
        record::events(&std::mem::take(&mut *lock(&self.waiting)));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::thread;

    use portreeve_engine::Rejection;
    use portreeve_wire::ErrorCode;

    use super::*;

    fn events(count: usize) -> Vec<Event> {
        let refused = || Event::Refused {
            caller: IpAddr::V4(Ipv4Addr::LOCALHOST),
            action: "AddPortMapping",
            rejection: Rejection::Upnp(ErrorCode::ConflictInMappingEntry.into()),
        };
        std::iter::repeat_with(refused).take(count).collect()
    }

    #[test]
    fn what_comes_while_somebody_writes_waits_and_is_written() {
        let log = Log::default();
        let writing = lock(&log.writing);
        log.add(events(BACKLOG - 1));
        log.write();
        assert_eq!(lock(&log.waiting).len(), BACKLOG - 1);
        drop(writing);
        log.write();
        assert!(lock(&log.waiting).is_empty());
    }

    #[test]
    fn too_much_waiting_is_waited_for() {
        let log = Log::default();
        let writing = lock(&log.writing);
        log.add(events(BACKLOG));
        thread::scope(|scope| {
            let late = scope.spawn(|| log.write());
            thread::sleep(std::time::Duration::from_millis(50));
            assert!(!late.is_finished(), "memory would grow as long as nobody reads the log");
            drop(writing);
        });
        assert!(lock(&log.waiting).is_empty());
    }
}
