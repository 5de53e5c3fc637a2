//! A restart with many mappings, while somebody connects through one of them all the time.

use std::time::{Duration, Instant};

use super::{Context, MOST, PEER};
use crate::lan_server::LanServer;
use crate::load::{Action, Client};
use crate::mappings::{self, CLIENTS, Layout, Mapping};
use crate::prober::Prober;
use crate::report::{Table, count, mebibytes, millis};
use crate::site::{LEASE, Site};
use crate::subject::{End, Kind};

const READY_LIMIT: Duration = Duration::from_secs(2);
/// Kills in the middle of many requests, and how long after their first.
const KILLS: usize = 5;
const UNTIL_KILLED: Duration = Duration::from_millis(250);
/// Numbers of mappings for each kill: more than are made until then.
const ROOM: usize = 8000;
/// Probing goes on for so long before and after.
const AROUND: Duration = Duration::from_millis(300);

pub(super) fn run(context: &mut Context) {
    context.report.section("Restart");
    let mut table = Table::new(&[
        "program",
        "ended by",
        "time to end",
        "start to first answer",
        "connections made",
        "refused or lost",
        "last entry there",
        "resident after",
    ]);
    for (kind, level) in [(Kind::OURS, MOST), (Kind::Miniupnpd, PEER)] {
        let Some(site) = context.fresh(kind, Layout::Both, level) else {
            continue;
        };
        let mapping = site.mapping(0);
        let _server = LanServer::start(site.lab().lan_host(1), mappings::internal(mapping));
        for end in [End::Terminate, End::Kill] {
            let prober = Prober::start(site.lab().internet_host(1), site.external(mapping));
            std::thread::sleep(AROUND);
            let begun = Instant::now();
            site.end(end);
            let ended = begun.elapsed();
            let ready = site.start();
            let whole = site.last_entry_owner().is_some();
            std::thread::sleep(AROUND);
            let tried = prober.finish();
            let by = match end {
                End::Terminate => "SIGTERM",
                End::Kill => "SIGKILL",
            };
            table.row([
                site.name(),
                by.to_owned(),
                millis(ended),
                millis(ready),
                count(tried.made),
                count(tried.failed),
                if whole { "yes" } else { "no" }.to_owned(),
                mebibytes(site.subject().resident_kib()),
            ]);
            if matches!(kind, Kind::Portreeved(_)) {
                let report = &mut context.report;
                report.target(
                    &format!("8. ready after {by} with 60,000"),
                    "2 s",
                    millis(ready),
                    ready < READY_LIMIT,
                );
                let lost = format!("{} of {}", count(tried.failed), count(tried.failed + tried.made));
                report.target(
                    &format!("8. refused meanwhile, {by}"),
                    "0",
                    lost,
                    tried.failed == 0 && whole,
                );
            }
        }
    }
    context.report.table(&table);
    under_load(context);
}

/// What was acknowledged must be there after a kill in the middle of many requests.
fn under_load(context: &mut Context) {
    let Some(site) = context.fresh(Kind::OURS, Layout::Both, 0) else {
        return;
    };
    let (mut acknowledged, mut missing) = (0, 0);
    for kill in 0..KILLS {
        let made = add_until_killed(&site, kill * ROOM);
        site.start();
        acknowledged += made.len();
        missing += missing_of(&site, &made);
    }
    let measured = format!("{} of {}", count(missing), count(acknowledged));
    let what = format!("5. acknowledged, and missing after {KILLS} kills under load");
    context.report.target(&what, "0", measured, missing == 0);
}

/// Eight clients add mappings until the daemon is killed; answers those that were acknowledged.
fn add_until_killed(site: &Site, from: usize) -> Vec<Mapping> {
    let target = site.target();
    let add_as = |owner: usize| {
        let mut client = Client::new(mappings::address(owner), target);
        let numbers = (from + owner..from + ROOM).step_by(CLIENTS);
        let mine = numbers.map(|number| site.mapping(number));
        mine.take_while(|mapping| client.call(Action::Add(*mapping, LEASE)).is_ok())
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(UNTIL_KILLED);
            site.end(End::Kill);
        });
        site.on_lan(|| {
            std::thread::scope(|scope| {
                let clients: Vec<_> = (0..CLIENTS).map(|owner| scope.spawn(move || add_as(owner))).collect();
                clients
                    .into_iter()
                    .filter_map(|client| client.join().ok())
                    .flatten()
                    .collect()
            })
        })
    })
}

fn missing_of(site: &Site, made: &[Mapping]) -> usize {
    let target = site.target();
    site.on_lan(|| {
        let mut clients: Vec<Client> = (0..CLIENTS)
            .map(|owner| Client::new(mappings::address(owner), target))
            .collect();
        made.iter()
            .filter(|mapping| clients[mapping.owner].call(Action::Specific(**mapping)).is_err())
            .count()
    })
}
