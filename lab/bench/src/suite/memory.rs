//! Resident memory.

use super::{Context, MOST, PEER};
use crate::report::{Table, mebibytes};
use crate::site::Site;
use crate::subject::Kind;

const IDLE_LIMIT_KIB: usize = 8 * 1024;
const FULL_LIMIT_KIB: usize = 64 * 1024;

pub(super) fn run(context: &mut Context) {
    context.report.section("Resident memory (VmRSS)");
    let mut table = Table::new(&["program", "idle", "filled", "now"]);
    let wanted = [
        (Kind::OURS, 0),
        (Kind::OURS, MOST),
        (Kind::Miniupnpd, PEER),
        (Kind::HttpFloor, 0),
    ];
    for (kind, level) in wanted {
        let Some(site) = context.site(kind, level) else {
            continue;
        };
        let Site {
            idle_kib, filled_kib, ..
        } = *site;
        let now = site.subject().resident_kib();
        table.row([site.name(), mebibytes(idle_kib), mebibytes(filled_kib), mebibytes(now)]);
        match (kind, level) {
            (Kind::Portreeved(_), 0) => {
                context.report.target(
                    "9. resident, idle",
                    "8 MiB",
                    mebibytes(idle_kib),
                    idle_kib <= IDLE_LIMIT_KIB,
                );
            }
            (Kind::Portreeved(_), MOST) => {
                // "Now" is after what the other benchmarks did with the same process.
                let most = filled_kib.max(now);
                context.report.target(
                    "9. resident with 60,000",
                    "64 MiB",
                    mebibytes(most),
                    most <= FULL_LIMIT_KIB,
                );
            }
            _ => {}
        }
    }
    context.report.table(&table);
}
