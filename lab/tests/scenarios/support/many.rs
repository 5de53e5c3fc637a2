//! Many mappings at once.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{ControlPoint, PortMapping};

use super::external;

/// Settings under which one host may have thousands of mappings and ask for them in a hurry.
pub(crate) const NO_LIMITS: [&str; 2] = [
    "limits.mappings-per-client=60000",
    "limits.requests-per-second-per-client=100000",
];

/// No ports: what [`closed_ports`] says if all is well.
pub(crate) const NONE: [u16; 0] = [];

/// Clients that work at the same time.
const WORKERS: usize = 8;

/// Works through all items, several at a time.
pub(crate) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let share = items.len().div_ceil(WORKERS).max(1);
    thread::scope(|scope| {
        for part in items.chunks(share) {
            scope.spawn(|| part.iter().for_each(&work));
        }
    });
}

/// Maps these external TCP ports to one port of the client's host.
///
/// # Panics
/// If one is refused.
pub(crate) fn add_all(client: &ControlPoint<'_>, ports: &[u16], internal_port: u16, lease: u32) {
    client.root_device();
    in_parallel(ports, |port| {
        let mapping = PortMapping::new(client, *port).to_port(internal_port).lease(lease);
        client.add(&mapping).unwrap_or_else(|fault| panic!("{port}: {fault}"));
    });
}

/// Those of the external TCP ports to which the Internet cannot connect. A lost packet may be sent again: a port that is closed says so.
pub(crate) fn closed_ports(bed: &Bed, ports: &[u16]) -> Vec<u16> {
    let is_closed = |port: &u16| TcpStream::connect_timeout(&external(bed, *port), Duration::from_secs(3)).is_err();
    bed.internet_host(1)
        .run(|| ports.iter().copied().filter(|port| is_closed(port)).collect())
}
