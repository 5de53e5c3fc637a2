//! Read actions per second.

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use super::{Context, MOST, PEER};
use crate::load::{Action, Reuse};
use crate::mappings::{self, CLIENTS};
use crate::report::{Table, rate, ratio};
use crate::site::{Measured, Site};
use crate::statistics::Series;
use crate::subject::Kind;

/// Requests in a round.
const COUNT: usize = 3000;
const ROUND: Duration = Duration::from_millis(1000);

/// Which read.
#[derive(Clone, Copy, Debug)]
enum Read {
    ExternalIp,
    Specific,
    LastGeneric,
    List,
}

const READS: [Read; 4] = [Read::ExternalIp, Read::Specific, Read::LastGeneric, Read::List];

struct Column {
    site: Rc<Site>,
    rates: [Series; READS.len()],
}

pub(super) fn run(context: &mut Context) {
    context
        .report
        .section("Read actions per second, 8 clients, keep-alive where the server does");
    let wanted = [
        (Kind::HttpFloor, 0),
        (Kind::OURS, CLIENTS),
        (Kind::OURS, MOST),
        (Kind::Miniupnpd, PEER),
    ];
    let sites = wanted.into_iter().filter_map(|(kind, level)| context.site(kind, level));
    let mut columns: Vec<Column> = sites.map(Column::new).collect();
    let mut complaints = Vec::new();
    // One action after the other, the dearest last.
    for (index, read) in READS.into_iter().enumerate() {
        context.report.progress(read.name());
        for round in 0..context.rounds() {
            for one in &mut columns {
                let measured = one.measure(index, read);
                if let (0, Some(_)) = (round, &measured.outcome.trouble) {
                    let complaint = measured.outcome.complaint();
                    complaints.push(format!("{}, {}: {complaint}", one.site.name(), read.name()));
                }
            }
        }
    }
    print(context, &columns);
    complaints.iter().for_each(|complaint| context.report.note(complaint));
}

fn print(context: &Context, sites: &[Column]) {
    let mut columns = vec!["action".to_owned()];
    columns.extend(sites.iter().map(|one| one.site.name()));
    columns.extend([
        "60,000 / 8 in force".to_owned(),
        "60,000 / miniupnpd".to_owned(),
        "60,000 / bare HTTP".to_owned(),
    ]);
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(&columns);
    let find = |kind, least| {
        sites
            .iter()
            .find(|one: &&Column| one.site.subject().kind() == kind && one.site.level() >= least)
    };
    let (floor, few) = (find(Kind::HttpFloor, 0), find(Kind::OURS, 0));
    let (full, peer) = (find(Kind::OURS, MOST), find(Kind::Miniupnpd, 0));
    for (index, read) in READS.into_iter().enumerate() {
        let mut row = vec![read.name().to_owned()];
        row.extend(sites.iter().map(|one| match one.rates[index].median() {
            0.0 => "-".to_owned(),
            median => rate(median),
        }));
        // The floor answers the same whatever is asked.
        row.extend(
            [(few, index), (peer, index), (floor, 0)].map(|(other, index_of_other)| match (full, other) {
                (Some(full), Some(other)) => ratio(full.rates[index].ratio(&other.rates[index_of_other])),
                _ => "-".to_owned(),
            }),
        );
        table.row(row);
    }
    context.report.table(&table);
}

impl Column {
    fn new(site: Rc<Site>) -> Self {
        Self {
            site,
            rates: Default::default(),
        }
    }

    fn measure(&mut self, index: usize, read: Read) -> Measured {
        let knows = self.site.subject().kind() != Kind::HttpFloor || matches!(read, Read::ExternalIp);
        let measured = if knows {
            read.measure(&self.site)
        } else {
            Measured::default()
        };
        let rate = measured.outcome.rate();
        self.rates[index].push((rate > 0.0).then_some(rate));
        measured
    }
}

impl Read {
    const fn name(self) -> &'static str {
        match self {
            Self::ExternalIp => "GetExternalIPAddress",
            Self::Specific => "GetSpecificPortMappingEntry",
            Self::LastGeneric => "GetGenericPortMappingEntry, last index",
            Self::List => "GetListOfPortMappings, 100 entries",
        }
    }

    fn measure(self, site: &Site) -> Measured {
        let level = site.level().max(CLIENTS);
        let mut left = COUNT;
        let next = |client: usize| {
            left = left.checked_sub(1)?;
            // A stride through all that the client may see: nobody is shown the mappings of others.
            let own = left * 977 % (level / CLIENTS) * CLIENTS + client;
            Some(match self {
                Self::ExternalIp => Action::ExternalIp,
                Self::Specific => Action::Specific(site.mapping(own)),
                Self::LastGeneric => Action::Generic(level - 1),
                Self::List => Action::List,
            })
        };
        let sources: Vec<Ipv4Addr> = match self {
            Self::LastGeneric => vec![mappings::address(site.last_entry_owner().unwrap_or(0))],
            _ => (0..CLIENTS).map(mappings::address).collect(),
        };
        site.measure_from(&sources, CLIENTS, Reuse::KeepAlive, ROUND, next)
    }
}
