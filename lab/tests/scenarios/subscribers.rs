//! A house full of control points that want to hear of everything, and many that have gone without a word.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::{ControlPoint, PortMapping};

use crate::support::{assert_healthy, bed, fresh};

const CONNECTION: &str = "WANIPConnection:2";
const LIVE: usize = 150;
const CHANGES: u32 = 1000;

/// Adds and deletes a mapping in turn, so many changes in all; returns how long the median AddPortMapping took.
fn change(client: &ControlPoint<'_>, mapping: &PortMapping, changes: u32) -> Duration {
    let mut took: Vec<Duration> = (0..changes / 2)
        .map(|_| {
            let asked = Instant::now();
            client.add(mapping).expect("an own mapping");
            let took = asked.elapsed();
            client.delete(mapping).expect("an own mapping");
            took
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

#[test]
fn two_hundred_subscribers_of_which_fifty_are_dead_hear_every_change_in_order() {
    let Some(bed) = bed(&["limits.requests-per-second-per-client=100000"]) else {
        return;
    };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let undisturbed = change(&client, &mapping, 200);

    let before = client.system_update_id();
    let listeners: Vec<Listener> = (1..=3).map(|host| Listener::on(bed.lan_host(host))).collect();
    let mut heard: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    // Half of the dead are machines that are switched off, and half take connections and say nothing.
    let host = bed.lan_host(1);
    let silent = host
        .run(|| TcpListener::bind((host.ipv4(), 0)))
        .expect("a port is free");
    let silent = format!("<http://{}/>", silent.local_addr().expect("it is bound"));
    for number in 0..LIVE / 3 {
        for (listener, host) in listeners.iter().zip(1..) {
            let sid = bed.client(host).subscribe(CONNECTION, &listener.callback());
            heard.insert(sid, Vec::new());
        }
        if number < 25 {
            bed.client(2).subscribe(CONNECTION, "<http://192.168.77.250:4004/>");
            bed.client(3).subscribe(CONNECTION, &silent);
        }
    }
    assert_eq!(heard.len(), LIVE);

    let disturbed = change(&client, &mapping, CHANGES);
    let last = client.system_update_id();
    assert_eq!(last, before + CHANGES);
    let deadline = Instant::now() + Duration::from_secs(90);
    while heard.values().any(|ids| ids.last() != Some(&last)) {
        assert!(Instant::now() < deadline, "somebody has not heard the last change");
        for listener in &listeners {
            while let Some(message) = listener.next_within(Duration::from_millis(5)) {
                let id = message.value("SystemUpdateID").expect("it changes each time");
                let ids = heard.get_mut(message.header("SID")).expect("a live subscription");
                ids.push(id.parse().expect("a number"));
                assert_eq!(message.header("SEQ"), (ids.len() - 1).to_string());
            }
        }
    }
    let every: Vec<u32> = (before..=last).collect();
    for (sid, ids) in &heard {
        assert_eq!(ids, &every, "{sid}");
    }
    println!("AddPortMapping, median: {undisturbed:?} alone, {disturbed:?} with {LIVE} live and 50 dead subscribers");
    // A machine that is busy with other tests has moments of its own.
    let bearable = 2 * undisturbed + Duration::from_millis(3);
    assert!(disturbed < bearable, "{undisturbed:?} became {disturbed:?}");
    assert_healthy(&bed);
}
