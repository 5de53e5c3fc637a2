//! Carrying out changes, all or none.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use portreeve_engine::{Change, Time};
use portreeve_netlink::Errno;
use portreeve_netlink::nftables::{Batch, CommitError, Counter, Data};

use super::row::{Map, Row, RowChange};
use super::{Cut, Nftables, error};
use crate::{Refusal, Refused};

/// How many changes go to the kernel in one transaction: few enough to fit its buffers with every answer, and so that
/// other programs never wait long for their turn.
pub(super) const CHUNK: usize = 512;

/// One step in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The element is to be there, with this lifetime.
    Put(Row),
    /// It is not to be there.
    Remove(Map, Data),
}

/// All that a list of changes does to one element.
struct Folded {
    row: RowChange,
    /// Whether it goes and comes back in between, and so is another one.
    anew: bool,
    /// Indices of the first and the last of these changes.
    first: usize,
    last: usize,
}

/// Why steps were not carried out.
#[derive(Debug)]
pub(super) enum StepError {
    /// The table or a map is gone.
    Missing,
    /// An element is there with another value than it was thought to have.
    Differs,
    /// These steps were refused.
    Refused(Vec<(usize, Refusal)>),
    /// The exchange failed as a whole.
    Failed(CommitError),
}

/// Whether what is there is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It is as the changes say.
    Known,
    /// It may be anything.
    Unknown,
}

impl Nftables {
    pub(super) fn apply_changes(&mut self, changes: &[Change], now: Time) -> Result<(), Refused> {
        let folded = self.fold(changes, now)?;
        for (index, chunk) in folded.chunks(CHUNK).enumerate() {
            let start = index * CHUNK;
            if let Err(refused) = self.apply_rows(chunk) {
                self.take_back(&folded[..start], changes, now);
                return Err(Refused {
                    change: folded[start + refused.change].last,
                    why: refused.why,
                });
            }
        }
        self.cut(folded.iter().filter_map(|folded| Cut::of(&folded.row)).collect());
        Ok(())
    }

    /// One change for each element. A hash table of the kernel refuses (EBUSY) to take the same key many times in one
    /// transaction, though it was removed as often.
    fn fold(&self, changes: &[Change], now: Time) -> Result<Vec<Folded>, Refused> {
        let mut folded: Vec<Folded> = Vec::with_capacity(changes.len());
        let mut places = HashMap::with_capacity(changes.len());
        for (index, change) in changes.iter().enumerate() {
            let row = RowChange::of(change, self.settings.broadcast, now);
            let row = row.map_err(|why| Refused { change: index, why })?;
            let Some(place) = row.before.or(row.after).map(|row| (row.map, row.element.key)) else {
                continue;
            };
            match places.entry(place) {
                Entry::Vacant(entry) => {
                    entry.insert(folded.len());
                    folded.push(Folded {
                        row,
                        anew: false,
                        first: index,
                        last: index,
                    });
                }
                Entry::Occupied(entry) => {
                    let earlier = &mut folded[*entry.get()];
                    earlier.anew |= earlier.row.after.is_none() && row.after.is_some();
                    earlier.row.after = row.after;
                    earlier.last = index;
                }
            }
        }
        Ok(folded)
    }

    fn take_back(&mut self, folded: &[Folded], changes: &[Change], now: Time) {
        for chunk in folded.chunks(CHUNK) {
            let rows: Vec<_> = chunk
                .iter()
                .filter_map(|folded| {
                    let inverse = changes[folded.first].inverse();
                    let first = RowChange::of(&inverse, self.settings.broadcast, now).ok()?;
                    let row = RowChange {
                        before: folded.row.after,
                        after: first.after,
                    };
                    Some(Folded { row, ..*folded })
                })
                .collect();
            if let Err(refused) = self.apply_rows(&rows) {
                tracing::error!(why = %refused.why, "could not take back a change; reconciliation is needed");
            }
        }
    }

    /// One transaction. If the kernel holds something else than thought, that is put right and the changes carried out
    /// all the same.
    fn apply_rows(&mut self, rows: &[Folded]) -> Result<(), Refused> {
        let mut trust = Trust::Known;
        let mut repaired = false;
        loop {
            let mut steps = Vec::with_capacity(rows.len());
            let mut changes = Vec::with_capacity(rows.len());
            for (change, row) in rows.iter().enumerate() {
                self.plan(row, trust, &mut steps);
                changes.resize(steps.len(), change);
            }
            let failed = |why: String| Refused {
                change: 0,
                why: Refusal::Failed(why),
            };
            match self.commit_steps(&steps) {
                Ok(()) => return Ok(()),
                Err(StepError::Differs) if trust == Trust::Known => trust = Trust::Unknown,
                Err(StepError::Missing) if !repaired => {
                    repaired = true;
                    self.ensure_skeleton().map_err(|error| failed(error.to_string()))?;
                }
                Err(StepError::Differs) => return Err(failed("the mapping is there with another target".to_owned())),
                Err(StepError::Missing) => return Err(failed("the nftables table is missing".to_owned())),
                Err(StepError::Refused(mut refused)) => {
                    let (step, why) = refused.swap_remove(0);
                    return Err(Refused {
                        change: changes[step],
                        why,
                    });
                }
                Err(StepError::Failed(error)) => return Err(failed(error.to_string())),
            }
        }
    }

    fn plan(&mut self, folded: &Folded, trust: Trust, steps: &mut Vec<Step>) {
        let remove = |row: &Row| Step::Remove(row.map, row.element.key);
        match (&folded.row.before, &folded.row.after) {
            (None, None) => {}
            (Some(before), None) => steps.push(remove(before)),
            (before, Some(after)) => {
                let same = before
                    .as_ref()
                    .is_none_or(|before| before.element.value == after.element.value);
                // An older kernel neither refreshes an element nor says so.
                let refreshed = self.features.refreshes || (before.is_none() && !self.features.destroys);
                let mut after = *after;
                if !(same && refreshed) || folded.anew || trust == Trust::Unknown {
                    after.element.counter = before.filter(|_| !folded.anew).and_then(|before| self.counted(&before));
                    steps.push(remove(&after));
                }
                steps.push(Step::Put(after));
            }
        }
    }

    /// What an element that is about to be made anew has counted.
    fn counted(&mut self, row: &Row) -> Option<Counter> {
        if !matches!(row.map, Map::Pinholes(_)) {
            return None;
        }
        // Where it cannot be read, the count starts again, which is no reason to refuse a lease.
        let found = self.connection.element(&self.table, row.map.name(), &row.element.key);
        found.ok().flatten()?.counter
    }

    /// Carries out the steps in one transaction.
    pub(super) fn commit_steps(&mut self, steps: &[Step]) -> Result<(), StepError> {
        // Without DESTROY, removing what is gone already fails; such steps are left out of the next attempt.
        let mut gone = vec![false; steps.len()];
        loop {
            let mut batch = Batch::new(&self.table);
            let mut sent = Vec::with_capacity(steps.len());
            for (index, step) in steps.iter().enumerate() {
                if gone[index] {
                    continue;
                }
                match step {
                    Step::Put(row) => batch.add_element(row.map.name(), &row.element),
                    Step::Remove(map, key) if self.features.destroys => batch.destroy_element(map.name(), key),
                    Step::Remove(map, key) => batch.delete_element(map.name(), key),
                };
                sent.push(index);
            }
            let refused = match self.connection.commit(batch) {
                Ok(()) => return Ok(()),
                Err(CommitError::Refused(refused)) => refused,
                Err(failed) => return Err(StepError::Failed(failed)),
            };
            let mut serious = Vec::new();
            for refusal in refused {
                let index = sent.get(refusal.message).copied().unwrap_or_default();
                match (&steps[index], refusal.errno) {
                    (Step::Remove(..), Errno::ENOENT) if !self.features.destroys => gone[index] = true,
                    (_, Errno::ENOENT) => return Err(StepError::Missing),
                    (Step::Put(_), Errno::EEXIST) => return Err(StepError::Differs),
                    (_, errno) => serious.push((index, error::refusal(errno, &refusal.to_string()))),
                }
            }
            if !serious.is_empty() {
                return Err(StepError::Refused(serious));
            }
        }
    }
}
