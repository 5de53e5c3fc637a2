//! The benchmarks, one file each.

mod add;
mod burst;
mod connect;
mod discover;
mod expiry;
mod flush;
mod keep;
mod memory;
mod nat_pmp;
mod read;
mod restart;

use std::rc::Rc;
use std::time::Duration;

use clap::ValueEnum;

use crate::mappings::Layout;
use crate::report::Report;
use crate::site::Site;
use crate::subject::Kind;

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// AddPortMapping per second
    Add,
    /// Read actions per second
    Read,
    /// New connections per second through a mapping
    Connect,
    /// Resident memory
    Memory,
    /// Restart with many mappings
    Restart,
    /// Many clients at the same moment
    Burst,
    /// Many leases that end in the same second
    Expiry,
    /// A foreign flush of the whole ruleset
    Flush,
    /// From nothing to a mapping, and to the verdict that there is no gateway: the tool beside upnpc and igd-next
    Discover,
    /// A thousand mappings kept by one process: memory and traffic
    Keep,
    /// NAT-PMP requests per second, on one core
    NatPmp,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A first look.
    Quick,
    /// Enough for a verdict on a quiet machine.
    Normal,
    /// More rounds, and what takes the established daemon many minutes.
    Full,
}

/// What the benchmarks share.
pub(crate) struct Context {
    effort: Effort,
    /// Where results go.
    pub(crate) report: Report,
    sites: Vec<(Kind, usize, Rc<Site>)>,
    missing: Vec<Kind>,
}

/// Most mappings that the targets speak of.
const MOST: usize = 60_000;
/// How many mappings the established daemon is compared at.
const PEER: usize = 550;

impl Bench {
    /// Those named, or all of them.
    pub(crate) fn chosen(only: &[Self]) -> &[Self] {
        match only {
            [] => Self::value_variants(),
            some => some,
        }
    }

    /// Measures and reports.
    pub(crate) fn run(self, context: &mut Context) {
        match self {
            Self::Add => add::run(context),
            Self::Read => read::run(context),
            Self::Connect => connect::run(context),
            Self::Memory => memory::run(context),
            Self::Restart => restart::run(context),
            Self::Burst => burst::run(context),
            Self::Expiry => expiry::run(context),
            Self::Flush => flush::run(context),
            Self::Discover => discover::run(context),
            Self::Keep => keep::run(context),
            Self::NatPmp => nat_pmp::run(context),
        }
    }
}

impl Context {
    /// Nothing has been started yet.
    pub(crate) fn new(effort: Effort, report: Report) -> Self {
        Self {
            effort,
            report,
            sites: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// How often what is compared is measured in turn.
    fn rounds(&self) -> usize {
        match self.effort {
            Effort::Quick => 3,
            Effort::Normal => 10,
            Effort::Full => 20,
        }
    }

    /// A program with so many mappings in force, which the benchmarks share; none if the program is not on this machine.
    fn site(&mut self, kind: Kind, level: usize) -> Option<Rc<Site>> {
        if let Some((_, _, site)) = self.sites.iter().find(|(of, at, _)| (*of, *at) == (kind, level)) {
            return Some(Rc::clone(site));
        }
        let site = Rc::new(self.fresh(kind, Layout::Both, level)?);
        self.sites.push((kind, level, Rc::clone(&site)));
        Some(site)
    }

    /// A program with so many mappings in force, for one benchmark alone.
    fn fresh(&mut self, kind: Kind, layout: Layout, level: usize) -> Option<Site> {
        if !self.can_run(kind) {
            return None;
        }
        self.report.progress(&format!("{} with {level} mappings", kind.name()));
        // The established daemon needs time that grows with the square of their number.
        let patience = Duration::from_secs(if level > 2000 { 1800 } else { 180 });
        Some(Site::new(kind, layout, level, patience))
    }

    fn can_run(&mut self, kind: Kind) -> bool {
        if !kind.is_present() && !self.missing.contains(&kind) {
            self.report
                .note(&format!("{} is not on this machine and is left out.", kind.name()));
            self.missing.push(kind);
        }
        kind.is_present()
    }
}
