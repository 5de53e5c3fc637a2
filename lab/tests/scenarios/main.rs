//! What users of a gateway live through, with real packets through the real kernel: the name of a test is the promise.
//!
//! The subject is portreeved alone: other daemons are configured and restarted otherwise.

mod support;

mod contention;
mod crash;
mod double_nat;
mod exposure;
mod field_lessons;
mod foreign_filter;
mod foreign_flush;
mod full_disk;
mod hairpin;
mod hostile_input;
mod ipv6_clients;
mod ipv6_exposure;
mod ipv6_only;
mod lease_storm;
mod leases;
mod link;
mod link_dhcp;
mod link_hooks;
mod migration;
mod nat_off;
mod network_changes;
mod optional_services;
mod own_ports;
mod pcp_peer;
mod pinholes;
mod policy;
mod port_control;
mod refusals_to_start;
mod relay;
mod reload;
mod remote_host;
mod static_mappings;
mod stop_and_uninstall;
mod storms;
mod subscribers;
mod symmetric_udp;
mod two_lans;
mod udp_to_every_host;
