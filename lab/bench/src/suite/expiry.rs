//! Many leases that end in the same second, while others ask for something.

use std::time::{Duration, Instant};

use super::{Context, PEER};
use crate::load::{Action, Client};
use crate::mappings::{self, CLIENTS, Layout};
use crate::report::{Table, count, millis};
use crate::site::{LEASE, Site};
use crate::statistics::Latencies;
use crate::subject::Kind;

/// Leases that end together.
const OURS: usize = 10_000;
/// Time from the first lease to their common end.
const OURS_TIME: Duration = Duration::from_secs(10);
const PEER_TIME: Duration = Duration::from_secs(60);
/// How often each of the clients asks.
const PERIOD: Duration = Duration::from_millis(40);
/// One of so many requests is a new mapping: as many in all as the established daemon makes at this size.
const ADD_EVERY: u32 = 10;
/// They ask from so long before the end to so long after.
const BEFORE: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(4);
/// A mute daemon is waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);
const P99_LIMIT: Duration = Duration::from_millis(50);

/// What the clients saw.
#[derive(Default)]
struct Seen {
    latencies: Latencies,
    failed: usize,
}

pub(super) fn run(context: &mut Context) {
    context
        .report
        .section("Leases that end in the same second, while 8 clients each ask 25 times a second");
    let mut table = Table::new(&[
        "program",
        "leases",
        "requests",
        "failed",
        "p50",
        "p99",
        "max",
        "gone after",
    ]);
    for (kind, leases, time) in [(Kind::OURS, OURS, OURS_TIME), (Kind::Miniupnpd, PEER, PEER_TIME)] {
        let Some(site) = context.fresh(kind, Layout::Both, 0) else {
            continue;
        };
        let end = Instant::now() + time;
        let added = site.add(0, leases, time, || seconds_until(end));
        if added.good < leases || Instant::now() + BEFORE > end {
            let name = kind.name();
            context.report.note(&format!(
                "{name} took {} of {leases} leases in time {}",
                added.good,
                added.complaint()
            ));
        }
        std::thread::sleep((end - BEFORE).saturating_duration_since(Instant::now()));
        let (seen, gone) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| site.on_lan(|| gone_after(&site, leases, end)));
            (ask(&site, leases, BEFORE + AFTER), watch.join().unwrap_or_default())
        });
        let p99 = seen.latencies.quantile(0.99);
        table.row([
            kind.name().to_owned(),
            count(added.good),
            count(seen.latencies.len()),
            count(seen.failed),
            millis(seen.latencies.quantile(0.5)),
            millis(p99),
            millis(seen.latencies.quantile(1.0)),
            gone.map_or_else(|| "never".to_owned(), millis),
        ]);
        if kind == Kind::OURS {
            let met = p99 < P99_LIMIT && seen.failed == 0;
            context
                .report
                .target("6. p99 while 10,000 leases end", &millis(P99_LIMIT), millis(p99), met);
        }
    }
    context.report.table(&table);
}

/// Latencies count from when a request was due, so that a mute second is seen by all that were due in it.
fn ask(site: &Site, from: usize, time: Duration) -> Seen {
    let target = site.target();
    let begun = Instant::now();
    let ask_as = |client: usize| {
        let mut seen = Seen::default();
        let mut connection = Client::new(mappings::address(client), target);
        let mut turn = 0;
        loop {
            // The clients' turns are spread over the period.
            let due = begun + PERIOD * turn + PERIOD * u32::try_from(client).unwrap_or(0) / 8;
            if due > begun + time {
                return seen;
            }
            turn += 1;
            if begun.elapsed() > time + PATIENCE {
                // It was never sent, but somebody would have waited for it.
                seen.latencies.push(due.elapsed());
                continue;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let number = Layout::first_of(client, from) + CLIENTS * turn as usize;
            let action = match turn % ADD_EVERY {
                0 => Action::Add(site.mapping(number), LEASE),
                _ => Action::ExternalIp,
            };
            match connection.call(action) {
                Ok(()) => seen.latencies.push(due.elapsed()),
                Err(_) => seen.failed += 1,
            }
        }
    };
    site.on_lan(|| {
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || ask_as(client))).collect();
            let mut all = Seen::default();
            for seen in clients.into_iter().filter_map(|client| client.join().ok()) {
                all.latencies.extend(&seen.latencies);
                all.failed += seen.failed;
            }
            all
        })
    })
}

/// How long after their common end the first and the last lease are no longer listed; `None` if they stay for a minute.
fn gone_after(site: &Site, leases: usize, end: Instant) -> Option<Duration> {
    let target = site.target();
    let watched = [0, leases - 1].map(|number| site.mapping(number));
    let mut clients = watched.map(|mapping| Client::new(mappings::address(mapping.owner), target));
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    while end.elapsed() < Duration::from_secs(60) {
        let mut pairs = clients.iter_mut().zip(watched);
        if pairs.all(|(client, mapping)| client.call(Action::Specific(mapping)).is_err()) {
            return Some(end.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Rounded to the nearest second, of which leases are made.
fn seconds_until(end: Instant) -> u32 {
    let left = end.saturating_duration_since(Instant::now());
    u32::try_from((left + Duration::from_millis(500)).as_secs())
        .unwrap_or(1)
        .max(1)
}
