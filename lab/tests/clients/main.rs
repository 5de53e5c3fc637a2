//! Clients that nobody here wrote, unmodified, against the subject.

mod async_upnp_client;
mod crab_nat;
mod gssdp;
mod gupnp;
mod igd_next;
mod libtorrent;
mod microsoft;
mod natpmpc;
mod python_miniupnpc;
mod quirks;
mod support;
mod upnpc;
mod upnpc_ipv6;
