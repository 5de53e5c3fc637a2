//! The thread on which everything happens.

use std::future::Future;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::error::Error;

/// A runtime and its thread, which ends when nobody has the driver any more.
#[derive(Debug)]
pub(super) struct Driver {
    handle: Handle,
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    pub(super) fn start() -> Result<Arc<Self>, Error> {
        let failed = |error: std::io::Error| Error::System {
            doing: "starting a thread for the network",
            reason: error.to_string(),
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("portreeve".to_owned()).spawn(move || {
            // Ends with an error when the other end is dropped, which is how it is told to end.
            let _dropped = runtime.block_on(stopped);
        });
        Ok(Arc::new(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread.map_err(failed)?),
        }))
    }

    /// Waits for a result. Sockets and timers are driven by the thread.
    pub(super) fn run<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        if Handle::try_current().is_err() {
            return self.handle.block_on(work);
        }
        // tokio lets no thread of a runtime wait for another runtime, so another thread has to.
        let waited = thread::scope(|scope| scope.spawn(|| self.handle.block_on(work)).join());
        waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported there.
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    async fn work() -> u8 {
        sleep(Duration::from_millis(1)).await;
        7
    }

    #[test]
    fn work_is_waited_for() {
        assert_eq!(Driver::start().unwrap().run(work()), 7);
    }

    #[tokio::test]
    async fn also_within_a_runtime() {
        assert_eq!(Driver::start().unwrap().run(work()), 7);
    }
}
