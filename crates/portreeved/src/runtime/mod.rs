//! The thread that owns the engine, the backend and the store, and the handle by which everything else reaches it.

use portreeve_engine::{LinkReport, Reply, Request};
use tokio::sync::{mpsc, oneshot};

/// Reaches the engine thread; cheap to clone.
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

impl EngineHandle {
    /// Asks the engine. The answer comes when the kernel and the store have what it says.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.inputs.send(Input::Request(request, answer)).await.map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }

    /// Tells the engine what became of the link.
    pub(crate) async fn report_link(&self, report: LinkReport) -> Result<(), Stopped> {
        self.inputs.send(Input::Link(report)).await.map_err(|_| Stopped)
    }

    /// Ends the engine thread and waits for it.
    pub(crate) async fn stop(&self, what: AtStop) -> Result<(), Stopped> {
        let (done, finished) = oneshot::channel();
        self.inputs.send(Input::Stop(what, done)).await.map_err(|_| Stopped)?;
        finished.await.map_err(|_| Stopped)
    }
}
