//! What a gateway has shown that it cannot do, so that it is not asked again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keeper::KeeperSlot;

/// Lessons about one gateway, pure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lessons {
    /// Leases from `refused` seconds on are refused; `instead` is taken (0: for ever).
    pub(crate) lease: Option<LeaseLesson>,
    /// Error 724: the external port must be the internal port.
    pub(crate) same_ports: bool,
    /// Error 726: mappings are for everybody.
    pub(crate) wildcard_remote_host: bool,
    /// AddAnyPortMapping is missing, although the version has it.
    pub(crate) no_any_port: bool,
    /// GetSpecificPortMappingEntry is missing.
    pub(crate) no_read_back: bool,
}

/// Which leases are refused, and which is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseLesson {
    /// The shortest lease that was refused, in seconds.
    pub(crate) refused: u32,
    /// A lease that was taken, in seconds; 0 is for ever.
    pub(crate) instead: u32,
}

impl Lessons {
    /// The lease to ask for when this one is wanted.
    pub(crate) fn lease_for(&self, wanted: u32) -> u32 {
        match self.lease {
            Some(lesson) if wanted >= lesson.refused => lesson.instead,
            _ => wanted,
        }
    }
}

/// What belongs to one gateway and is shared by all that talk to it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    lessons: Mutex<Lessons>,
    keeper: KeeperSlot,
}

impl Memory {
    /// The keeper of the mappings that are kept on it.
    pub(crate) fn keeper(&self) -> &KeeperSlot {
        &self.keeper
    }

    /// What is known.
    pub(crate) fn lessons(&self) -> Lessons {
        self.lock().clone()
    }

    /// Remembers what a plan has found out, beside what others have.
    pub(crate) fn learn(&self, found: &Lessons) {
        let mut known = self.lock();
        known.lease = found.lease.or(known.lease);
        known.same_ports |= found.same_ports;
        known.wildcard_remote_host |= found.wildcard_remote_host;
        known.no_any_port |= found.no_any_port;
        known.no_read_back |= found.no_read_back;
    }

    /// A panic elsewhere leaves the lessons whole: each is one field.
    fn lock(&self) -> MutexGuard<'_, Lessons> {
        self.lessons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
