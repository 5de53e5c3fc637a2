//! How many connections there may be, and which of them make room.
//!
//! A connection that waits for work is worth least: where there are too many, the one that has been idle longest is closed
//! in favour of a new one. So neither thousands of idle connections nor a burst keep anybody out.
//!
//! A client is an address, of IPv6 too, as it is in [`crate::pace`]: the hosts of a LAN share one /64, so counting by
//! networks would make all of them one client, and who uses up its share would keep out everybody else. A host that takes many
//! addresses gets many shares, which it could in IPv4 as well; the bounds over all clients hold whatever it does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// All connections of all listeners.
#[derive(Debug)]
pub struct Connections {
    total: usize,
    per_client: usize,
    born: Instant,
    table: Mutex<Table>,
    room: Notify,
}

/// A connection's place in the table; given back on drop.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    id: u64,
    watch: Arc<Watch>,
}

/// What is known of a connection while it lives.
#[derive(Debug)]
pub struct Watch {
    client: IpAddr,
    born: Instant,
    /// Milliseconds since `born`, times four, plus the phase.
    state: AtomicU64,
    unread_body: AtomicBool,
    close: Notify,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a request.
    Idle,
    /// Some of a request has arrived, but not all.
    Receiving,
    /// A request has arrived and its answer is being made.
    Serving,
}

#[derive(Debug, Default)]
struct Table {
    watches: HashMap<u64, Arc<Watch>>,
    clients: HashMap<IpAddr, usize>,
    next_id: u64,
}

/// How long a connection may wait for a request.
const IDLE: Duration = Duration::from_secs(30);
/// How long a request may take, from its first byte to its answer (design: 10 s per request).
const REQUEST: Duration = Duration::from_secs(10);
/// A connection that has only just been made is not idle yet: its first request may be on the way.
const GRACE: Duration = Duration::from_millis(250);

impl Connections {
    /// An empty table for `total` connections, of which one client may have `per_client` before its own make room.
    pub fn new(total: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            per_client,
            born: Instant::now(),
            table: Mutex::default(),
            room: Notify::new(),
        })
    }

    /// A place for a new connection, as soon as there is one.
    pub async fn admit(self: &Arc<Self>, client: IpAddr) -> Place {
        loop {
            if let Some(place) = self.try_admit(client) {
                return place;
            }
            // Either a connection ends, or one has been idle long enough to make room.
            let _ = tokio::time::timeout(GRACE / 5, self.room.notified()).await;
        }
    }

    /// A place for a new connection if there is one, or one can be made.
    pub fn try_admit(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let mut table = self.lock();
        let own = table.clients.get(&client).copied().unwrap_or_default();
        if own >= self.per_client {
            table.close_idlest(Some(client), &[Phase::Idle]);
        }
        if table.watches.len() >= self.total && !self.make_room(&mut table) {
            return None;
        }
        let watch = Arc::new(Watch {
            client,
            born: self.born,
            state: AtomicU64::new(0),
            unread_body: AtomicBool::new(false),
            close: Notify::new(),
        });
        watch.enter(Phase::Idle);
        let id = table.next_id;
        table.next_id += 1;
        table.watches.insert(id, Arc::clone(&watch));
        *table.clients.entry(client).or_default() += 1;
        Some(Place {
            connections: Arc::clone(self),
            id,
            watch,
        })
    }

    /// Closes what has been idle or slow for too long; to be called every second or so.
    pub fn sweep(&self) {
        for watch in self.lock().watches.values() {
            let (phase, age) = watch.phase();
            let limit = if phase == Phase::Idle { IDLE } else { REQUEST };
            if age >= limit {
                watch.close.notify_one();
            }
        }
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.lock().watches.len()
    }

    fn make_room(&self, table: &mut Table) -> bool {
        let busiest = table.clients.iter().max_by_key(|(_, count)| **count);
        let Some((busiest, count)) = busiest.map(|(client, count)| (*client, *count)) else {
            return false;
        };
        // Who fills the table with requests that never end is no better than who fills it with silence.
        let phases: &[Phase] = match count > self.per_client {
            true => &[Phase::Idle, Phase::Receiving],
            false => &[Phase::Idle],
        };
        table.close_idlest(Some(busiest), phases) || table.close_idlest(None, &[Phase::Idle])
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // The table is whole between any two statements that can panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Closes the connection that has been longest in one of the phases, and takes it from the table.
    fn close_idlest(&mut self, client: Option<IpAddr>, phases: &[Phase]) -> bool {
        let candidates = self.watches.iter().filter_map(|(id, watch)| {
            let (phase, age) = watch.phase();
            let wanted = client.is_none_or(|client| client == watch.client) && phases.contains(&phase);
            (wanted && age >= GRACE).then_some((*id, age))
        });
        let Some((id, _)) = candidates.max_by_key(|(_, age)| *age) else {
            return false;
        };
        if let Some(watch) = self.remove(id) {
            watch.close.notify_one();
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Watch>> {
        let watch = self.watches.remove(&id)?;
        if let Some(count) = self.clients.get_mut(&watch.client) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(&watch.client);
            }
        }
        Some(watch)
    }
}

impl Place {
    /// What is known of the connection.
    pub fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().remove(self.id);
        self.connections.room.notify_one();
    }
}

impl Watch {
    /// Address of the peer.
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// Time on the connections' clock.
    pub fn now(&self) -> Duration {
        self.born.elapsed()
    }

    /// What the connection is doing, and for how long.
    pub fn phase(&self) -> (Phase, Duration) {
        let state = self.state.load(Ordering::Relaxed);
        let phase = match state & 3 {
            0 => Phase::Idle,
            1 => Phase::Receiving,
            _ => Phase::Serving,
        };
        (phase, self.now().saturating_sub(Duration::from_millis(state >> 2)))
    }

    /// Notes that the connection has begun to do something.
    pub fn enter(&self, phase: Phase) {
        let millis = u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX >> 2);
        let phase = match phase {
            Phase::Idle => 0,
            Phase::Receiving => 1,
            Phase::Serving => 2,
        };
        self.state.store(millis << 2 | phase, Ordering::Relaxed);
    }

    /// Notes that bytes arrived: a request begins if none was under way.
    pub fn received(&self) {
        if self.state.load(Ordering::Relaxed) & 3 == 0 {
            self.enter(Phase::Receiving);
        }
    }

    /// Notes whether there is a body of the present request that has not been read.
    pub fn set_unread_body(&self, unread: bool) {
        self.unread_body.store(unread, Ordering::Relaxed);
    }

    /// Whether the last answer was given before the body of its request was read.
    pub fn has_unread_body(&self) -> bool {
        self.unread_body.load(Ordering::Relaxed)
    }

    /// Resolves when the connection is to be closed.
    pub async fn closing(&self) {
        self.close.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> IpAddr {
        IpAddr::from([192, 168, 77, n])
    }

    /// A table made an hour ago, so that connections can be aged.
    fn old_table(total: usize, per_client: usize) -> Arc<Connections> {
        let mut connections = Connections::new(total, per_client);
        let inner = Arc::get_mut(&mut connections).unwrap();
        inner.born = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap();
        connections
    }

    /// Makes a connection look as if it had been in a phase for this long.
    fn set_age(place: &Place, phase: Phase, seconds: u64) {
        place.watch.enter(phase);
        let state = place.watch.state.load(Ordering::Relaxed);
        place.watch.state.store(state - seconds * 4000, Ordering::Relaxed);
    }

    async fn is_closing(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.watch.closing())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn the_longest_idle_of_the_busiest_client_makes_room() {
        let table = old_table(4, 2);
        let idle: Vec<Place> = (0..3).map(|_| table.try_admit(client(1)).unwrap()).collect();
        let other = table.try_admit(client(2)).unwrap();
        set_age(&idle[0], Phase::Idle, 5);
        set_age(&idle[1], Phase::Idle, 9);
        set_age(&other, Phase::Idle, 20);
        let newcomer = table.try_admit(client(3)).expect("room is made");
        assert!(is_closing(&idle[1]).await);
        assert!(!is_closing(&idle[0]).await && !is_closing(&other).await);
        assert_eq!(table.count(), 4);
        drop(newcomer);
        assert_eq!(table.count(), 3);
    }

    #[tokio::test]
    async fn nobody_is_closed_who_has_only_just_come() {
        let table = old_table(2, 1);
        let first = table.try_admit(client(1)).unwrap();
        let second = table.try_admit(client(1)).expect("the limit of one client is soft");
        assert!(table.try_admit(client(2)).is_none(), "the limit of all is not");
        assert!(!is_closing(&first).await && !is_closing(&second).await);
        drop(first);
        assert!(table.try_admit(client(2)).is_some());
    }

    #[tokio::test]
    async fn slow_senders_make_room_once_their_client_has_too_many() {
        let table = old_table(2, 1);
        let slow: Vec<Place> = (0..2).map(|_| table.try_admit(client(1)).unwrap()).collect();
        slow.iter().for_each(|place| set_age(place, Phase::Receiving, 3));
        assert!(table.try_admit(client(2)).is_some());
        let serving = old_table(1, 1);
        let busy = serving.try_admit(client(1)).unwrap();
        set_age(&busy, Phase::Serving, 3);
        assert!(serving.try_admit(client(2)).is_none());
    }

    #[tokio::test]
    async fn the_sweep_closes_the_idle_and_the_slow() {
        let table = old_table(8, 8);
        let places: Vec<Place> = (0..4).map(|_| table.try_admit(client(1)).unwrap()).collect();
        set_age(&places[0], Phase::Idle, 29);
        set_age(&places[1], Phase::Idle, 31);
        set_age(&places[2], Phase::Receiving, 9);
        set_age(&places[3], Phase::Receiving, 11);
        table.sweep();
        let mut closing = Vec::new();
        for place in &places {
            closing.push(is_closing(place).await);
        }
        assert_eq!(closing, [false, true, false, true]);
    }
}
