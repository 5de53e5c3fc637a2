//! A mapping is never in force after its lease, whatever became of the daemon.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, wait_until};

use crate::support::{Talk, bed, control, external, fresh, is_open, port_of, soon};

/// Guarantee: never later than a second after the lease.
const GRACE: Duration = Duration::from_secs(1);

/// Waits until the port is closed and returns how long after `since` that was; a look takes some milliseconds.
#[track_caller]
fn closes_after(bed: &Bed, port: u16, since: Instant) -> Duration {
    let closed = wait_until(Duration::from_secs(8), || !is_open(bed, port));
    assert!(closed, "port {port} is still open after {:?}", since.elapsed());
    since.elapsed()
}

#[test]
fn a_port_closes_when_its_lease_ends_and_the_table_forgets_it() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).lease(2);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    let before = client.number_of_entries();
    let asked = Instant::now();
    client.add(&mapping).expect("a free port");
    let granted = Instant::now();
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));

    let after = closes_after(&bed, port, asked);
    assert!(
        granted.elapsed() > Duration::from_millis(1900),
        "closed early, after {after:?}"
    );
    assert!(after < Duration::from_secs(2) + GRACE, "closed only after {after:?}");
    soon(&bed, "the connection of the lease is cut", || !talk.is_alive());
    refused(client.specific(&mapping), &[714]);
    assert_eq!(client.number_of_entries(), before);
    let listed = control(&bed, &["mappings", "--json"]).success();
    assert!(!listed.contains(&port.to_string()), "{listed}");
}

#[test]
fn the_store_forgets_a_lease_that_ended() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let (short, long) = (fresh(&bed, &client).lease(1), fresh(&bed, &client).lease(3600));
    client.add(&short).expect("a free port");
    client.add(&long).expect("a free port");
    soon(&bed, "the lease ends", || client.specific(&short).is_err());
    bed.subject().kill();
    bed.start();
    let client = bed.client(1);
    refused(client.specific(&short), &[714]);
    client.specific(&long).expect("the other lease goes on");
    assert_eq!(client.number_of_entries(), 1);
}

#[test]
fn a_connection_outlives_its_mapping_where_so_configured() {
    let Some(bed) = bed(&["nftables.cut-connections=false"]) else {
        return;
    };
    let client = bed.client(1);
    let (expiring, deleted) = (fresh(&bed, &client).lease(1), fresh(&bed, &client));
    let _echoes = [&expiring, &deleted].map(|mapping| Echo::tcp(client.host(), port_of(mapping)));
    let talks = [&expiring, &deleted].map(|mapping| {
        client.add(mapping).expect("a free port");
        Talk::open(bed.internet_host(1), external(&bed, port_of(mapping)))
    });
    client.delete(&deleted).expect("an own mapping");
    soon(&bed, "both ports are closed", || {
        !is_open(&bed, port_of(&expiring)) && !is_open(&bed, port_of(&deleted))
    });
    // Whoever cuts does so in less time than this.
    thread::sleep(Duration::from_millis(500));
    for talk in &talks {
        assert!(talk.is_alive());
    }
}

#[test]
fn deleting_a_mapping_cuts_its_connections_and_no_others() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let (deleted, kept) = (fresh(&bed, &client), fresh(&bed, &client));
    let _echoes = [&deleted, &kept].map(|mapping| Echo::tcp(client.host(), port_of(mapping)));
    let [deleted_talk, kept_talk] = [&deleted, &kept].map(|mapping| {
        client.add(mapping).expect("a free port");
        Talk::open(bed.internet_host(1), external(&bed, port_of(mapping)))
    });
    client.delete(&deleted).expect("an own mapping");
    soon(&bed, "the connection is cut", || !deleted_talk.is_alive());
    assert!(!is_open(&bed, port_of(&deleted)));
    assert!(kept_talk.is_alive());
}

#[test]
fn with_the_daemon_killed_a_lease_ends_by_itself() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).lease(3);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    let asked = Instant::now();
    client.add(&mapping).expect("a free port");
    bed.subject().kill();
    assert!(is_open(&bed, port), "the mapping is in force without the daemon");
    let after = closes_after(&bed, port, asked);
    assert!(after > Duration::from_millis(2900), "closed early, after {after:?}");
    assert!(after < Duration::from_secs(3) + GRACE, "closed only after {after:?}");
}

#[test]
fn with_the_daemon_hung_a_lease_ends_by_itself_and_the_table_forgets_it_afterwards() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).lease(2);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    let asked = Instant::now();
    client.add(&mapping).expect("a free port");
    bed.subject().signal(Signal::SIGSTOP);
    let after = closes_after(&bed, port, asked);
    bed.subject().signal(Signal::SIGCONT);
    assert!(after < Duration::from_secs(2) + GRACE, "closed only after {after:?}");
    soon(&bed, "the table forgets it", || client.specific(&mapping).is_err());
    assert_eq!(client.number_of_entries(), 0);
}

#[test]
fn a_lease_that_ended_while_the_daemon_was_down_does_not_come_back() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).lease(1);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    bed.subject().kill();
    closes_after(&bed, port_of(&mapping), Instant::now());
    bed.start();
    assert!(!is_open(&bed, port_of(&mapping)));
    refused(bed.client(1).specific(&mapping), &[714]);
}

#[test]
fn a_restart_neither_prolongs_nor_shortens_a_lease() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).lease(6);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    let asked = Instant::now();
    client.add(&mapping).expect("a free port");
    thread::sleep(Duration::from_secs(2));
    bed.subject().kill();
    bed.start();
    let left = bed
        .client(1)
        .specific(&mapping)
        .expect("it is kept")
        .number("NewLeaseDuration");
    assert!((1..=4).contains(&left), "{left} s are left of six after two");
    let after = closes_after(&bed, port, asked);
    assert!(after > Duration::from_millis(5900), "closed early, after {after:?}");
    assert!(after < Duration::from_secs(6) + GRACE, "closed only after {after:?}");
}

#[test]
fn a_renewal_in_place_prolongs_the_lease_and_disturbs_no_connection() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).lease(2);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));
    let entries = client.number_of_entries();
    client.add(&PortMapping::lease(mapping, 60)).expect("a renewal");
    assert_eq!(client.number_of_entries(), entries);
    thread::sleep(Duration::from_secs(3));
    assert!(talk.is_alive(), "a renewal cut the connection");
    assert!(is_open(&bed, port), "the old lease ended the renewed mapping");
}
