//! The connection's state machine: the standard's table row by row, what follows beside it, and random inputs against
//! the transitions that are documented.

mod model;
mod ppp;
mod settings;
mod table;
mod watched;
mod world;
