//! Many leases that end together: nobody else waits for it.

use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::upnp::PortMapping;
use portreeve_testkit::Echo;

use crate::support::{NO_LIMITS, assert_healthy, bed, closed_ports, in_parallel, soon};

#[test]
fn a_thousand_leases_that_end_in_the_same_second_keep_nobody_waiting() {
    let Some(bed) = bed(&NO_LIMITS) else { return };
    let (client, other) = (bed.client(1), bed.client(2));
    client.root_device();
    other.root_device();
    let echo = Echo::tcp(client.host(), 0);
    let ports: Vec<u16> = (20_000..21_000).collect();
    let end = Instant::now() + Duration::from_secs(8);
    in_parallel(&ports, |port| {
        let left = end.saturating_duration_since(Instant::now()).as_secs_f64().round() as u32;
        let mapping = PortMapping::new(&client, *port).to_port(echo.port()).lease(left.max(1));
        client.add(&mapping).expect("a free port");
    });
    let added = Instant::now();
    assert!(
        added + Duration::from_millis(1500) < end,
        "adding took until {:?} before the end",
        end - added
    );
    assert_eq!(client.number_of_entries(), 1000);
    thread::sleep((end - Duration::from_millis(800)).saturating_duration_since(Instant::now()));

    let mut slowest = Duration::ZERO;
    while Instant::now() < end + Duration::from_millis(1500) {
        let asked = Instant::now();
        other.call("GetExternalIPAddress", &[]).expect("others are served");
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "somebody waited for {slowest:?}");
    assert_eq!(closed_ports(&bed, &ports).len(), ports.len(), "every port is closed");
    soon(&bed, "the table is empty", || client.number_of_entries() == 0);
    assert_healthy(&bed);
}
