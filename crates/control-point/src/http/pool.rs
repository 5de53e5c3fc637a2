//! One queue for each address and port, with the connection that waits for the next request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::connection::Connection;

/// Some gateways answer with an error when requests follow each other faster than this (go-ethereum found 200 ms).
const PAUSE: Duration = Duration::from_millis(250);

/// All queues that are in use.
#[derive(Debug, Default)]
pub(super) struct Pool {
    queues: StdMutex<HashMap<SocketAddr, Queue>>,
}

/// Whoever holds the lock may talk to the address.
pub(super) type Queue = Arc<Mutex<Line>>;

/// What is between us and one address and port.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The connection that waits for the next request.
    pub(super) connection: Option<Connection>,
    last_answer: Option<Instant>,
    needs_pauses: bool,
}

impl Pool {
    /// The queue for an address. Those that nobody uses are forgotten meanwhile, so that their number stays bounded by
    /// what is open.
    pub(super) fn queue(&self, address: SocketAddr) -> Queue {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| Arc::strong_count(queue) > 1 || is_worth_keeping(queue));
        Arc::clone(queues.entry(address).or_default())
    }
}

impl Line {
    /// Whether the last answer came so recently that the gateway may mind.
    pub(super) fn is_hurried(&self) -> bool {
        self.last_answer.is_some_and(|last| last.elapsed() < PAUSE)
    }

    /// Pauses from now on.
    pub(super) fn slow_down(&mut self) {
        self.needs_pauses = true;
    }

    /// Waits as long as the gateway needs.
    pub(super) async fn pause(&self) {
        if let Some(last) = self.last_answer.filter(|_| self.needs_pauses) {
            sleep_until(last + PAUSE).await;
        }
    }

    /// An answer has come.
    pub(super) fn note_answer(&mut self) {
        self.last_answer = Some(Instant::now());
    }
}

fn is_worth_keeping(queue: &Queue) -> bool {
    match queue.try_lock() {
        Ok(line) => line.needs_pauses || line.connection.as_ref().is_some_and(Connection::is_open),
        Err(_in_use) => true,
    }
}
