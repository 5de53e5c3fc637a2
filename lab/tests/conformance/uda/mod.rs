//! UPnP Device Architecture: what a gateway needs of it.

mod control;
mod description;
mod discovery_advertisement;
mod discovery_ipv6;
mod discovery_search;
mod eventing;
mod hardening;
mod http;
