//! From the start of a program to its end with a port mapped, or with the verdict that there is no gateway.
//!
//! Each program is started as a person starts it, on the same LAN host, one after the other in each round. What it mapped
//! is removed between the measurements.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use portreeve_testkit::{Host, Lab, TempDir};

use super::Context;
use crate::mappings::Layout;
use crate::report::{Table, millis, ratio};
use crate::statistics::Series;
use crate::subject::{Kind, Limits, Table as OwnTable, Tuning, sibling};

const UPNPC: &str = "/usr/bin/upnpc";
/// As everybody has it.
const DEFAULT: Kind = Kind::Portreeved(Tuning {
    limits: Limits::Default,
    table: OwnTable::Owned,
});
const INTERNAL_PORT: u16 = 8080;
const EXTERNAL_PORT: u16 = 18_080;
/// The share of upnpc's time that a cold start may take.
const SHARE: f64 = 0.1;
/// What is aimed at besides.
const COLD_AIM: Duration = Duration::from_millis(60);
const REMEMBERED_AIM: Duration = Duration::from_millis(15);
/// How long the verdict that there is no gateway may take, starting and ending the program included.
const VERDICT_LIMIT: Duration = Duration::from_millis(1100);

/// A program that maps a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    /// Ours, where it has never run before.
    Cold,
    /// Ours, where it has run before.
    Remembered,
    /// Debian's miniupnpc.
    Upnpc,
    /// The Rust library, in a program of a few lines.
    IgdNext,
}

pub(super) fn run(context: &mut Context) {
    context.report.section("Discovery to mapped, milliseconds");
    let mut table = Table::new(&["program", "gateway", "median", "of upnpc's", "of igd-next's"]);
    for kind in [Kind::Miniupnpd, DEFAULT] {
        let Some(site) = context.fresh(kind, Layout::Both, 0) else {
            continue;
        };
        let times = measure(context, site.lab().lan_host(1));
        for (program, series) in &times {
            table.row([
                program.name().to_owned(),
                kind.name().to_owned(),
                milliseconds(series),
                of(series, &times, Program::Upnpc),
                of(series, &times, Program::IgdNext),
            ]);
        }
        targets(context, kind, &times);
    }
    context.report.table(&table);
    context.report.note(
        "Whole runs of the programs, from exec to exit. upnpc and the tool read the mapping back, igd-next does not. upnpc \
         waits 2 s for answers whatever comes.",
    );
    nobody(context);
}

type Times = Vec<(Program, Series)>;

fn measure(context: &mut Context, host: &Host) -> Times {
    let home = TempDir::new();
    let mut times: Times = present(context)
        .into_iter()
        .map(|program| (program, Series::default()))
        .collect();
    // So that there is something to remember.
    map(host, Program::Remembered, home.path());
    unmap(host, home.path());
    for _ in 0..context.rounds() {
        for (program, series) in &mut times {
            let fresh = TempDir::new();
            let home = match program {
                Program::Remembered => home.path(),
                _ => fresh.path(),
            };
            let (took, output) = map(host, *program, home);
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                context.report.note(&format!("{} failed: {said}", program.name()));
            }
            series.push(output.status.success().then_some(took.as_secs_f64()));
            unmap(host, home);
        }
    }
    times
}

fn targets(context: &mut Context, kind: Kind, times: &Times) {
    let find = |program| {
        times
            .iter()
            .find(|(which, _)| *which == program)
            .map(|(_, series)| series)
    };
    let (Some(cold), Some(remembered)) = (find(Program::Cold), find(Program::Remembered)) else {
        return;
    };
    let report = &mut context.report;
    let name = kind.name();
    if let Some(upnpc) = find(Program::Upnpc) {
        let share = cold.ratio(upnpc);
        let measured = format!("{share:.3}");
        report.target(
            &format!("3.1 cold map beside upnpc, {name}"),
            "0.1",
            measured,
            share <= SHARE,
        );
    }
    for (what, series, aim) in [("cold", cold, COLD_AIM), ("remembered", remembered, REMEMBERED_AIM)] {
        let median = Duration::from_secs_f64(series.median());
        report.target(
            &format!("3.1 {what} map, {name} (aim)"),
            &millis(aim),
            millis(median),
            median <= aim,
        );
    }
}

/// How long until a program says that there is no gateway. All of them wait for time to pass, so they do it side by side.
fn nobody(context: &mut Context) {
    context.report.section("No gateway: time to the verdict");
    let lab = Lab::builder().build();
    let host = lab.lan_host(1);
    let mut programs = present(context);
    programs.retain(|program| *program != Program::Remembered);
    let mut times: Times = programs
        .into_iter()
        .map(|program| (program, Series::default()))
        .collect();
    for _ in 0..context.rounds().div_ceil(3) {
        thread::scope(|scope| {
            let running: Vec<_> = times
                .iter_mut()
                .map(|(program, series)| {
                    scope.spawn(move || {
                        let (took, output) = map(host, *program, TempDir::new().path());
                        series.push((!output.status.success()).then_some(took.as_secs_f64()));
                    })
                })
                .collect();
            for run in running {
                let _ = run.join();
            }
        });
    }
    let mut table = Table::new(&["program", "median"]);
    for (program, series) in &times {
        table.row([program.name().to_owned(), milliseconds(series)]);
        if *program == Program::Cold {
            let median = Duration::from_secs_f64(series.median());
            let met = median <= VERDICT_LIMIT;
            context
                .report
                .target("3.1 no gateway", "1 s, and the program's start", millis(median), met);
        }
    }
    context.report.table(&table);
}

fn present(context: &mut Context) -> Vec<Program> {
    let all = [Program::Cold, Program::Remembered, Program::Upnpc, Program::IgdNext];
    let (here, missing): (Vec<_>, Vec<_>) = all.into_iter().partition(|program| program.path().exists());
    for program in missing {
        context
            .report
            .note(&format!("{} is not on this machine and is left out.", program.name()));
    }
    here
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Cold => "portreeve, cold",
            Self::Remembered => "portreeve, gateway remembered",
            Self::Upnpc => "upnpc",
            Self::IgdNext => "igd-next",
        }
    }

    fn path(self) -> PathBuf {
        match self {
            Self::Cold | Self::Remembered => sibling("portreeve"),
            Self::Upnpc => UPNPC.into(),
            Self::IgdNext => sibling("igd-next-map"),
        }
    }

    fn arguments(self, own: Ipv4Addr) -> Vec<String> {
        let words = match self {
            Self::Cold | Self::Remembered => {
                format!("map {INTERNAL_PORT} --external {EXTERNAL_PORT} --detach")
            }
            Self::Upnpc => format!("-a {own} {INTERNAL_PORT} {EXTERNAL_PORT} TCP 3600"),
            Self::IgdNext => format!("{own}:{INTERNAL_PORT} {EXTERNAL_PORT}"),
        };
        words.split(' ').map(str::to_owned).collect()
    }
}

/// Runs a program to its end.
fn map(host: &Host, program: Program, home: &Path) -> (Duration, Output) {
    run_on(host, &program.path(), &program.arguments(host.ipv4()), home)
}

fn unmap(host: &Host, home: &Path) {
    let arguments = ["unmap".to_owned(), EXTERNAL_PORT.to_string()];
    run_on(host, &sibling("portreeve"), &arguments, home);
}

/// In the host's namespace without the help of `ip`, which takes as long as the program.
fn run_on(host: &Host, program: &Path, arguments: &[String], home: &Path) -> (Duration, Output) {
    let mut command = Command::new(program);
    command.args(arguments).env("XDG_CACHE_HOME", home).stdin(Stdio::null());
    host.run(|| {
        let begun = Instant::now();
        let output = command.output();
        let output = output.unwrap_or_else(|e| panic!("cannot start {}: {e}", program.display()));
        (begun.elapsed(), output)
    })
}

fn milliseconds(series: &Series) -> String {
    millis(Duration::from_secs_f64(series.median()))
}

/// The median of the shares of another program's time, round by round.
fn of(series: &Series, times: &Times, other: Program) -> String {
    let other = times.iter().find(|(program, _)| *program == other);
    other.map_or_else(|| "-".to_owned(), |(_, other)| ratio(series.ratio(other)))
}
