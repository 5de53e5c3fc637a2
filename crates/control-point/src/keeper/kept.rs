//! A kept mapping in the hands of the application.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::broadcast;
use tokio::time::Instant;

use super::MappingId;
use super::change::{Change, Changes, State};
use super::task::Keeper;
use crate::error::Error;
use crate::mapping::{ExternalEnd, Mapping};

/// A mapping that is renewed as long as this exists, and made again when it is lost.
///
/// Dropped, it is removed in the background, which is tried for two seconds and fails if the runtime ends first; where
/// it matters, [`remove`](Self::remove) it.
#[derive(Debug)]
pub struct KeptMapping {
    id: MappingId,
    shared: Arc<Shared>,
    /// None once it is removed.
    keeper: Option<Keeper>,
}

/// What the application and the keeper both see of a kept mapping.
#[derive(Debug)]
pub(crate) struct Shared {
    now: Mutex<(Mapping, State)>,
    /// Only where somebody has asked for changes: it holds 64 of them, which is much for thousands of mappings.
    changes: OnceLock<broadcast::Sender<Change>>,
}

impl KeptMapping {
    pub(crate) fn new(mapping: Mapping, follows_us: bool, since: Instant) -> Self {
        let keeper = Keeper::of(mapping.gateway(), mapping.external_address());
        let shared = Arc::new(Shared::new(mapping));
        let id = keeper.keep(&shared, follows_us, since);
        Self {
            id,
            shared,
            keeper: Some(keeper),
        }
    }

    /// The mapping as it is now.
    pub fn mapping(&self) -> Mapping {
        self.shared.lock().0.clone()
    }

    /// Where it is reached from the internet now.
    pub fn external(&self) -> ExternalEnd {
        self.shared.lock().0.external()
    }

    /// How it is.
    pub fn state(&self) -> State {
        self.shared.lock().1.clone()
    }

    /// What happens to it from now on.
    pub fn changes(&self) -> Changes {
        let changes = self.shared.changes.get_or_init(|| broadcast::channel(64).0);
        Changes(changes.subscribe())
    }

    /// Stops renewing it, and removes it: within two seconds, or else with an error.
    pub async fn remove(mut self) -> Result<(), Error> {
        match self.keeper.take() {
            Some(keeper) => keeper.remove(self.id).await,
            None => Ok(()),
        }
    }
}

impl Drop for KeptMapping {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.let_go(self.id);
        }
    }
}

impl Shared {
    fn new(mapping: Mapping) -> Self {
        Self {
            now: Mutex::new((mapping, State::InForce)),
            changes: OnceLock::new(),
        }
    }

    /// The mapping and its state. A panic elsewhere leaves both whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, (Mapping, State)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who listen.
    pub(crate) fn tell(&self, change: Change) {
        if let Some(changes) = self.changes.get() {
            // That nobody listens any more is no error.
            let _listeners = changes.send(change);
        }
    }
}
