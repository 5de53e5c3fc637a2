//! Somebody on the Internet who connects to mapped ports.

use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portreeve_testkit::Host;

use crate::lan_server::reset;

/// How long a connection may take before it counts as lost: less than it takes to send a lost first packet again.
const PATIENCE: Duration = Duration::from_millis(900);
/// How many connections are tried at the same time when it is about their number.
const DIALLERS: usize = 2;

/// Connections that were tried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tried {
    /// Those that were made.
    pub(crate) made: usize,
    /// Those that were refused or lost.
    pub(crate) failed: usize,
}

/// Connects through one mapping all the time, until dropped or asked.
#[derive(Debug)]
pub(crate) struct Prober {
    stop: Arc<AtomicBool>,
    made: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// Connects once.
pub(crate) fn dial(to: SocketAddrV4) -> io::Result<()> {
    let stream = TcpStream::connect_timeout(&to.into(), PATIENCE)?;
    reset(&stream);
    Ok(())
}

/// Connects as often as possible for some time; tells how many connections were made in a second.
pub(crate) fn connections_per_second(from: &Host, to: SocketAddrV4, time: Duration) -> (f64, Tried) {
    from.run(|| {
        let begun = Instant::now();
        // Threads stay in the namespace of the one that starts them.
        let tried = std::thread::scope(|scope| {
            let diallers: Vec<_> = (0..DIALLERS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut tried = Tried::default();
                        while begun.elapsed() < time {
                            tried.count(&dial(to));
                        }
                        tried
                    })
                })
                .collect();
            diallers
                .into_iter()
                .map(|dialler| dialler.join().unwrap_or_default())
                .fold(Tried::default(), |sum, tried| Tried {
                    made: sum.made + tried.made,
                    failed: sum.failed + tried.failed,
                })
        });
        (tried.made as f64 / begun.elapsed().as_secs_f64(), tried)
    })
}

impl Tried {
    fn count(&mut self, outcome: &io::Result<()>) {
        match outcome {
            Ok(()) => self.made += 1,
            Err(_) => self.failed += 1,
        }
    }
}

impl Prober {
    /// Starts connecting, about a thousand times a second.
    pub(crate) fn start(from: &Host, to: SocketAddrV4) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (made, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (flag, good, bad) = (Arc::clone(&stop), Arc::clone(&made), Arc::clone(&failed));
        let thread = from.run(move || {
            std::thread::spawn(move || {
                while !flag.load(Ordering::Relaxed) {
                    let counter = if dial(to).is_ok() { &good } else { &bad };
                    counter.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
        });
        Self {
            stop,
            made,
            failed,
            thread: Some(thread),
        }
    }

    /// Stops, and tells what came of it.
    pub(crate) fn finish(mut self) -> Tried {
        self.end();
        Tried {
            made: self.made.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.end();
    }
}
