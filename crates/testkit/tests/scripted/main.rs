//! The scripted gateway on the wire, read by a client of a few lines.

mod client;
mod description;
mod discovery;
mod events;
mod life;
mod mappings;
mod transport;
