//! NAT-PMP requests per second, the server on one core.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::Context;
use crate::load::{Datagrams, NatPmp, Outcome};
use crate::mappings::{self, CLIENTS, Layout};
use crate::report::{Table, count, millis, rate, ratio};
use crate::site::{LEASE, Site};
use crate::statistics::{Latencies, Series};
use crate::subject::Kind;

/// Mappings in force.
const LEVEL: usize = 1000;
/// Longest round.
const ROUND: Duration = Duration::from_millis(1000);
/// Most new mappings in a round.
const COUNT: usize = 3000;
/// How long the established daemon may take to be filled.
const FILLING: Duration = Duration::from_secs(300);

/// Which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Add,
    Renew,
    ExternalAddress,
}

const REQUESTS: [Request; 3] = [Request::Add, Request::Renew, Request::ExternalAddress];

struct Column {
    site: Site,
    measured: [Row; REQUESTS.len()],
}

#[derive(Default)]
struct Row {
    rates: Series,
    processor: Series,
    latencies: Latencies,
    complaint: String,
}

pub(super) fn run(context: &mut Context) {
    context.report.section(&format!(
        "NAT-PMP, 8 clients, the server on one core, {} mappings in force",
        count(LEVEL)
    ));
    let kinds = [Kind::OURS, Kind::Miniupnpd];
    let mut columns: Vec<Column> = kinds
        .into_iter()
        .filter_map(|kind| Some(Column::new(context.fresh(kind, Layout::Both, 0)?)))
        .collect();
    for round in 0..context.rounds() {
        context.report.progress(&format!("NAT-PMP, round {}", round + 1));
        for (index, request) in REQUESTS.into_iter().enumerate() {
            let columns_count = columns.len();
            for turn in 0..columns_count {
                columns[(turn + round) % columns_count].measure(index, request);
            }
        }
    }
    print(context, &columns);
}

fn print(context: &mut Context, columns: &[Column]) {
    let peer = columns
        .iter()
        .find(|column| column.site.subject().kind() == Kind::Miniupnpd);
    for (index, request) in REQUESTS.into_iter().enumerate() {
        let mut table = Table::new(&[request.name(), "per second", "/ miniupnpd", "p50", "p99", "CPU each"]);
        for column in columns {
            let row = &column.measured[index];
            let factor = peer.map(|peer| row.rates.ratio(&peer.measured[index].rates));
            table.row([
                column.site.subject().kind().name().to_owned(),
                rate(row.rates.median()),
                factor.map_or_else(|| "-".to_owned(), ratio),
                millis(row.latencies.quantile(0.5)),
                millis(row.latencies.quantile(0.99)),
                format!("{:.0} us", row.processor.median()),
            ]);
        }
        context.report.table(&table);
        for column in columns
            .iter()
            .filter(|column| !column.measured[index].complaint.is_empty())
        {
            let name = column.site.subject().kind().name();
            context
                .report
                .note(&format!("{name}: {}", column.measured[index].complaint));
        }
    }
    let (Some(ours), Some(peer)) = (columns.first(), peer) else {
        return;
    };
    let adds = ours.measured[0].rates.ratio(&peer.measured[0].rates);
    context.report.target(
        "NAT-PMP mappings on one core at 1,000 / miniupnpd",
        &ratio(10.0),
        ratio(adds),
        adds >= 10.0,
    );
}

impl Column {
    /// Fills it and puts it on a core of its own, as far as the machine has several.
    fn new(site: Site) -> Self {
        let filled = load(&site, FILLING, each_owner(0, LEVEL, LEASE));
        if filled.good < LEVEL {
            eprintln!("... {} took only {}: {}", site.name(), filled.good, filled.complaint());
        }
        site.subject().pin(0);
        Self {
            site,
            measured: Default::default(),
        }
    }

    fn measure(&mut self, index: usize, request: Request) {
        let before: Duration = self.site.subject().processor_time().values().sum();
        let outcome = match request {
            Request::Add => load(&self.site, ROUND, each_owner(LEVEL, LEVEL + COUNT, LEASE)),
            Request::Renew => {
                let mut turn = 0;
                load(&self.site, ROUND, move |client| {
                    turn += 1;
                    // A stride through all that there is, each by its owner.
                    let own = turn * 977 % (LEVEL / CLIENTS) * CLIENTS + client;
                    Some(NatPmp::Map(Layout::Both.mapping(own), LEASE))
                })
            }
            Request::ExternalAddress => load(&self.site, ROUND, |_| Some(NatPmp::ExternalAddress)),
        };
        let after: Duration = self.site.subject().processor_time().values().sum();
        if request == Request::Add {
            let made = (outcome.good + CLIENTS * 2).min(COUNT);
            load(&self.site, FILLING, each_owner(LEVEL, LEVEL + made, 0));
        }
        let row = &mut self.measured[index];
        row.rates.push(Some(outcome.rate()));
        let processor = (after.saturating_sub(before)).as_secs_f64() * 1e6 / outcome.good.max(1) as f64;
        row.processor.push(Some(processor));
        row.latencies.extend(&outcome.latencies);
        if outcome.trouble.is_some() {
            row.complaint = outcome.complaint();
        }
    }
}

impl Request {
    const fn name(self) -> &'static str {
        match self {
            Self::Add => "new mapping",
            Self::Renew => "renewal",
            Self::ExternalAddress => "external address",
        }
    }
}

fn load(site: &Site, limit: Duration, next: impl FnMut(usize) -> Option<NatPmp> + Send) -> Outcome {
    let sources: Vec<Ipv4Addr> = (0..CLIENTS).map(mappings::address).collect();
    let load = Datagrams {
        server: SocketAddrV4::new(site.lab().gateway().ipv4(), 5351),
        sources: &sources,
        limit,
    };
    site.on_lan(|| load.run(next))
}

/// The mappings of the numbers `from..to`, each asked for by the client that owns it.
fn each_owner(from: usize, to: usize, lifetime: u32) -> impl FnMut(usize) -> Option<NatPmp> {
    let mut next: Vec<usize> = (0..CLIENTS).map(|owner| Layout::first_of(owner, from)).collect();
    move |client| {
        let number = next[client];
        next[client] += CLIENTS;
        (number < to).then(|| NatPmp::Map(Layout::Both.mapping(number), lifetime))
    }
}
