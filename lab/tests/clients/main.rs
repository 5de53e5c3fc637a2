//! Clients that nobody here wrote, unmodified, against the subject.

mod async_upnp_client;
mod gssdp;
mod igd_next;
mod python_miniupnpc;
mod support;
mod upnpc;
