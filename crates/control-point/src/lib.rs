//! Finds the internet gateway, opens ports on it, keeps them open, and says in plain words what is wrong.
//!
//! # Keep a port open
//!
//! ```no_run
//! # async fn example() -> Result<(), portreeve::Error> {
//! use portreeve::Protocol;
//!
//! let gateway = portreeve::discover().await?;
//! let mapping = gateway.map(Protocol::Tcp, 8080).description("my program").keep().await?;
//! println!("reachable at {}", mapping.external());
//!
//! let mut changes = mapping.changes();
//! while let Some(change) = changes.next().await {
//!     println!("{change:?}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The mapping is read back before anybody is told of it, renewed in time, made again when the gateway has forgotten it,
//! and removed when `mapping` is dropped. [`MapRequest::once`] makes one that is left alone instead.
//!
//! # Pick among gateways
//!
//! ```no_run
//! # async fn example() -> Result<(), portreeve::Error> {
//! for gateway in portreeve::discover().all().await? {
//!     let status = gateway.status().await?;
//!     println!("{} at {}: {:?}", gateway.name(), gateway.address(), status.external_address);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Tell people what is wrong
//!
//! ```no_run
//! # async fn example() {
//! if let Err(error) = portreeve::discover().await {
//!     let explanation = error.explanation();
//!     eprintln!("{}\n{}", explanation.problem, explanation.remedy);
//! }
//! # }
//! ```
//!
//! # Hear what changes
//!
//! ```no_run
//! # async fn example() -> Result<(), portreeve::Error> {
//! let gateway = portreeve::discover().await?;
//! let mut watch = gateway.watch().start()?;
//! while let Some(news) = watch.next().await {
//!     println!("{news:?}");
//! }
//! # Ok(())
//! # }
//! ```
//! Over IPv6 a [pinhole] in the gateway's firewall does what a mapping does over IPv4.
//!
//! [`doctor`] walks the whole way from this computer to the internet and back, and says where it ends. [`listing`] reads
//! every mapping, [`raw`] calls any action by name, [`actions`] has each action of the standard's services as a method.
//! Without async, there is [`blocking`].
//!
//! Needs a tokio runtime with time and I/O, and starts none of its own. One task a gateway keeps all mappings on it.

pub mod actions;
pub mod blocking;
mod bounded;
pub mod discovery;
pub mod doctor;
mod endpoint;
mod error;
pub mod events;
pub mod explain;
pub mod gateway;
mod http;
mod keeper;
pub mod listing;
mod mapping;
mod network;
pub mod pinhole;
mod port_control;
mod random;
pub mod raw;
mod silence;
pub mod stability;
pub mod status;
pub mod stun;

pub use discovery::{Discovery, Family, GatewayAddress, discover};
pub use error::{
    Conversation, Error, InvalidRequest, NoGateway, PortControlRefusal, PortsRefused, Refusal, Rejected, Untrue,
    Unusable,
};
pub use explain::Explanation;
pub use gateway::Gateway;
pub use keeper::{Change, Changes, KeptMapping, State};
pub use mapping::{ExternalEnd, MapRequest, Mapping, Note, Protocol, Verification};
pub use pinhole::{KeptPinhole, Opened, Pinhole, PinholeRequest, Transport};
pub use port_control::Carrier;
pub use status::Status;
