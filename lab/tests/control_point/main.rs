//! `portreeve`, the tool, on hosts of a LAN: real gateways, real packets, and what it prints. The name of a test is the
//! promise.
//!
//! `LAB_SUBJECT` means nothing here: what all gateways can do is tried on each of them (see [`support::Gateway`]), and
//! what a test needs to happen to the gateway on the one that it can be done to.

mod support;

mod ask;
mod doctor;
mod events;
mod gateway_restarts;
mod list;
mod map;
mod network;
mod pinhole;
mod search;
mod several_gateways;
mod wan;
