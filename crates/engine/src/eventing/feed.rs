//! What changed in a service, in order.

use std::collections::VecDeque;
use std::time::Duration;

use portreeve_wire::Value;
use portreeve_wire::service::{Service, StateVariable};

use super::{Evented, Publisher};
use crate::time::Time;

/// The evented variables of a service and the latest changes of them.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) service: &'static Service,
    variables: Vec<Variable>,
    /// The latest changes; the last of them is the one with the number `end`.
    log: VecDeque<Vec<(&'static StateVariable, Value)>>,
    /// How many changes there have ever been.
    pub(super) end: u64,
    /// When the last of them was.
    changed_at: Time,
}

#[derive(Debug)]
struct Variable {
    variable: &'static StateVariable,
    value: Value,
    /// Number of the last change of this one.
    changed: u64,
}

/// Names and values of a message.
pub(super) type Properties = Vec<(&'static str, Value)>;

impl Feed {
    pub(super) const fn new(service: &'static Service) -> Self {
        Self {
            service,
            variables: Vec::new(),
            log: VecDeque::new(),
            end: 0,
            changed_at: Time::from_millis(0),
        }
    }

    /// Takes in changes that belong together. Where nobody listens, nothing is kept but the values.
    pub(super) fn publish(&mut self, changes: Vec<Evented>, is_heard: bool, now: Time) {
        self.end += 1;
        self.changed_at = now;
        for Evented { variable, value, .. } in &changes {
            let known = self
                .variables
                .iter_mut()
                .find(|known| known.variable.name == variable.name);
            match known {
                Some(known) => {
                    known.value = value.clone();
                    known.changed = self.end;
                }
                None => self.variables.push(Variable {
                    variable,
                    value: value.clone(),
                    changed: self.end,
                }),
            }
        }
        if !is_heard {
            self.log.clear();
            return;
        }
        if self.log.len() == Publisher::BACKLOG {
            self.log.pop_front();
        }
        self.log.push_back(
            changes
                .into_iter()
                .map(|evented| (evented.variable, evented.value))
                .collect(),
        );
    }

    /// How far messages about it are to be apart.
    pub(super) fn spacing(&self, now: Time) -> Duration {
        match now.since(self.changed_at) < Publisher::SPACING_IN_BURSTS {
            true => Publisher::SPACING_IN_BURSTS,
            false => Publisher::SPACING,
        }
    }

    /// All variables of a version.
    pub(super) fn all(&self, version: u8) -> Properties {
        self.changed_since(0, version)
    }

    /// The newest values of what changed after the change of this number.
    pub(super) fn changed_since(&self, number: u64, version: u8) -> Properties {
        let changed = self.variables.iter().filter(|known| known.changed > number);
        let visible = changed.filter(|known| known.variable.since <= version);
        visible
            .map(|known| (known.variable.name, known.value.clone()))
            .collect()
    }

    /// The change that follows the one of this number; `None` if it is not kept any more.
    pub(super) fn after(&self, number: u64, version: u8) -> Option<Properties> {
        let behind = usize::try_from(self.end - number).ok()?;
        let change = self.log.get(self.log.len().checked_sub(behind)?)?;
        let visible = change.iter().filter(|(variable, _)| variable.since <= version);
        Some(
            visible
                .map(|(variable, value)| (variable.name, value.clone()))
                .collect(),
        )
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.log.len()
    }
}
