//! A socket that tasks use and that its owner can close at any moment, at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Closing a socket frees its port. A task cannot be relied upon to do that in time, and so the socket is in a place
/// that both reach: the task for the length of one call, never across a wait.
#[derive(Debug)]
pub(super) struct Slot<S>(Mutex<Option<S>>);

impl<S> Slot<S> {
    pub(super) fn new(socket: S) -> Self {
        Self(Mutex::new(Some(socket)))
    }

    /// Closes the socket before it returns.
    pub(super) fn close(&self) {
        drop(lock(&self.0).take());
    }

    /// Calls the function with the socket; `None` if it is closed.
    pub(super) fn with<T>(&self, call: impl FnOnce(&S) -> T) -> Option<T> {
        lock(&self.0).as_ref().map(call)
    }

    /// Polls the socket; ready with `None` if it is closed.
    pub(super) fn poll<T>(
        &self,
        context: &mut Context<'_>,
        poll: impl FnOnce(&S, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<Option<T>> {
        match self.with(|socket| poll(socket, context)) {
            Some(Poll::Ready(value)) => Poll::Ready(Some(value)),
            Some(Poll::Pending) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// Locks; what these locks guard is whole after every statement, so a panic elsewhere does not matter.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
