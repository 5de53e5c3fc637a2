//! The seat of the engine, its backend and its store, and the handle by which everything else reaches them.
//!
//! Whoever asks something of the engine puts it into a queue, and then takes the seat if it is free: carries out all that
//! waits, for others too, in one transaction of the kernel and one wait for the disk. If the seat is taken, whoever holds it
//! looks at the queue again after leaving it. So there is always one at most who drives the engine, requests that
//! come together are carried out together, and one that comes alone is not handed from thread to thread.

pub(crate) mod clock;
mod driver;
mod log;
mod record;
mod told;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portreeve_backend::{Backend, Reconciled};
use portreeve_engine::lan_host::LanHosts;
use portreeve_engine::link::{DriverReport, LinkCommand};
use portreeve_engine::ports::PortSet;
use portreeve_engine::{Config, Counters, Evented, LinkReport, Neighbours, Reply, Request, Time, Transport};
use portreeve_engine::{UpstreamCommand, UpstreamReport};
use portreeve_store::LeaseStore;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use self::clock::Clock;
use self::driver::{Answer, Driver};
use self::log::Log;

pub(crate) use self::told::Told;
use crate::upstream::Sight;

/// What takes the seat.
pub(crate) struct Setup {
    /// What tells the time.
    pub(crate) clock: Box<dyn Clock>,
    /// The engine's settings.
    pub(crate) config: Config,
    /// The link as it is at start.
    pub(crate) link: LinkReport,
    /// What is known of a gateway upstream at start.
    pub(crate) upstream: Sight,
    /// Where mappings become real.
    pub(crate) backend: Box<dyn Backend>,
    /// Where leases are kept.
    pub(crate) store: Box<dyn LeaseStore>,
    /// What the engine wants to know of the machine from time to time.
    pub(crate) probe: Box<dyn Probe>,
    /// Told which evented state variables changed together.
    pub(crate) announce: Announce,
    /// Told what the link's driver is to do; it may be that there is none.
    pub(crate) link_commands: mpsc::UnboundedSender<LinkCommand>,
    /// Told what is to be asked of an upstream gateway; it may be that there is none.
    pub(crate) upstream_commands: mpsc::UnboundedSender<UpstreamCommand>,
}

/// Takes in which evented state variables changed together.
pub(crate) type Announce = Box<dyn Fn(Vec<Evented>) + Send>;

/// Reads of the machine what the engine needs for certain requests.
pub(crate) trait Probe: Send {
    /// External ports on which programs of this machine listen, where the backend does not find out by itself.
    fn listening(&mut self) -> PortSet;

    /// Totals of the WAN interface, if they can be read.
    fn counters(&mut self) -> Option<Counters>;

    /// Which addresses of the LAN belong to one device.
    fn neighbours(&mut self) -> Neighbours;

    /// Seconds of silence after which the kernel forgets a connection that a LAN host began, where that is known.
    fn outbound_timeout(&mut self, transport: Transport) -> Option<u32>;

    /// How hosts of the LANs are set up.
    fn lan_hosts(&mut self) -> Vec<LanHosts>;
}

/// Reaches the engine; cheap to clone.
#[derive(Clone)]
pub(crate) struct EngineHandle {
    shared: Arc<Shared>,
}

/// The engine has ended: the daemon is stopping.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the daemon is stopping")]
pub(crate) struct Stopped;

struct Shared {
    queue: Mutex<Queue>,
    /// Empty before the start and after the end.
    seat: Mutex<Option<Driver>>,
    log: Log,
    /// When the engine must be driven at the latest.
    deadline: watch::Sender<Time>,
    told: watch::Sender<Told>,
    runtime: Handle,
}

/// Takes in the reply to a request. It is quick, since others wait for theirs.
pub(crate) type ReplyTo = Box<dyn FnOnce(Reply) + Send>;

/// What waits for the engine. It has no bound of its own: each front end has a bound of what it asks at a time.
#[derive(Default)]
struct Queue {
    inputs: VecDeque<Input>,
    closed: bool,
}

/// What reaches the engine.
enum Input {
    /// A request, and where its answer goes.
    Request(Request, ReplyTo),
    /// Something of the WAN link changed.
    Link(LinkReport),
    /// The link's driver says something.
    LinkDriver(DriverReport),
    /// Something became of an upstream gateway, or of what was asked of it.
    Upstream(UpstreamReport),
    /// Somebody else changed our rules in the kernel.
    ForeignChange,
    /// Ends the engine after what was asked before; says when done.
    Stop(AtStop, oneshot::Sender<()>),
}

/// Longest sleep: after the machine was suspended, the timer of a sleep is late by the time it slept.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

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
    /// Pinholes that the store had kept.
    pub(crate) pinholes: usize,
    /// Mappings and pinholes whose lease ended while nobody served.
    pub(crate) expired: usize,
    /// How what was in force compared with what should be.
    pub(crate) reconciled: Reconciled,
}

impl EngineHandle {
    /// A handle to an engine that is yet to be started, for whoever must be able to report to it from the beginning.
    pub(crate) fn new(runtime: Handle) -> Self {
        let shared = Shared {
            queue: Mutex::default(),
            seat: Mutex::default(),
            log: Log::default(),
            deadline: watch::Sender::default(),
            told: watch::Sender::default(),
            runtime,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Brings what is in force in line with what the store kept, then begins to answer.
    pub(crate) fn start(&self, setup: Setup) -> anyhow::Result<Started> {
        let (driver, started) = Driver::new(setup)?;
        self.shared.told.send_replace(driver.told());
        *lock(&self.shared.seat) = Some(driver);
        self.shared.runtime.spawn(keep_time(self.shared.clone()));
        Ok(started)
    }

    /// Asks the engine. The answer comes when the kernel and the store have what it says.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Stopped> {
        let (answer, answered) = oneshot::channel();
        // A client that has gone does not wait for its answer.
        let reply_to = Box::new(|reply| drop(answer.send(reply)));
        self.shared.push([Input::Request(request, reply_to)])?;
        self.shared.drive();
        answered.await.map_err(|_| Stopped)
    }

    /// Asks the engine several things, which are carried out together as far as a group has room. What it does not
    /// answer, because it ends, is dropped.
    pub(crate) fn ask_together(&self, requests: impl IntoIterator<Item = (Request, ReplyTo)>) -> Result<(), Stopped> {
        let inputs = requests.into_iter();
        self.shared
            .push(inputs.map(|(request, reply_to)| Input::Request(request, reply_to)))?;
        self.shared.drive();
        Ok(())
    }

    /// What clients of PCP and NAT-PMP are told, from the start on.
    pub(crate) fn told(&self) -> watch::Receiver<Told> {
        self.shared.told.subscribe()
    }

    /// Tells the engine what became of the link.
    pub(crate) fn report_link(&self, report: LinkReport) -> Result<(), Stopped> {
        self.report(Input::Link(report))
    }

    /// Tells the engine what the link's driver says.
    pub(crate) fn report_link_driver(&self, said: DriverReport) -> Result<(), Stopped> {
        self.report(Input::LinkDriver(said))
    }

    /// Tells the engine what became of an upstream gateway.
    pub(crate) fn report_upstream(&self, report: UpstreamReport) -> Result<(), Stopped> {
        self.report(Input::Upstream(report))
    }

    /// Tells the engine that somebody else changed our rules.
    pub(crate) fn report_foreign_change(&self) -> Result<(), Stopped> {
        self.report(Input::ForeignChange)
    }

    /// Ends the engine and waits for it.
    pub(crate) async fn stop(&self, what: AtStop) -> Result<(), Stopped> {
        let (done, finished) = oneshot::channel();
        self.report(Input::Stop(what, done))?;
        finished.await.map_err(|_| Stopped)
    }

    /// Leaves a report, without doing the engine's work on the thread that reports.
    fn report(&self, input: Input) -> Result<(), Stopped> {
        self.shared.push([input])?;
        self.shared.drive_soon();
        Ok(())
    }
}

impl Shared {
    fn push(&self, inputs: impl IntoIterator<Item = Input>) -> Result<(), Stopped> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(Stopped);
        }
        queue.inputs.extend(inputs);
        Ok(())
    }

    fn pop(&self) -> Option<Input> {
        lock(&self.queue).inputs.pop_front()
    }

    /// Carries out a group of what waits, unless somebody does so already, who will then look at the queue again.
    fn drive(self: &Arc<Self>) {
        let Ok(mut seat) = self.seat.try_lock() else { return };
        let Some(driver) = seat.as_mut() else { return };
        let stop = driver.carry_out_group(|| self.pop());
        if let Some((what, done)) = stop {
            // Those who wait find out that nobody answers when their place in the queue is gone.
            *lock(&self.queue) = Queue {
                closed: true,
                ..Queue::default()
            };
            driver.end(what);
            driver.take_answers().into_iter().for_each(Answer::send);
            self.log.add(driver.take_events());
            self.log.finish();
            // Backend and store go; connections that are being cut are waited for.
            *seat = None;
            // Nobody waits any more if the daemon is ending already.
            let _ = done.send(());
            return;
        }
        let (deadline, told) = (driver.deadline(), driver.told());
        let answers = driver.take_answers();
        self.log.add(driver.take_events());
        // To wake who waits, and to write, takes as long as the disk: the next group need not wait for that.
        drop(seat);
        // Another's turn: this thread has other work than the engine's.
        if !lock(&self.queue).inputs.is_empty() {
            self.drive_soon();
        }
        answers.into_iter().for_each(Answer::send);
        self.deadline
            .send_if_modified(|known| std::mem::replace(known, deadline) != deadline);
        self.told
            .send_if_modified(|known| std::mem::replace(known, told) != told);
        self.log.write();
    }

    fn drive_soon(self: &Arc<Self>) {
        let shared = self.clone();
        self.runtime.spawn(async move { shared.drive() });
    }
}

/// Drives the engine when a lease ends or something is to be tried again.
async fn keep_time(shared: Arc<Shared>) {
    let mut deadline = shared.deadline.subscribe();
    shared.drive();
    loop {
        let wait = deadline.borrow_and_update().since(clock::now()).min(LONGEST_WAIT);
        tokio::select! {
            () = tokio::time::sleep(wait) => shared.drive(),
            // `shared` holds the sender, so this is news.
            _ = deadline.changed() => {}
        }
    }
}

/// In a release a panic ends the process, so that nobody finds a lock poisoned; in a test the panic itself is told.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
