//! Many clients at the same moment.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Context;
use crate::load::{Action, Load, Outcome, Reuse};
use crate::mappings::{self, Layout};
use crate::report::{Table, count, millis};
use crate::site::{LEASE, Site};
use crate::statistics::Latencies;
use crate::subject;
use crate::subject::{Kind, Limits, Tuning};

/// LAN addresses from which the clients come: a thousand clients are a few programs on each of two hundred hosts.
const HOSTS: usize = 200;
const LIMIT: Duration = Duration::from_secs(10);
/// The established daemon leaves some clients without an answer until they give up.
const BURSTS: usize = 3;

pub(super) fn run(context: &mut Context) {
    context
        .report
        .section("Clients at the same moment, each with one AddPortMapping over its own connection");
    let ours = Kind::Portreeved(Tuning {
        limits: Limits::Default,
        table: subject::Table::Owned,
    });
    let mut table = Table::new(&[
        "program",
        "clients",
        "answered",
        "refused by UPnP",
        "reset or lost",
        "p50",
        "p99",
        "max",
    ]);
    for (kind, clients) in [(ours, 100), (ours, 1000), (Kind::Miniupnpd, 100)] {
        if !context.can_run(kind) {
            continue;
        }
        let (mut all, mut latencies) = (Outcome::default(), Latencies::default());
        // A fresh program each time: a burst after silence.
        for _ in 0..BURSTS {
            context
                .report
                .progress(&format!("{} and {clients} clients at once", kind.name()));
            let outcome = burst(kind, clients);
            latencies.extend(&outcome.latencies);
            all.good += outcome.good;
            all.wrong += outcome.wrong;
            all.broken += outcome.broken;
            all.trouble = all.trouble.or(outcome.trouble);
        }
        table.row([
            kind.name().to_owned(),
            count(clients),
            count(latencies.len()),
            count(all.wrong),
            count(all.broken),
            millis(latencies.quantile(0.5)),
            millis(latencies.quantile(0.99)),
            millis(latencies.quantile(1.0)),
        ]);
        if all.trouble.is_some() {
            context
                .report
                .note(&format!("{}, {clients} clients: {}", kind.name(), all.complaint()));
        }
        if kind == ours && clients == 1000 {
            let lost = count(all.wrong + all.broken);
            context.report.target(
                "6. 1,000 clients at once, not served",
                "0",
                lost,
                all.wrong + all.broken == 0,
            );
        }
    }
    context.report.table(&table);
}

fn burst(kind: Kind, clients: usize) -> Outcome {
    let site = Site::with_clients(kind, Layout::Both, 0, LIMIT, HOSTS);
    let sources: Vec<Ipv4Addr> = (0..HOSTS).map(mappings::address).collect();
    let target = site.target();
    let load = Load {
        target: &target,
        sources: &sources,
        clients,
        reuse: Reuse::PerRequest,
        limit: LIMIT,
    };
    let mut asked = vec![false; clients];
    site.on_lan(|| {
        load.run(|client| {
            if std::mem::replace(&mut asked[client], true) {
                return None;
            }
            let mut mapping = site.mapping(client);
            // Each of the two hundred hosts maps to itself.
            mapping.owner = client % HOSTS;
            Some(Action::Add(mapping, LEASE))
        })
    })
}
