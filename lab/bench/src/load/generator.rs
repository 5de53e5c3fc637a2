//! Many clients at once, driven by one thread.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollTimeout};

use super::connection::Connection;
use super::{Action, Reuse, Target, Trouble};
use crate::statistics::Latencies;

/// What to load a server with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// The server.
    pub(crate) target: &'a Target,
    /// LAN addresses of the clients; with more clients than addresses they take turns.
    pub(crate) sources: &'a [Ipv4Addr],
    /// How many clients ask at the same time.
    pub(crate) clients: usize,
    /// What becomes of connections.
    pub(crate) reuse: Reuse,
    /// No request begins after this time.
    pub(crate) limit: Duration,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Requests with the right answer.
    pub(crate) good: usize,
    /// Requests with a wrong answer.
    pub(crate) wrong: usize,
    /// Requests without an answer.
    pub(crate) broken: usize,
    /// Time from the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// Of the good requests, connecting included.
    pub(crate) latencies: Latencies,
    /// The first thing that went wrong.
    pub(crate) trouble: Option<Trouble>,
}

/// How long answers may take once no request begins any more.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events taken at a time.
const EVENTS: usize = 64;
/// A client that meets nothing but closed doors gives up after so many.
const MOST_BROKEN: usize = 1000;

struct Run<'a, F> {
    load: &'a Load<'a>,
    next: F,
    epoll: Epoll,
    connections: Vec<Connection>,
    busy: usize,
    begun: Instant,
    outcome: Outcome,
}

impl Load<'_> {
    /// Lets each client make one request after the other, as `next` says for the client of this number, until it says `None` or the
    /// time is over. To be called inside the LAN host.
    pub(crate) fn run(&self, next: impl FnMut(usize) -> Option<Action>) -> Outcome {
        let sources = self.sources.iter().cycle();
        let mut run = Run {
            load: self,
            next,
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("the kernel has epoll"),
            connections: sources
                .take(self.clients)
                .zip(0..)
                .map(|(source, token)| Connection::new(*source, token))
                .collect(),
            busy: self.clients,
            begun: Instant::now(),
            outcome: Outcome::default(),
        };
        for client in 0..self.clients {
            run.begin(client);
        }
        run.drive();
        run.outcome
    }
}

impl Outcome {
    /// Right answers per second.
    pub(crate) fn rate(&self) -> f64 {
        match self.elapsed.as_secs_f64() {
            0.0 => 0.0,
            seconds => self.good as f64 / seconds,
        }
    }

    /// What went wrong in words; empty if nothing did.
    pub(crate) fn complaint(&self) -> String {
        let first = match &self.trouble {
            None => return String::new(),
            Some(Trouble::Wrong(what) | Trouble::Broken(what)) => what,
        };
        format!(
            "{} wrong, {} broken of {}: {first}",
            self.wrong,
            self.broken,
            self.good + self.wrong + self.broken
        )
    }
}

impl<F: FnMut(usize) -> Option<Action>> Run<'_, F> {
    fn drive(&mut self) {
        let mut events = [EpollEvent::empty(); EVENTS];
        let deadline = self.load.limit + PATIENCE;
        while self.busy > 0 && self.begun.elapsed() < deadline {
            let ready = self.epoll.wait(&mut events, EpollTimeout::from(100_u8)).unwrap_or(0);
            for event in &events[..ready] {
                let client = usize::try_from(event.data()).expect("tokens are indices");
                match self.connections[client].advance() {
                    Ok(None) => {}
                    Ok(Some(response)) => self.finish(client, response.verdict, !response.closes),
                    Err(trouble) => self.finish(client, Err(trouble), false),
                }
            }
        }
        if self.busy > 0 {
            self.outcome.broken += self.busy;
            self.outcome
                .trouble
                .get_or_insert_with(|| Trouble::Broken("no answer in time".to_owned()));
        }
    }

    /// Lets the client make its next request; those that fail at once are counted, and followed by the next.
    fn begin(&mut self, client: usize) {
        loop {
            let over = self.begun.elapsed() >= self.load.limit || self.outcome.broken >= MOST_BROKEN;
            let action = if over { None } else { (self.next)(client) };
            let Some(action) = action else {
                self.busy -= 1;
                return;
            };
            match self.connections[client].begin(action, self.load.target, self.load.reuse, &self.epoll) {
                Ok(()) => return,
                Err(trouble) => self.count(client, Err(trouble), false),
            }
        }
    }

    fn finish(&mut self, client: usize, verdict: Result<(), Trouble>, open: bool) {
        self.count(client, verdict, open && self.load.reuse == Reuse::KeepAlive);
        self.begin(client);
    }

    fn count(&mut self, client: usize, verdict: Result<(), Trouble>, keep: bool) {
        let connection = &mut self.connections[client];
        let latency = connection.begun.map(|begun| begun.elapsed()).unwrap_or_default();
        connection.end(keep);
        match verdict {
            Ok(()) => {
                self.outcome.good += 1;
                self.outcome.latencies.push(latency);
            }
            Err(trouble) => {
                match trouble {
                    Trouble::Wrong(_) => self.outcome.wrong += 1,
                    Trouble::Broken(_) => self.outcome.broken += 1,
                }
                self.outcome.trouble.get_or_insert(trouble);
            }
        }
        self.outcome.elapsed = self.begun.elapsed();
    }
}
