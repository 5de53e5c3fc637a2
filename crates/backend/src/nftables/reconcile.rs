//! Making what is in force equal to what should be, touching only what differs.

use std::collections::HashMap;
use std::time::Duration;

use portreeve_engine::{Desired, EntryKey, Time};
use portreeve_netlink::nftables::{Data, Element, Lifetime};

use super::row::{self, Map, Row, RowChange};
use super::transaction::{CHUNK, Step, StepError};
use super::{Cut, Nftables, error};
use crate::{BackendError, Reconciled, Refusal};

/// Leases that differ by no more count as equal: whole seconds were rounded up, and reading takes time.
const TOLERANCE: Duration = Duration::from_secs(2);

/// What is to be done about one element.
struct Work {
    /// Whose refusal it is, and as what it was counted; `None` for a removal.
    put_for: Option<(EntryKey, Counted)>,
    removal: Option<Step>,
    put: Option<Step>,
}

/// What a row was counted as in the report.
#[derive(Clone, Copy)]
enum Counted {
    Added,
    Changed,
}

impl Nftables {
    pub(super) fn reconcile_rows(&mut self, desired: &Desired, now: Time) -> Result<Reconciled, BackendError> {
        let mut report = Reconciled {
            rules: self.ensure_skeleton()?,
            ..Reconciled::default()
        };
        let mut wanted = self.wanted(desired, now, &mut report);
        let mut work = Vec::new();
        let mut cuts = Vec::new();
        for map in Map::ALL {
            for element in self.read(map)? {
                match wanted.remove(&(map, element.key)) {
                    None => {
                        report.removed += 1;
                        cuts.extend(Cut::removed(map, &element));
                        work.push(Work::remove(map, &element));
                    }
                    Some((_, row)) if is_right(&element, &row.element) => report.kept += 1,
                    Some((key, mut row)) => {
                        report.changed += 1;
                        row.element.counter = element.counter;
                        let before = Some(Row { map, element });
                        cuts.extend(Cut::of(&RowChange {
                            before,
                            after: Some(row),
                        }));
                        let in_place = self.features.refreshes && element.value == row.element.value;
                        work.push(Work {
                            removal: (!in_place).then_some(Step::Remove(map, element.key)),
                            ..Work::put(key, row, Counted::Changed)
                        });
                    }
                }
            }
        }
        report.added = wanted.len();
        // In the order of the wish, so that the same wish always has the same effect.
        for (key, row) in self.rows(desired, now).filter_map(Result::ok) {
            if wanted.remove(&(row.map, row.element.key)).is_some() {
                work.push(Work::put(key, row, Counted::Added));
            }
        }
        self.carry_out(work, &mut report)?;
        self.cut(cuts);
        Ok(report)
    }

    fn rows<'a>(
        &self,
        desired: &'a Desired,
        now: Time,
    ) -> impl Iterator<Item = Result<(EntryKey, Row), (EntryKey, Refusal)>> + use<'a> {
        let broadcast = self.settings.broadcast;
        let mappings = desired.mappings.iter().filter_map(move |mapping| {
            let row = Row::of_mapping(mapping, broadcast, now).transpose()?;
            let key = EntryKey::Mapping(mapping.key);
            Some(row.map(|row| (key, row)).map_err(|why| (key, why)))
        });
        let outbound = desired.outbound.iter().filter_map(move |outbound| {
            let row = Row::of_outbound(outbound, now)?;
            Some(Ok((EntryKey::Mapping(row::outbound_key(outbound)), row)))
        });
        let pinholes = desired.pinholes.iter().filter_map(move |pinhole| {
            let row = Row::of_pinhole(pinhole, now)?;
            Some(Ok((EntryKey::Pinhole(pinhole.key), row)))
        });
        mappings.chain(outbound).chain(pinholes)
    }

    fn wanted(&self, desired: &Desired, now: Time, report: &mut Reconciled) -> HashMap<(Map, Data), (EntryKey, Row)> {
        let rows = desired.mappings.len() + desired.outbound.len() + desired.pinholes.len();
        let mut wanted = HashMap::with_capacity(rows);
        for row in self.rows(desired, now) {
            match row {
                Ok((key, row)) => {
                    wanted.insert((row.map, row.element.key), (key, row));
                }
                Err(refused) => report.refused.push(refused),
            }
        }
        wanted
    }

    /// In transactions of a bearable size; what the kernel refuses is left out and reported.
    fn carry_out(&mut self, work: Vec<Work>, report: &mut Reconciled) -> Result<(), BackendError> {
        let mut rest = work;
        while !rest.is_empty() {
            let after = rest.split_off(rest.len().min(CHUNK));
            let mut chunk = rest;
            while let Some(refused) = self.commit_work(&chunk)? {
                // From the back, so that the positions ahead stay right.
                for (position, why) in refused.into_iter().rev() {
                    let Some((key, counted)) = chunk.remove(position).put_for else {
                        continue;
                    };
                    match counted {
                        Counted::Added => report.added -= 1,
                        Counted::Changed => report.changed -= 1,
                    }
                    report.refused.push((key, why));
                }
            }
            rest = after;
        }
        Ok(())
    }

    /// One transaction; what was refused of it, by position in ascending order without repetition.
    fn commit_work(&mut self, work: &[Work]) -> Result<Option<Vec<(usize, Refusal)>>, BackendError> {
        let mut steps = Vec::with_capacity(work.len());
        let mut positions = Vec::with_capacity(work.len());
        for (position, work) in work.iter().enumerate() {
            steps.extend(work.removal.iter().chain(&work.put));
            positions.resize(steps.len(), position);
        }
        let failed = |cause: &str| BackendError::System {
            operation: "reconcile the mappings".to_owned(),
            cause: cause.to_owned(),
        };
        match self.commit_steps(&steps) {
            Ok(()) => Ok(None),
            Err(StepError::Refused(refused)) => {
                let mut refused: Vec<_> = refused.into_iter().map(|(step, why)| (positions[step], why)).collect();
                refused.sort_by_key(|(position, _)| *position);
                refused.dedup_by_key(|(position, _)| *position);
                Ok(Some(refused))
            }
            Err(StepError::Missing | StepError::Differs) => Err(failed("somebody changed the table meanwhile")),
            Err(StepError::Failed(failure)) => Err(error::commit("reconcile the mappings", &failure)),
        }
    }
}

impl Work {
    const fn put(key: EntryKey, row: Row, counted: Counted) -> Self {
        Self {
            put_for: Some((key, counted)),
            removal: None,
            put: Some(Step::Put(row)),
        }
    }

    const fn remove(map: Map, element: &Element) -> Self {
        Self {
            put_for: None,
            removal: Some(Step::Remove(map, element.key)),
            put: None,
        }
    }
}

fn is_right(found: &Element, wanted: &Element) -> bool {
    let same_lifetime = match (found.lifetime, wanted.lifetime) {
        (Lifetime::Permanent, Lifetime::Permanent) => true,
        (Lifetime::Left(found), Lifetime::Left(wanted)) => found.abs_diff(wanted) <= TOLERANCE,
        _ => false,
    };
    found.value == wanted.value && same_lifetime
}
