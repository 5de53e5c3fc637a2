//! The wish to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{End, Failure};

/// Hears Ctrl-C, SIGTERM, and the end of the terminal, which from then on end nothing by themselves. Made just before
/// there is anything to clean up, so that none is missed and a search can be stopped.
#[derive(Debug)]
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stop {
    /// Hears from now on.
    pub(super) fn listen() -> Result<Self, End> {
        let hear = |kind| signal(kind).map_err(|error| End::from(Failure::system("cannot listen for signals", &error)));
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hangup: hear(SignalKind::hangup())?,
        })
    }

    /// Waits for it.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
