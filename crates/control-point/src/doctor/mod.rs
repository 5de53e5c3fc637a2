//! Finding out why a port is not reachable, step by step from this computer to the internet and back.
//!
//! What is seen is gathered by the shell, and what follows from it is decided by pure functions.

mod evidence;
mod examination;
mod findings;
mod search;
mod servers;
mod step;
mod trial;
mod verdict;

pub use examination::Examination;
pub use step::{Outcome, Step, Topic};
pub use verdict::{Diagnosis, Verdict};

#[cfg(test)]
mod tests;
