//! `kill -9` at any instant costs nothing that was acknowledged.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{ControlPoint, PortMapping, http, soap};
use portreeve_testkit::Echo;

use crate::support::{NO_LIMITS, NONE, Talk, add_all, bed, closed_ports, external, is_open, is_served_by, soon};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";

/// Adds a mapping; an error if the daemon did not answer.
fn try_add(client: &ControlPoint<'_>, control_url: &str, mapping: &PortMapping) -> io::Result<bool> {
    let body = soap::body(SERVICE, "AddPortMapping", &mapping.arguments());
    let action = format!("{SERVICE}#AddPortMapping");
    let request = soap::request(&client.server().to_string(), control_url, &action, &body);
    let response = http::exchange(client.host(), client.server(), request)?;
    // A daemon that is stopping says 503 without SOAP.
    Ok(response.status == 200 && soap::read(&response, SERVICE, "AddPortMapping").is_ok())
}

/// Eight clients add mappings until the daemon is killed; returns `(LAN host, external port)` of what was acknowledged.
fn add_until_killed(bed: &Bed, internal_port: u16, after: Duration) -> Vec<(usize, u16)> {
    add_until(bed, internal_port, after, || drop(bed.subject().kill()))
}

/// Eight clients add mappings until `end` ends the daemon.
fn add_until(bed: &Bed, internal_port: u16, after: Duration, end: impl FnOnce()) -> Vec<(usize, u16)> {
    let acknowledged = Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for worker in 0..8_u16 {
            let (acknowledged, stop) = (&acknowledged, &stop);
            let host = usize::from(worker % 3) + 1;
            let client = bed.client(host);
            let control_url = client.service("WANIPConnection:2").control_url;
            scope.spawn(move || {
                for port in 20_000 + worker * 2000..20_000 + (worker + 1) * 2000 {
                    let mapping = PortMapping::new(&client, port).to_port(internal_port);
                    match try_add(&client, &control_url, &mapping) {
                        Ok(true) => acknowledged.lock().expect("nobody panics with it").push((host, port)),
                        _ if stop.load(Ordering::Relaxed) => return,
                        refused => panic!("port {port}: {refused:?}"),
                    }
                }
            });
        }
        thread::sleep(after);
        stop.store(true, Ordering::Relaxed);
        end();
    });
    acknowledged.into_inner().expect("nobody panics with it")
}

#[test]
fn a_kill_under_load_loses_nothing_that_was_acknowledged() {
    let Some(bed) = bed(&NO_LIMITS) else { return };
    let _echoes = [1, 2, 3].map(|host| Echo::tcp(bed.lan_host(host), 8080));
    let acknowledged = add_until_killed(&bed, 8080, Duration::from_millis(1200));
    assert!(
        acknowledged.len() > 100,
        "only {} were acknowledged",
        acknowledged.len()
    );
    let ports: Vec<u16> = acknowledged.iter().map(|(_, port)| *port).collect();
    assert_eq!(
        closed_ports(&bed, &ports),
        NONE,
        "they forward while the daemon is dead"
    );

    bed.start();
    for host in 1..=3 {
        let client = bed.client(host);
        for (_, port) in acknowledged.iter().filter(|(owner, _)| *owner == host) {
            let entry = client.specific(&PortMapping::new(&client, *port));
            let entry = entry.unwrap_or_else(|fault| panic!("{port} was acknowledged and is gone: {fault}"));
            assert_eq!(entry.get("NewInternalClient"), client.address());
        }
    }
    assert_eq!(closed_ports(&bed, &ports), NONE, "they forward after the restart");
    for (host, port) in acknowledged.iter().step_by(50) {
        assert!(is_served_by(&bed, *port, &format!("lan{host}")));
    }
}

#[test]
fn what_is_in_force_after_a_kill_under_load_is_in_the_table_too() {
    let Some(bed) = bed(&NO_LIMITS) else { return };
    let echoes = [1, 2, 3].map(|host| Echo::tcp(bed.lan_host(host), 8080));
    let acknowledged = add_until_killed(&bed, 8080, Duration::from_millis(500)).len();
    bed.start();
    let listed = usize::from(bed.client(1).number_of_entries());
    // What had been carried out and not answered yet may be in the table or not; but never one without the other.
    assert!(
        (acknowledged..=acknowledged + 8).contains(&listed),
        "{acknowledged} acknowledged, {listed} listed"
    );
    let in_kernel = bed
        .gateway()
        .command("nft", ["list", "map", "inet", "portreeve", "any_host"])
        .success();
    assert_eq!(in_kernel.matches(" . 8080").count(), listed);
    drop(echoes);
}

#[test]
fn connections_stay_up_and_ports_open_over_kill_and_restart() {
    let Some(bed) = bed(&NO_LIMITS) else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(client.host(), 8080);
    let ports: Vec<u16> = (20_000..20_300).collect();
    add_all(&client, &ports, echo.port(), 3600);
    let talk = Talk::open(bed.internet_host(1), external(&bed, 20_000));

    let (done, tries) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let prober = scope.spawn(|| {
            let mut refused = Vec::new();
            for port in ports.iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                if !is_open(&bed, *port) {
                    refused.push(*port);
                }
                tries.fetch_add(1, Ordering::Relaxed);
            }
            refused
        });
        thread::sleep(Duration::from_millis(300));
        bed.subject().kill();
        assert!(talk.is_alive(), "the kill broke a connection");
        thread::sleep(Duration::from_millis(300));
        bed.start();
        assert!(talk.is_alive(), "the restart broke a connection");
        thread::sleep(Duration::from_millis(500));
        done.store(true, Ordering::Relaxed);
        assert_eq!(
            prober.join().expect("it does not panic"),
            NONE,
            "ports at which a new connection was refused"
        );
    });
    assert!(tries.load(Ordering::Relaxed) > 200, "the prober hardly probed");
    assert!(talk.is_alive());
    // And the mappings obey the new daemon.
    bed.client(1)
        .delete(&PortMapping::new(&client, 20_000))
        .expect("an own mapping");
    soon(&bed, "the deleted mapping's connection is cut", || !talk.is_alive());
}

#[test]
fn kills_in_a_row_lose_nothing_either() {
    let Some(bed) = bed(&NO_LIMITS) else { return };
    let _echoes = [1, 2, 3].map(|host| Echo::tcp(bed.lan_host(host), 8080));
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        if round > 0 {
            bed.start();
        }
        // The same ports are asked for again: most are renewals of what the daemon before had granted.
        acknowledged.extend(add_until_killed(&bed, 8080, Duration::from_millis(300)));
    }
    acknowledged.sort_unstable();
    acknowledged.dedup();
    bed.start();
    let listed = usize::from(bed.client(1).number_of_entries());
    assert!(
        listed >= acknowledged.len(),
        "{} acknowledged, {listed} listed",
        acknowledged.len()
    );
    let ports: Vec<u16> = acknowledged.iter().map(|(_, port)| *port).collect();
    assert_eq!(closed_ports(&bed, &ports), NONE);
}

#[test]
fn a_stop_under_load_loses_nothing_that_was_acknowledged() {
    let Some(bed) = bed(&NO_LIMITS) else { return };
    let _echoes = [1, 2, 3].map(|host| Echo::tcp(bed.lan_host(host), 8080));
    let acknowledged = add_until(&bed, 8080, Duration::from_millis(500), || drop(bed.subject().stop()));
    bed.start();
    let listed = usize::from(bed.client(1).number_of_entries());
    assert!(
        listed >= acknowledged.len(),
        "{} acknowledged, {listed} listed",
        acknowledged.len()
    );
    let ports: Vec<u16> = acknowledged.iter().map(|(_, port)| *port).collect();
    assert_eq!(closed_ports(&bed, &ports), NONE);
}

#[test]
fn mappings_in_a_table_that_nobody_owns_outlive_the_daemon_too() {
    let Some(bed) = bed(&["nftables.own-table=false"]) else {
        return;
    };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    let port = mapping.external_port.parse().expect("the tests write port numbers");
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));
    bed.subject().kill();
    assert!(is_served_by(&bed, port, "lan1"));
    bed.start();
    assert!(is_served_by(&bed, port, "lan1"));
    assert!(talk.is_alive());
}
