//! AddPortMapping per second, durable before the answer.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::{Context, Effort, MOST, PEER};
use crate::floor;
use crate::load::Reuse;
use crate::mappings::CLIENTS;
use crate::report::{Table, millis, rate, ratio};
use crate::site::Site;
use crate::statistics::{Latencies, Series, median};
use crate::subject::Kind;

/// New mappings in a round.
const COUNT: usize = 3000;
/// Longest round; the established daemon makes fewer in it.
const ROUND: Duration = Duration::from_millis(1500);

/// The established daemon needs as much time for one round as everybody else together, and its figures are far away.
const PEER_EVERY: usize = 3;

struct Column {
    site: Rc<Site>,
    rates: Series,
    processor: Series,
    latencies: Latencies,
    /// Of all rounds, by thread.
    threads: BTreeMap<String, Duration>,
    good: usize,
    complaint: String,
}

pub(super) fn run(context: &mut Context) {
    context
        .report
        .section("AddPortMapping, 8 clients, durable before the answer");
    let syncs = floors(context);
    let sites = sites(context);
    for reuse in [Reuse::KeepAlive, Reuse::PerRequest] {
        let mut columns: Vec<Column> = sites.iter().map(Column::new).collect();
        for round in 0..context.rounds() {
            context
                .report
                .progress(&format!("AddPortMapping, {}, round {}", reuse.name(), round + 1));
            // Each round begins with another one, so that none always follows the same.
            let count = columns.len();
            for turn in 0..count {
                columns[(turn + round) % count].measure(reuse, round);
            }
        }
        print(context, reuse, &columns, syncs);
    }
}

fn sites(context: &mut Context) -> Vec<Rc<Site>> {
    let mut wanted = vec![(Kind::HttpFloor, 0)];
    wanted.extend([0, 1000, 10_000, 40_000, MOST].map(|level| (Kind::OURS, level)));
    wanted.extend([0, PEER].map(|level| (Kind::Miniupnpd, level)));
    if context.effort == Effort::Full {
        wanted.push((Kind::Miniupnpd, 5000));
    }
    wanted
        .into_iter()
        .filter_map(|(kind, level)| context.site(kind, level))
        .collect()
}

fn print(context: &mut Context, reuse: Reuse, columns: &[Column], syncs: f64) {
    let find = |kind, at: &dyn Fn(usize) -> bool| {
        columns
            .iter()
            .find(|column| column.site.subject().kind() == kind && at(column.site.level()))
    };
    let floor = find(Kind::HttpFloor, &|_| true);
    let empty = find(Kind::OURS, &|level| level == 0);
    let peer = find(Kind::Miniupnpd, &|level| (1..=PEER).contains(&level));
    let large_peer = find(Kind::Miniupnpd, &|level| level > PEER);
    let mut table = Table::new(&[
        reuse.name(),
        "per second",
        "/ bare HTTP",
        "/ ours empty",
        "/ miniupnpd at 550",
        "p50",
        "p99",
        "max",
        "CPU each",
    ]);
    for one in columns {
        table.row([
            one.site.name(),
            rate(one.rates.median()),
            one.against(floor),
            one.against(empty),
            one.against(peer),
            millis(one.latencies.quantile(0.5)),
            millis(one.latencies.quantile(0.99)),
            millis(one.latencies.quantile(1.0)),
            format!("{:.0} us", one.processor.median()),
        ]);
    }
    context.report.table(&table);
    for one in columns.iter().filter(|one| !one.complaint.is_empty()) {
        context.report.note(&format!("{}: {}", one.site.name(), one.complaint));
    }
    if let Some(floor) = floor {
        // Eight clients that wait for one another's sync, and nothing else to do.
        let together = 1.0 / (1.0 / floor.rates.median() + 1.0 / (CLIENTS as f64 * syncs));
        let together = rate(together);
        context.report.note(&format!(
            "Bare HTTP and one sync for every {CLIENTS} answers, one after the other: {together} per second"
        ));
    }
    for one in [floor, empty].into_iter().flatten() {
        context.report.note(&format!(
            "Processor time of {} for each: {}",
            one.site.name(),
            one.threads()
        ));
    }
    let Some(full) = find(Kind::OURS, &|level| level == 40_000) else {
        return;
    };
    let targets = [
        ("none in force", 0.8, empty),
        ("bare HTTP", 0.6, floor),
        ("miniupnpd at 550", 50.0, peer),
        ("miniupnpd at 5,000", 1000.0, large_peer),
    ];
    for (beside, wanted, other) in targets {
        let Some(other) = other else { continue };
        let factor = full.rates.ratio(&other.rates);
        let what = format!("3. AddPortMapping at 40,000 / {beside}, {}", reuse.name());
        context
            .report
            .target(&what, &ratio(wanted), ratio(factor), factor >= wanted);
    }
}

/// What the kernel and the disk allow, each by itself; answers the disk's syncs per second.
fn floors(context: &mut Context) -> f64 {
    let disk: Vec<f64> = (0..context.rounds())
        .filter_map(|_| floor::disk::syncs_per_second(Duration::from_millis(300)).ok())
        .collect();
    let mut table = Table::new(&["floor", "per second"]);
    let syncs = median(&disk);
    table.row(["write 96 bytes and fdatasync".to_owned(), rate(syncs)]);
    let lab = portreeve_testkit::Lab::builder().build();
    let rounds = context.rounds();
    let measured = lab.gateway().run(|| kernel(rounds));
    match measured {
        Ok(rows) => rows
            .into_iter()
            .for_each(|(name, rates)| table.row([name, rate(median(&rates))])),
        Err(error) => context.report.note(&format!("no netlink floor: {error:#}")),
    }
    context.report.table(&table);
    syncs
}

fn kernel(rounds: usize) -> anyhow::Result<Vec<(String, Vec<f64>)>> {
    let mut map = floor::netlink::Map::create()?;
    let mut rows = Vec::new();
    for level in [0, MOST] {
        map.fill(level)?;
        for together in [1, 64] {
            let rates: Result<Vec<f64>, _> = (0..rounds).map(|_| map.inserts_per_second(6400, together)).collect();
            let level = crate::report::count(level);
            rows.push((
                format!("netlink: {together} element(s) in a transaction, {level} in the map"),
                rates?,
            ));
        }
    }
    Ok(rows)
}

impl Column {
    fn new(site: &Rc<Site>) -> Self {
        Self {
            site: Rc::clone(site),
            rates: Series::default(),
            processor: Series::default(),
            latencies: Latencies::default(),
            threads: BTreeMap::new(),
            good: 0,
            complaint: String::new(),
        }
    }

    fn measure(&mut self, reuse: Reuse, round: usize) {
        if self.site.subject().kind() == Kind::Miniupnpd && !round.is_multiple_of(PEER_EVERY) {
            self.rates.push(None);
            return;
        }
        let measured = self.site.measure_adds(COUNT, reuse, ROUND);
        self.rates.push(Some(measured.outcome.rate()));
        let micros = measured.processor_per_request().as_secs_f64() * 1e6;
        self.processor.push(Some(micros));
        self.latencies.extend(&measured.outcome.latencies);
        self.good += measured.outcome.good;
        for (thread, time) in measured.processor {
            *self.threads.entry(thread).or_default() += time;
        }
        if measured.outcome.wrong + measured.outcome.broken > 0 {
            self.complaint = measured.outcome.complaint();
        }
    }

    /// Where the processor time of a request goes.
    fn threads(&self) -> String {
        let each = |time: &Duration| time.as_secs_f64() * 1e6 / self.good.max(1) as f64;
        let threads = self.threads.iter().map(|(name, time)| (name, each(time)));
        let parts: Vec<String> = threads
            .filter(|(_, each)| *each >= 0.5)
            .map(|(name, each)| format!("{name} {each:.0} us"))
            .collect();
        parts.join(", ")
    }

    fn against(&self, other: Option<&Self>) -> String {
        other.map_or_else(|| "-".to_owned(), |other| ratio(self.rates.ratio(&other.rates)))
    }
}
