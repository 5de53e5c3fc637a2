//! Two clients that want the same port.

use std::sync::Barrier;
use std::thread;

use portreeve_lab::upnp::{ControlPoint, Fault, PortMapping};
use portreeve_testkit::Echo;

use crate::support::{bed, is_served_by, shared};

/// Runs both at the same moment.
fn together<T: Send>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T + Send) -> [T; 2] {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            barrier.wait();
            other()
        });
        barrier.wait();
        let one = one();
        [one, other.join().expect("it does not panic")]
    })
}

#[test]
fn of_two_clients_that_fight_for_a_port_exactly_one_gets_it() {
    let Some(bed) = shared() else { return };
    let clients = [bed.client(1), bed.client(2)];
    let port = bed.port();
    let _echoes = [1, 2].map(|host| Echo::tcp(bed.lan_host(host), port));
    for round in 0..40 {
        let add = |client: &ControlPoint<'_>| client.add(&PortMapping::new(client, port)).map(drop);
        let outcome: [Result<(), Fault>; 2] = together(|| add(&clients[0]), || add(&clients[1]));
        let winner = match &outcome {
            [Ok(()), Err(fault)] if fault.code == 718 => 0,
            [Err(fault), Ok(())] if fault.code == 718 => 1,
            other => panic!("round {round}: {other:?}"),
        };
        let client = &clients[winner];
        assert!(
            is_served_by(&bed, port, client.host().name()),
            "round {round}: the winner's bytes go elsewhere"
        );
        client
            .delete(&PortMapping::new(client, port))
            .expect("the winner's own");
    }
}

#[test]
fn of_two_clients_that_ask_for_any_port_each_gets_one() {
    // Alone: the port that the second gets is one that another test may ask for.
    let Some(bed) = bed(&[]) else { return };
    let clients = [bed.client(1), bed.client(2)];
    let wanted = bed.port();
    let _echoes = [1, 2].map(|host| Echo::tcp(bed.lan_host(host), wanted));
    for round in 0..10 {
        let add = |client: &ControlPoint<'_>| {
            client
                .add_any(&PortMapping::new(client, wanted))
                .expect("there are free ports")
        };
        let got = together(|| add(&clients[0]), || add(&clients[1]));
        assert_ne!(got[0], got[1], "round {round}");
        assert!(got.contains(&wanted), "round {round}: one gets what it wants: {got:?}");
        for (client, port) in clients.iter().zip(got) {
            assert!(is_served_by(&bed, port, client.host().name()), "round {round}: {port}");
            client.delete(&PortMapping::new(client, port)).expect("an own mapping");
        }
    }
}
