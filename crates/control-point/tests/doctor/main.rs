//! The doctor with gateways that are ill in each way, told apart by its words.

mod link;
mod mappings;
mod network;
mod own_port;
mod world;
