//! A thousand mappings kept by one process with the library: its memory, and what it asks of the network in an hour.
//!
//! An hour at a lease of an hour is computed from two runs of minutes. With a lease so long that nothing is renewed
//! meanwhile, what is counted is what watching the gateway takes, which does not depend on the lease. With a lease of a
//! minute, the rest is renewals, of which there are sixty times as many in the same time.

use std::fs;
use std::thread;
use std::time::Duration;

use portreeve_testkit::{Host, Process};

use super::{Context, Effort};
use crate::mappings::Layout;
use crate::report::{Table, count, mebibytes};
use crate::subject::{Kind, sibling};

const MAPPINGS: usize = 1000;
const LONG_LEASE: u32 = 3600;
const SHORT_LEASE: u32 = 60;
const HOUR: Duration = Duration::from_secs(3600);
/// How long making all mappings may take.
const MAKING: Duration = Duration::from_secs(60);

/// Counts what the host sends to the gateway's HTTP port: requests are segments that begin with their method.
const COUNTERS: &str = "
table ip counting {
    counter requests { }
    chain output {
        type filter hook output priority 0;
        tcp dport 5000 @ih,0,32 0x504f5354 counter name requests
        tcp dport 5000 @ih,0,32 0x47455420 counter name requests
    }
}
";

/// What has passed so far.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    requests: f64,
    sent: f64,
    received: f64,
    bytes: f64,
}

pub(super) fn run(context: &mut Context) {
    context.report.section("A thousand kept mappings");
    if !sibling("keep-mappings").exists() {
        context.report.note("keep-mappings has not been built and is left out.");
        return;
    }
    let window = match context.effort {
        Effort::Quick => Duration::from_secs(60),
        Effort::Normal => Duration::from_secs(120),
        Effort::Full => Duration::from_secs(300),
    };
    let Some((watching, resident, settled)) = watch(context, LONG_LEASE, window) else {
        return;
    };
    let Some((both, ..)) = watch(context, SHORT_LEASE, window) else {
        return;
    };
    let per_hour = HOUR.as_secs_f64() / window.as_secs_f64();
    let watching = watching.times(per_hour);
    let renewing = both
        .times(per_hour)
        .minus(watching)
        .times(f64::from(SHORT_LEASE) / f64::from(LONG_LEASE));
    let mut table = Table::new(&[
        "an hour, lease 3600 s",
        "requests",
        "packets sent",
        "packets received",
        "bytes",
    ]);
    for (what, traffic) in [
        ("renewals", renewing),
        ("watching the gateway", watching),
        ("together", renewing.plus(watching)),
    ] {
        let figures = [traffic.requests, traffic.sent, traffic.received, traffic.bytes];
        let cells = figures.map(|figure| count(figure.max(0.0).round() as usize));
        table.row([what.to_owned()].into_iter().chain(cells));
    }
    context.report.table(&table);
    context.report.note(&format!(
        "Resident memory of the process: {} when all were made, {} after {} s. Counted for {} s each with leases of {LONG_LEASE} s \
         (nothing is renewed: watching; counted once the gateway has told of all that was made) and {SHORT_LEASE} s (renewals besides, 60 times as often), and scaled to an hour. Packets \
         and bytes are those of the host's interface, both ways and with all protocols; requests are TCP segments that begin \
         with POST or GET.",
        mebibytes(resident),
        mebibytes(settled),
        window.as_secs(),
        window.as_secs(),
    ));
}

/// Keeps a thousand mappings with this lease: what passes in `window`, and resident memory before and after, in KiB.
fn watch(context: &mut Context, lease: u32, window: Duration) -> Option<(Traffic, usize, usize)> {
    let site = context.fresh(Kind::OURS, Layout::TcpOnly, 0)?;
    let host = site.lab().lan_host(1);
    host.nft(COUNTERS);
    let program = sibling("keep-mappings").display().to_string();
    let mut keeping = host.spawn(&program, [MAPPINGS.to_string(), lease.to_string()]);
    if !keeping.wait_for_output(&format!("keeping {MAPPINGS}"), MAKING) {
        context
            .report
            .note(&format!("keep-mappings failed: {}", keeping.stderr()));
        return None;
    }
    context.report.progress(&format!(
        "{MAPPINGS} mappings kept with a lease of {lease} s, for {} s",
        window.as_secs()
    ));
    if lease == SHORT_LEASE {
        // Once around, so that renewals are spread as they are in the long run.
        thread::sleep(Duration::from_secs(lease.into()));
    } else {
        until_calm(host);
    }
    let resident = resident_kib(&keeping);
    let before = Traffic::of(host);
    thread::sleep(window);
    let passed = Traffic::of(host).minus(before);
    let settled = resident_kib(&keeping);
    if !keeping.is_running() {
        context.report.note("keep-mappings ended before its time.");
        return None;
    }
    keeping.kill();
    Some((passed, resident, settled))
}

/// Waits until the gateway has told of all that was made, which it spaces: that belongs to the making.
fn until_calm(host: &Host) {
    const LOOK: Duration = Duration::from_secs(5);
    const LOOKS: usize = 72;
    /// Of this many packets within a look, most are about the making.
    const MANY: f64 = 40.0;
    for _ in 0..LOOKS {
        let before = Traffic::of(host);
        thread::sleep(LOOK);
        if Traffic::of(host).minus(before).received < MANY {
            return;
        }
    }
}

impl Traffic {
    fn of(host: &Host) -> Self {
        // That of the thread that reads it: the namespace is the thread's.
        let interfaces = host.run(|| fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default());
        let line = interfaces
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("eth0:"));
        let fields: Vec<f64> = line
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        let field = |number: usize| fields.get(number).copied().unwrap_or_default();
        let counter = host
            .command("nft", ["list", "counter", "ip", "counting", "requests"])
            .stdout;
        let mut words = counter.split_whitespace().skip_while(|word| *word != "packets");
        let requests = words.nth(1).and_then(|number| number.parse().ok()).unwrap_or_default();
        // Eight fields of what was received, bytes and packets first; then the same of what was sent.
        Self {
            requests,
            sent: field(9),
            received: field(1),
            bytes: field(0) + field(8),
        }
    }

    fn each(self, other: Self, work: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            requests: work(self.requests, other.requests),
            sent: work(self.sent, other.sent),
            received: work(self.received, other.received),
            bytes: work(self.bytes, other.bytes),
        }
    }

    fn plus(self, other: Self) -> Self {
        self.each(other, |a, b| a + b)
    }

    fn minus(self, other: Self) -> Self {
        self.each(other, |a, b| a - b)
    }

    fn times(self, factor: f64) -> Self {
        self.each(self, |a, _| a * factor)
    }
}

fn resident_kib(process: &Process) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
