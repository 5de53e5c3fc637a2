//! A lab of its own with one program in its gateway, and what it takes to measure there.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use portreeve_testkit::{Lab, TempDir, wait_until};

use crate::load::{Action, Client, Load, Outcome, Reuse, Target, Trouble};
use crate::mappings::{self, CLIENTS, Layout, Mapping};
use crate::subject::{End, Kind, Subject};

/// A lab with a program in its gateway.
#[derive(Debug)]
pub(crate) struct Site {
    // The program ends before its namespace does.
    subject: Subject,
    lab: Lab,
    layout: Layout,
    level: usize,
    /// Resident memory in KiB before any mapping was made.
    pub(crate) idle_kib: usize,
    /// Resident memory in KiB once the site was filled.
    pub(crate) filled_kib: usize,
}

/// What a load did to the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// What the clients saw.
    pub(crate) outcome: Outcome,
    /// Processor time of the program, by the name of the thread.
    pub(crate) processor: BTreeMap<String, Duration>,
}

/// Lease of mappings that stay: a day.
pub(crate) const LEASE: u32 = 86_400;
/// How long the program may take to serve after its start.
const READY: Duration = Duration::from_secs(60);
/// Idle memory is read this long after the start, when what only the start needs is done.
const SETTLED: Duration = Duration::from_millis(500);

impl Site {
    /// Starts a program with `level` mappings in force; filling it may take as long as `patience`.
    pub(crate) fn new(kind: Kind, layout: Layout, level: usize, patience: Duration) -> Self {
        Self::with_clients(kind, layout, level, patience, CLIENTS)
    }

    /// As [`Site::new`], with more addresses on the LAN.
    pub(crate) fn with_clients(kind: Kind, layout: Layout, level: usize, patience: Duration, clients: usize) -> Self {
        let lab = Lab::builder().build();
        add_addresses(&lab, clients);
        let mut site = Self {
            subject: Subject::new(kind),
            lab,
            layout,
            level,
            idle_kib: 0,
            filled_kib: 0,
        };
        site.start();
        std::thread::sleep(SETTLED);
        site.idle_kib = site.subject.resident_kib();
        site.fill(patience);
        site.filled_kib = site.subject.resident_kib();
        site
    }

    /// The namespaces.
    pub(crate) fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The program.
    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// How many mappings are in force between measurements.
    pub(crate) fn level(&self) -> usize {
        self.level
    }

    /// Name of the program and number of mappings, for tables.
    pub(crate) fn name(&self) -> String {
        match self.subject.kind() {
            Kind::HttpFloor => self.subject.kind().name().to_owned(),
            kind => format!("{}, {} in force", kind.name(), crate::report::count(self.level)),
        }
    }

    /// The control URL.
    pub(crate) fn target(&self) -> Target {
        Target {
            address: SocketAddrV4::new(self.lab.gateway().ipv4(), 5000),
            path: self.subject.kind().control_path(),
        }
    }

    /// The mapping of this number.
    pub(crate) fn mapping(&self, number: usize) -> Mapping {
        self.layout.mapping(number)
    }

    /// Where the Internet finds a mapping.
    pub(crate) fn external(&self, mapping: Mapping) -> SocketAddrV4 {
        SocketAddrV4::new(self.lab.wan_ipv4(), mapping.port)
    }

    /// Runs `work` in the LAN host whose addresses the clients have.
    pub(crate) fn on_lan<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.lab.lan_host(1).run(work)
    }

    /// Starts the program and waits until it answers; tells how long that took from the start of its process.
    pub(crate) fn start(&self) -> Duration {
        let begun = Instant::now();
        self.subject.start(&self.lab);
        let target = self.target();
        let answered = self.on_lan(|| {
            let mut client = Client::new(mappings::address(0), target);
            while begun.elapsed() < READY {
                if client.call(Action::ExternalIp).is_ok() {
                    return Some(begun.elapsed());
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            None
        });
        answered.unwrap_or_else(|| panic!("{} does not serve:\n{}", self.subject.kind().name(), self.subject.log()))
    }

    /// Ends the program.
    pub(crate) fn end(&self, how: End) {
        self.subject.end(how);
    }

    /// Calls one action as the given client.
    pub(crate) fn call(&self, client: usize, action: Action) -> Result<(), Trouble> {
        let target = self.target();
        self.on_lan(|| Client::new(mappings::address(client), target).call(action))
    }

    /// The client that may read the last of all entries, if it is there; who that is depends on the order in which the program keeps them.
    pub(crate) fn last_entry_owner(&self) -> Option<usize> {
        let last = Action::Generic(self.level.max(1) - 1);
        (0..CLIENTS).find(|client| self.call(*client, last).is_ok())
    }

    /// Measures `count` new mappings by eight clients, or as many as they make within `limit`, and removes them again.
    pub(crate) fn measure_adds(&self, count: usize, reuse: Reuse, limit: Duration) -> Measured {
        let from = self.level;
        let measured = self.measure(
            CLIENTS,
            reuse,
            limit,
            each_owner(from, from + count, |number| {
                Action::Add(self.layout.mapping(number), LEASE)
            }),
        );
        let made = measured.outcome.good + CLIENTS;
        if self.subject.kind() != Kind::HttpFloor {
            self.remove(from, from + made.min(count));
        }
        measured
    }

    /// Loads the program with this many clients, which take turns with the addresses that own mappings.
    pub(crate) fn measure(
        &self,
        clients: usize,
        reuse: Reuse,
        limit: Duration,
        next: impl FnMut(usize) -> Option<Action> + Send,
    ) -> Measured {
        let sources: Vec<Ipv4Addr> = (0..CLIENTS).map(mappings::address).collect();
        self.measure_from(&sources, clients, reuse, limit, next)
    }

    /// As [`Site::measure`], from other addresses.
    pub(crate) fn measure_from(
        &self,
        sources: &[Ipv4Addr],
        clients: usize,
        reuse: Reuse,
        limit: Duration,
        next: impl FnMut(usize) -> Option<Action> + Send,
    ) -> Measured {
        let target = self.target();
        let load = Load {
            target: &target,
            sources,
            clients,
            reuse,
            limit,
        };
        let before = self.subject.processor_time();
        let outcome = self.on_lan(|| load.run(next));
        let mut processor = self.subject.processor_time();
        for (thread, time) in &mut processor {
            *time = time.saturating_sub(before.get(thread).copied().unwrap_or_default());
        }
        Measured { outcome, processor }
    }

    /// Adds the mappings of these numbers with a lease that each gets told when it is asked for.
    pub(crate) fn add(
        &self,
        from: usize,
        to: usize,
        patience: Duration,
        lease: impl Fn() -> u32 + Send + Sync,
    ) -> Outcome {
        let clients = self.subject.kind().filling_clients();
        let next = each_owner(from, to, |number| Action::Add(self.layout.mapping(number), lease()));
        self.measure(clients, Reuse::KeepAlive, patience, next).outcome
    }

    fn remove(&self, from: usize, to: usize) {
        let clients = self.subject.kind().filling_clients();
        let next = each_owner(from, to, |number| Action::Delete(self.layout.mapping(number)));
        self.measure(clients, Reuse::KeepAlive, READY, next);
    }

    fn fill(&mut self, patience: Duration) {
        if self.level == 0 {
            return;
        }
        let outcome = self.add(0, self.level, patience, || LEASE);
        if outcome.good < self.level {
            eprintln!(
                "... {} took only {} mappings: {}",
                self.name(),
                outcome.good,
                outcome.complaint()
            );
            self.level = outcome.good;
        }
    }
}

impl Measured {
    /// Processor time of the program for each good request.
    pub(crate) fn processor_per_request(&self) -> Duration {
        match u32::try_from(self.outcome.good) {
            Ok(good @ 1..) => self.processor.values().sum::<Duration>() / good,
            _ => Duration::ZERO,
        }
    }
}

/// The numbers `from..to`, each asked for by a client that owns its mapping.
fn each_owner(from: usize, to: usize, mut action: impl FnMut(usize) -> Action) -> impl FnMut(usize) -> Option<Action> {
    let mut next: Vec<usize> = (0..CLIENTS).map(|owner| Layout::first_of(owner, from)).collect();
    move |client| {
        let number = &mut next[client % CLIENTS];
        let mine = *number;
        *number += CLIENTS;
        (mine < to).then(|| action(mine))
    }
}

/// Gives the LAN host the addresses of its clients.
fn add_addresses(lab: &Lab, clients: usize) {
    let directory = TempDir::new();
    let script = directory.join("addresses");
    let lines: String = (0..clients)
        .map(|client| format!("addr add {}/24 dev eth0\n", mappings::address(client)))
        .collect();
    fs::write(&script, lines).unwrap_or_else(|e| panic!("cannot write {}: {e}", script.display()));
    lab.lan_host(1)
        .command("ip", ["-batch", &script.display().to_string()])
        .success();
    assert!(wait_until(READY, || !lab
        .lan_host(1)
        .ip("addr show dev eth0")
        .contains("tentative")));
}
