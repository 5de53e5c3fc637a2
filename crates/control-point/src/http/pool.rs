//! One connection for each address and port, and a queue for it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;

use super::connection::Connection;

/// Where requests to one address and port queue; holds the connection that waits for the next.
pub(super) type Place = Arc<Mutex<Option<Connection>>>;

/// All places that are in use.
#[derive(Debug, Default)]
pub(super) struct Pool {
    places: StdMutex<HashMap<SocketAddr, Place>>,
}

impl Pool {
    /// The place of an address. Places that nobody uses are forgotten meanwhile, so that their number stays bounded by
    /// what is open.
    pub(super) fn place(&self, address: SocketAddr) -> Place {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, place| Arc::strong_count(place) > 1 || is_open(place));
        Arc::clone(places.entry(address).or_default())
    }
}

fn is_open(place: &Place) -> bool {
    match place.try_lock() {
        Ok(kept) => kept.as_ref().is_some_and(Connection::is_open),
        Err(_in_use) => true,
    }
}
