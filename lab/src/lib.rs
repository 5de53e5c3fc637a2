//! Black-box suites: what a gateway does, seen from the outside.
//!
//! The subject is chosen by the environment: `LAB_SUBJECT=portreeved` (the default) or `LAB_SUBJECT=miniupnpd`
//! (Debian's). It runs in the gateway's namespace of a [`portreeve_testkit::Lab`]; the tests speak to it from other
//! namespaces with [`upnp`], a small control point, and [`port_control`], a client of NAT-PMP and PCP, which share no
//! code with the project, or with programs that others wrote. The suite `control_point` turns that round: there the
//! tool `portreeve` is the subject, seen through what it prints and through the bytes that pass, and gateways are what
//! it is tried on.

mod bed;
pub mod bytes;
pub mod port_control;
pub mod programs;
pub mod subject;
pub mod tool;
pub mod upnp;

pub use bed::Bed;
