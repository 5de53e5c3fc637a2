//! Conformance, black box: one named test per clause of the standards. The module path of a test is the clause.
//!
//! The answers asserted are those of the standards, whichever subject runs. `cargo xtask conformance` prints one table
//! for both.

mod igd2_device;
mod nat_pmp;
mod pcp;
mod uda;
mod wanipconnection2;
