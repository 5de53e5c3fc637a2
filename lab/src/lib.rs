//! Black-box suites: what a gateway does, seen from the outside.
//!
//! The subject is chosen by the environment: `LAB_SUBJECT=portreeved` (the default) or `LAB_SUBJECT=miniupnpd`
//! (Debian's). It runs in the gateway's namespace of a [`portreeve_testkit::Lab`]; the tests speak to it from other
//! namespaces with [`upnp`], a small control point that shares no code with the project, or with programs that others
//! wrote.

mod bed;
pub mod subject;
pub mod upnp;

pub use bed::Bed;
