//! New TCP connections per second from the Internet through a mapping.

use std::fs;
use std::rc::Rc;
use std::time::Duration;

use super::{Context, Effort, MOST, PEER};
use crate::lan_server::LanServer;
use crate::mappings::{self, Layout, Mapping, Protocol};
use crate::prober::{Tried, connections_per_second};
use crate::report::{Table, count, rate, ratio};
use crate::site::Site;
use crate::statistics::Series;
use crate::subject::Kind;

struct Column {
    site: Rc<Site>,
    mapping: Mapping,
    rates: Series,
    failed: usize,
    _server: LanServer,
}

const ROUND: Duration = Duration::from_millis(300);

pub(super) fn run(context: &mut Context) {
    context
        .report
        .section("New TCP connections per second through a mapping");
    let wanted = [
        (Kind::OURS, 1),
        (Kind::OURS, MOST),
        (Kind::Miniupnpd, 1),
        (Kind::Miniupnpd, PEER),
    ];
    let sites = wanted.into_iter().filter_map(|(kind, level)| context.site(kind, level));
    let mut columns: Vec<Column> = sites.map(Column::new).collect();
    let rounds = match context.effort {
        Effort::Quick => 8,
        Effort::Normal => 20,
        Effort::Full => 40,
    };
    for round in 0..rounds {
        let count = columns.len();
        for turn in 0..count {
            columns[(turn + round) % count].measure();
        }
    }
    print(context, &columns);
}

fn print(context: &mut Context, columns: &[Column]) {
    let mut table = Table::new(&[
        "through the middle one of",
        "per second",
        "/ ours with 1",
        "/ miniupnpd at 550",
        "failed",
    ]);
    let find = |kind, least| {
        columns
            .iter()
            .find(|one: &&Column| one.site.subject().kind() == kind && one.site.level() >= least)
    };
    let (one, full, peer) = (find(Kind::OURS, 1), find(Kind::OURS, MOST), find(Kind::Miniupnpd, 2));
    for this in columns {
        let against = |other: Option<&Column>| {
            other.map_or_else(|| "-".to_owned(), |other| ratio(this.rates.ratio(&other.rates)))
        };
        table.row([
            this.site.name(),
            rate(this.rates.median()),
            against(one),
            against(peer),
            count(this.failed),
        ]);
    }
    context.report.table(&table);
    if let (Some(one), Some(full)) = (one, full) {
        let factor = full.rates.ratio(&one.rates);
        let what = "4. new connections through 60,000 / through 1";
        context.report.target(what, &ratio(0.95), ratio(factor), factor >= 0.95);
    }
}

impl Column {
    fn new(site: Rc<Site>) -> Self {
        // Where mappings are rules in a list, the middle one stands for the average.
        let middle = (site.level() / 2..).chain(0..).map(|number| site.mapping(number));
        let mapping = middle
            .take(site.level().max(1) * 2)
            .find(is_tcp_of(&site))
            .unwrap_or_else(|| site.mapping(0));
        forget_closed_connections_soon(&site);
        let server = LanServer::start(site.lab().lan_host(1), mappings::internal(mapping));
        Self {
            site,
            mapping,
            rates: Series::default(),
            failed: 0,
            _server: server,
        }
    }

    fn measure(&mut self) {
        let external = self.site.external(self.mapping);
        let (rate, Tried { failed, .. }) = connections_per_second(self.site.lab().internet_host(1), external, ROUND);
        self.rates.push(Some(rate));
        self.failed += failed;
    }
}

fn is_tcp_of(site: &Site) -> impl Fn(&Mapping) -> bool {
    let level = site.level().max(1);
    let in_force: Vec<u16> = (0..level)
        .map(|number| Layout::Both.mapping(number))
        .filter(|mapping| mapping.protocol == Protocol::Tcp)
        .map(|mapping| mapping.port)
        .collect();
    move |mapping| mapping.protocol == Protocol::Tcp && in_force.contains(&mapping.port)
}

/// Every connection is reset at once. If conntrack remembered each for ten seconds, its table, which all namespaces share in size, would
/// be what is measured.
fn forget_closed_connections_soon(site: &Site) {
    site.lab().gateway().run(|| {
        let key = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close";
        if let Err(error) = fs::write(key, "1") {
            eprintln!("cannot write {key}: {error}");
        }
    });
}
