//! UPnP Device Architecture: what a gateway needs of it, without eventing.

mod control;
mod description;
mod discovery_advertisement;
mod discovery_search;
mod hardening;
mod http;
