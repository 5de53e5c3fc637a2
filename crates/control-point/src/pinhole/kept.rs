//! A kept pinhole in the hands of the application.

use std::net::SocketAddrV6;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::Transport;
use super::keeping::{PinholeChange, PinholeState};
use super::request::Answer;
use super::task::{Begin, Task};
use super::wanted::Wanted;
use crate::error::Error;
use crate::gateway::Gateway;

/// A pinhole that is renewed as long as this exists, and opened again when it is lost.
///
/// Dropped, it is deleted in the background, which is tried for two seconds and fails if the runtime ends first; where it
/// matters, [`remove`](Self::remove) it.
#[derive(Debug)]
pub struct KeptPinhole {
    shared: Arc<Shared>,
    /// Closed, or asked for the end.
    end: mpsc::Sender<oneshot::Sender<Result<(), Error>>>,
}

/// The changes of a kept pinhole from when they were asked for, in order.
#[derive(Debug)]
pub struct PinholeChanges(broadcast::Receiver<PinholeChange>);

/// What the application and the task both see.
#[derive(Debug)]
pub(super) struct Shared {
    now: Mutex<Now>,
    changes: OnceLock<broadcast::Sender<PinholeChange>>,
}

/// How it is.
#[derive(Clone, Debug)]
pub(super) struct Now {
    pub(super) wanted: Wanted,
    pub(super) id: Option<u16>,
    pub(super) state: PinholeState,
}

impl KeptPinhole {
    pub(super) fn new(gateway: Gateway, wanted: Wanted, follows_us: bool, answer: Answer, since: Instant) -> Self {
        let (id, state) = match answer {
            Answer::Open(id) => (Some(id), PinholeState::Open),
            Answer::NotNeeded => (None, PinholeState::NotNeeded),
        };
        let now = Now {
            wanted: wanted.clone(),
            id,
            state,
        };
        let shared = Arc::new(Shared {
            now: Mutex::new(now),
            changes: OnceLock::new(),
        });
        let (end, ended) = mpsc::channel(1);
        let begin = Begin {
            gateway,
            wanted,
            follows_us,
            answer,
            since,
        };
        tokio::spawn(Task::new(begin, Arc::clone(&shared), ended).run());
        Self { shared, end }
    }

    /// The gateway's number of it now (UniqueID); none while it is not open.
    pub fn id(&self) -> Option<u16> {
        self.shared.lock().id
    }

    /// What it carries.
    pub fn transport(&self) -> Transport {
        self.shared.lock().wanted.transport
    }

    /// Where it leads to, and where others reach it, now.
    pub fn internal(&self) -> SocketAddrV6 {
        self.shared.lock().wanted.internal()
    }

    /// The lease that it is renewed for.
    pub fn lease(&self) -> Duration {
        self.shared.lock().wanted.lease.span()
    }

    /// Whether its address can be reached from the internet, as [`Pinhole::is_global`](super::Pinhole::is_global).
    pub fn is_global(&self) -> bool {
        self.shared.lock().wanted.is_global()
    }

    /// How it is.
    pub fn state(&self) -> PinholeState {
        self.shared.lock().state.clone()
    }

    /// What happens to it from now on.
    pub fn changes(&self) -> PinholeChanges {
        let changes = self.shared.changes.get_or_init(|| broadcast::channel(64).0);
        PinholeChanges(changes.subscribe())
    }

    /// Stops renewing it, and deletes it: within two seconds, or else with an error.
    pub async fn remove(self) -> Result<(), Error> {
        let (done, result) = oneshot::channel();
        // Fails only if the task has ended with its runtime, and so does the answer.
        let _sent = self.end.send(done).await;
        result.await.unwrap_or_else(|_| {
            Err(Error::System {
                doing: "deleting a pinhole",
                reason: "the task that kept it has ended with its runtime".to_owned(),
            })
        })
    }
}

impl PinholeChanges {
    /// The next change; `None` once the pinhole is removed. Who falls behind by more than 64 changes loses the oldest.
    pub async fn next(&mut self) -> Option<PinholeChange> {
        loop {
            match self.0.recv().await {
                Ok(change) => return Some(change),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Shared {
    /// How it is. A panic elsewhere leaves it whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who listen.
    pub(super) fn tell(&self, change: PinholeChange) {
        if let Some(changes) = self.changes.get() {
            // That nobody listens any more is no error.
            let _listeners = changes.send(change);
        }
    }
}
