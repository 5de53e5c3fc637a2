//! What a gateway says about its connection to the internet.

mod address;
mod connection_status;

pub use address::AddressKind;
pub use connection_status::ConnectionStatus;
