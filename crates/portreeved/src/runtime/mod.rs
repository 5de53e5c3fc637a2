//! The thread that owns the engine, the backend and the store, and the handle by which everything else reaches it.

pub(crate) mod clock;
mod driver;
mod record;

use std::sync::mpsc;
use std::thread::JoinHandle;

use portreeve_backend::{Backend, Reconciled};
use portreeve_engine::ports::PortSet;
use portreeve_engine::{Config, Counters, LinkReport, Reply, Request};
use portreeve_store::LeaseStore;
use tokio::sync::oneshot;

use self::driver::Driver;

/// What the engine thread is made of.
pub(crate) struct Setup {
    /// The engine's settings.
    pub(crate) config: Config,
    /// The link as it is at start.
    pub(crate) link: LinkReport,
    /// Where mappings become real.
    pub(crate) backend: Box<dyn Backend>,
    /// Where leases are kept.
    pub(crate) store: Box<dyn LeaseStore>,
    /// What the engine wants to know of the machine from time to time.
    pub(crate) probe: Box<dyn Probe>,
}

/// Reads of the machine what the engine needs for certain requests.
pub(crate) trait Probe: Send {
    /// External ports on which programs of this machine listen, where the backend does not find out by itself.
    fn listening(&mut self) -> PortSet;

    /// Totals of the WAN interface.
    fn counters(&mut self) -> Counters;
}

/// Reaches the engine thread; cheap to clone.
///
/// The queue has no bound of its own: each front end asks one thing at a time, and their number is bounded.
#[derive(Clone)]
pub(crate) struct EngineHandle {
    inputs: mpsc::Sender<Input>,
}

/// The engine thread has ended: the daemon is stopping.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the daemon is stopping")]
pub(crate) struct Stopped;

/// What reaches the engine thread.
pub(crate) enum Input {
    /// A request, and where its answer goes.
    Request(Request, oneshot::Sender<Reply>),
    /// Something of the WAN link changed.
    Link(LinkReport),
    /// Somebody else changed our rules in the kernel.
    ForeignChange,
    /// Ends the thread after what was asked before; says when done.
    Stop(AtStop, oneshot::Sender<()>),
}

/// What becomes of mappings when the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtStop {
    /// They stay in force until their leases end.
    Keep,
    /// They end with the daemon.
    Flush,
}

/// What was there at start.
#[derive(Debug)]
pub(crate) struct Started {
    /// Mappings that the store had kept.
    pub(crate) kept: usize,
    /// Mappings whose lease ended while nobody served.
    pub(crate) expired: usize,
    /// How what was in force compared with what should be.
    pub(crate) reconciled: Reconciled,
}

/// A way into a thread that is yet to be started: for whoever must be able to report to it from the beginning.
pub(crate) fn channel() -> (EngineHandle, mpsc::Receiver<Input>) {
    let (inputs, receiver) = mpsc::channel();
    (EngineHandle { inputs }, receiver)
}

/// Brings what is in force in line with what the store kept, then starts the engine thread.
pub(crate) fn start(setup: Setup, inputs: mpsc::Receiver<Input>) -> anyhow::Result<(JoinHandle<()>, Started)> {
    let (driver, started) = Driver::new(setup, inputs)?;
    let thread = std::thread::Builder::new()
        .name("engine".into())
        .spawn(move || driver.run())?;
    Ok((thread, started))
}

impl EngineHandle {
    /// Asks the engine. The answer comes when the kernel and the store have what it says.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Request(request, answer))?;
        answered.await.map_err(|_| Stopped)
    }

    /// Tells the engine what became of the link.
    pub(crate) fn report_link(&self, report: LinkReport) -> Result<(), Stopped> {
        self.send(Input::Link(report))
    }

    /// Tells the engine that somebody else changed our rules.
    pub(crate) fn report_foreign_change(&self) -> Result<(), Stopped> {
        self.send(Input::ForeignChange)
    }

    /// Ends the engine thread and waits for it.
    pub(crate) async fn stop(&self, what: AtStop) -> Result<(), Stopped> {
        let (done, finished) = oneshot::channel();
        self.send(Input::Stop(what, done))?;
        finished.await.map_err(|_| Stopped)
    }

    fn send(&self, input: Input) -> Result<(), Stopped> {
        self.inputs.send(input).map_err(|_| Stopped)
    }
}
