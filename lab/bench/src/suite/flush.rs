//! `nft flush ruleset` by somebody else, as a firewall reload does it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::{Context, PEER};
use crate::lan_server::LanServer;
use crate::mappings::{Layout, Mapping};
use crate::prober::{Prober, dial};
use crate::report::{Table, count, millis};
use crate::site::Site;
use crate::subject::{self, Kind, Limits, Tuning};

const MANY: usize = 10_000;
/// All forward again within this time where the table is not ours alone.
const REPAIR_LIMIT: Duration = Duration::from_secs(1);
/// What has not been repaired by then is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where all connections on the LAN end up.
const SINK: u16 = 1999;
/// Mappings that are watched at once; a walk through all of them takes longer than what is to be measured.
const WATCHED: usize = 16;

/// What the flush did.
struct Seen {
    /// Failures of one connection after the other through one mapping, from before the flush on.
    refused: usize,
    /// Until the watched ones forward again.
    forwarding_after: Option<Duration>,
    /// Of all mappings, tried one by one after that.
    lost: usize,
}

pub(super) fn run(context: &mut Context) {
    context.report.section("nft flush ruleset");
    let ours = |table| {
        Kind::Portreeved(Tuning {
            limits: Limits::Raised,
            table,
        })
    };
    let cases = [
        ("portreeved, own-table = true", ours(subject::Table::Owned), MANY),
        ("portreeved, own-table = false", ours(subject::Table::Shared), MANY),
        ("miniupnpd", Kind::Miniupnpd, PEER),
    ];
    let mut table = Table::new(&[
        "program",
        "mappings",
        "refused through one",
        "all forward again after",
        "lost",
    ]);
    for (name, kind, level) in cases {
        let Some(site) = context.fresh(kind, Layout::TcpOnly, level) else {
            continue;
        };
        let seen = flush(&site);
        let after = seen.forwarding_after.map_or_else(|| "never".to_owned(), millis);
        table.row([
            name.to_owned(),
            count(site.level()),
            count(seen.refused),
            after.clone(),
            count(seen.lost),
        ]);
        match kind {
            Kind::Portreeved(tuning) if tuning.table == subject::Table::Owned => {
                let lost = seen.refused + seen.lost;
                context
                    .report
                    .target("7. lost by a flush, table owned", "0", count(lost), lost == 0);
            }
            Kind::Portreeved(_) => {
                let met = seen.lost == 0 && seen.forwarding_after.is_some_and(|after| after < REPAIR_LIMIT);
                context
                    .report
                    .target("7. forwarding again after a flush, table shared", "1 s", after, met);
            }
            Kind::Miniupnpd | Kind::HttpFloor => {}
        }
    }
    context.report.table(&table);
}

fn flush(site: &Site) -> Seen {
    let host = site.lab().lan_host(1);
    // One server answers for every port.
    host.nft(&format!(
        "table ip sink {{ chain ports {{ type nat hook prerouting priority dstnat; tcp dport 2000-60000 redirect to :{SINK}; }}; }}"
    ));
    let _server = LanServer::start(host, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SINK));
    let internet = site.lab().internet_host(1);
    let step = site.level() / WATCHED;
    let watched: Vec<Mapping> = (0..WATCHED).map(|position| site.mapping(position * step)).collect();
    let prober = Prober::start(internet, site.external(site.mapping(1)));
    std::thread::sleep(Duration::from_millis(200));
    site.lab().gateway().nft("flush ruleset");
    let flushed = Instant::now();
    let (forwarding_after, lost) = internet.run(|| {
        let forwards = |mapping: &Mapping| dial(site.external(*mapping)).is_ok();
        let mut forwarding_after = None;
        while forwarding_after.is_none() && flushed.elapsed() < PATIENCE {
            if watched.iter().all(forwards) {
                forwarding_after = Some(flushed.elapsed());
            }
        }
        // A second try, since a packet may be lost for other reasons than a missing mapping.
        let lost = (0..site.level())
            .map(|number| site.mapping(number))
            .filter(|mapping| !forwards(mapping) && !forwards(mapping));
        (forwarding_after, lost.count())
    });
    Seen {
        refused: prober.finish().failed,
        forwarding_after,
        lost,
    }
}
