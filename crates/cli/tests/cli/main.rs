//! The tool as it is built, run against a scripted gateway on loopback.

mod call;
mod discover;
mod doctor;
mod help;
mod list;
mod map;
mod pinhole;
mod schema;
mod stability;
mod status;
mod terminal;
mod tool;
mod unmap;
mod watch;
