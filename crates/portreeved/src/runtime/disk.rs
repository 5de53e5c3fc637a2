//! The thread that waits for the disk, so that the engine's thread need not: what has piled up meanwhile is committed in
//! one go.

use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;

use portreeve_engine::Change;
use portreeve_store::LeaseStore;

use super::{Input, clock};

/// What the engine's thread tells the disk's.
pub(super) enum Order {
    /// Commit a sealed group: its changes, and the `SystemUpdateID` after them.
    Commit(Vec<Change>, u32),
    /// The engine knows of the last failure, and what follows does not build upon what failed.
    Resume,
}

/// Most groups in one commit.
const GROUPS: usize = 64;

/// Starts the thread. It ends, and the store is closed, when nobody can give orders any more.
pub(super) fn start(
    store: Box<dyn LeaseStore>,
    orders: Receiver<Order>,
    engine: Sender<Input>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("disk".into())
        .spawn(move || run(store, &orders, &engine))
}

fn run(mut store: Box<dyn LeaseStore>, orders: &Receiver<Order>, engine: &Sender<Input>) {
    while let Ok(first) = orders.recv() {
        let mut groups = 0;
        let mut changes = Vec::new();
        let mut last_id = 0;
        let mut next = Some(first);
        while let Some(order) = next {
            if let Order::Commit(more, system_update_id) = order {
                changes.extend(more);
                last_id = system_update_id;
                groups += 1;
            }
            next = if groups < GROUPS { orders.try_recv().ok() } else { None };
        }
        // A group without changes waits only for those before it.
        let committed = match changes.is_empty() {
            true => Ok(()),
            false => store.commit(&changes, last_id, clock::clocks()),
        };
        let told = match committed {
            Ok(()) => engine.send(Input::Stored(groups)),
            Err(error) => {
                let told = engine.send(Input::StoreFailed(error.to_string()));
                // What was ordered before the engine knew builds upon what failed.
                while let Ok(Order::Commit(..)) = orders.recv() {}
                told
            }
        };
        if told.is_err() {
            return;
        }
    }
}
