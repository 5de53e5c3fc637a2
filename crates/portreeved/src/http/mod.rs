//! Description, control and subscriptions over HTTP.
//!
//! [`Gateway`] answers requests, [`serve`] carries them over one connection of any kind, and [`listen`] accepts
//! connections on LAN addresses.

mod acquaintance;
mod answer;
mod connections;
mod control;
mod gateway;
mod header_case;
mod host;
mod listen;
mod names;
mod page;
mod serve;
mod subscription;
#[cfg(test)]
mod tests;

use std::future::Future;

use portreeve_engine::{Reply, Request};

pub use connections::{Connections, Place};
pub use gateway::{Appearance, Gateway};
pub use listen::{accept, listen};
pub use serve::serve;

/// What is asked of the engine.
pub trait Ask: Send + Sync + 'static {
    /// The engine's answer; none if the daemon is stopping.
    fn ask(&self, request: Request) -> impl Future<Output = Option<Reply>> + Send;
}
