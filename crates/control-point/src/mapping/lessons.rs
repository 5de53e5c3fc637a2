//! What a gateway has shown that it cannot do, so that it is not asked again.

use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// The lessons of one gateway, shared by all that talk to it.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Lessons>);

impl Memory {
    /// What is known.
    pub(crate) fn lessons(&self) -> Lessons {
        self.lock().clone()
    }

    /// Remembers what a plan has found out.
    pub(crate) fn learn(&self, lessons: Lessons) {
        *self.lock() = lessons;
    }

    /// A panic elsewhere leaves the lessons whole: they are only ever replaced.
    fn lock(&self) -> MutexGuard<'_, Lessons> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
