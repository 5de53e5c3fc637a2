//! What changes to mappings do to ports and connections.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroU16;
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use portreeve_backend::relay::{Relay, Settings};
use portreeve_backend::{Backend, Reconciled, Refusal, Refused};
use portreeve_engine::{
    Change, Desired, EntryKey, Expiry, Mapping, Origin, Outbound, Pinhole, PinholeKey, Transport, UniqueId,
};

use crate::world::*;

#[test]
fn success_means_that_the_port_is_open_and_removal_that_it_is_free() {
    let mut world = World::new();
    let target = echo("!");
    for protocol in [Tcp, Udp] {
        let mapping = Arc::new(mapping(protocol, 20080, target));
        for _ in 0..100 {
            world.add(&mapping);
            assert!(!world.is_free(protocol, 20080));
            world.remove(&mapping);
            assert!(world.is_free(protocol, 20080));
        }
    }
}

#[test]
fn removal_cuts_connections_and_the_port_can_be_taken_while_they_end() {
    let mut world = World::new();
    let mapping = Arc::new(mapping(Tcp, 20080, echo("!")));
    for _ in 0..20 {
        world.add(&mapping);
        let mut streams: Vec<_> = (0..10).map(|_| world.connect(20080)).collect();
        streams.iter_mut().for_each(|stream| expect(stream, "!"));
        world.remove(&mapping);
        drop(TcpListener::bind(world.external(20080)).unwrap());
        assert!(streams.iter_mut().all(is_cut));
    }
}

#[test]
fn a_port_of_another_program_is_refused_and_nothing_else_is_changed() {
    for protocol in [Tcp, Udp] {
        let mut world = World::new();
        let target = echo("!");
        let kept = Arc::new(mapping(Tcp, 20079, target));
        world.add(&kept);
        let mut stream = world.connect(20079);
        expect(&mut stream, "!");
        let others_tcp = TcpListener::bind(world.external(20081)).unwrap();
        let others_udp = UdpSocket::bind(world.external(20081)).unwrap();
        let new = |port| put(&Arc::new(mapping(protocol, port, target)));
        let refused = world.apply(&[new(20080), removal(&kept), new(20081), new(20082)]);
        assert_eq!(
            refused,
            Err(Refused {
                change: 2,
                why: Refusal::PortTaken
            })
        );
        assert!(world.is_free(protocol, 20080) && world.is_free(protocol, 20082));
        stream.write_all(b"still here").unwrap();
        expect(&mut stream, "still here");
        drop((others_tcp, others_udp));
        world
            .apply(&[new(20080), removal(&kept), new(20081), new(20082)])
            .unwrap();
        assert!(is_cut(&mut stream));
    }
}

#[test]
fn a_port_that_the_system_forbids_is_refused_as_such() {
    let mut child = child(&[], "mappings::map_a_privileged_port");
    if nix::unistd::geteuid().is_root() {
        child.uid(65534).gid(65534).current_dir("/");
    }
    match child.output() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            println!("skipped, nobody else may run this test's program: map_a_privileged_port");
        }
        output => succeeded(&output.unwrap()),
    }
}

#[test]
#[ignore = "part of a_port_that_the_system_forbids_is_refused_as_such"]
fn map_a_privileged_port() {
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first_free.trim() == "0" {
        println!("skipped, this system lets everybody use every port");
        return;
    }
    let mut world = World::new();
    let refused = world.apply(&[put(&Arc::new(mapping(Tcp, 1, echo("!"))))]);
    assert_eq!(refused.unwrap_err().why, Refusal::PortForbidden);
}

#[test]
fn no_more_file_descriptors_is_no_room() {
    succeeded(&child(&[], "mappings::run_out_of_file_descriptors").output().unwrap());
}

#[test]
#[ignore = "part of no_more_file_descriptors_is_no_room: the limit is that of a process"]
fn run_out_of_file_descriptors() {
    let mut world = World::new();
    let target = echo("!");
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let changes: Vec<Change> = (11_000..11_100)
        .map(|port| put(&Arc::new(mapping(Tcp, port, target))))
        .collect();
    let refused = world.apply(&changes).unwrap_err();
    assert_eq!(refused.why, Refusal::NoRoom);
    assert!(
        (11_000..11_100).all(|port| world.is_free(Tcp, port)),
        "none of them is open"
    );
    world.apply(&changes[..refused.change / 2]).unwrap();
    expect(&mut world.connect(11_000), "!");
}

#[test]
fn a_lease_ends_by_itself_and_a_renewed_one_lives_on() {
    let mut world = World::new();
    let target = echo("!");
    let (short, renewed) = (mapping(Tcp, 20080, target), mapping(Tcp, 20081, target));
    let lease = Duration::from_millis(300);
    world
        .apply(&[put(&lasting(lease, &short)), put(&lasting(lease, &renewed))])
        .unwrap();
    let begin = Instant::now();
    let (mut cut, mut kept) = (world.connect(20080), world.connect(20081));
    expect(&mut cut, "!");
    expect(&mut kept, "!");
    world.add(&lasting(2 * SOON, &renewed));
    assert!(is_cut(&mut cut));
    assert!(begin.elapsed() >= lease, "{:?}", begin.elapsed());
    eventually("the port is free", || world.is_free(Tcp, 20080));
    kept.write_all(b"here").unwrap();
    expect(&mut kept, "here");
    world.remove(&lasting(lease, &short));
    world.add(&Arc::new(short));
    expect(&mut world.connect(20080), "!");
}

#[test]
fn a_renewal_at_the_very_end_of_a_lease_leaves_the_port_open() {
    let mut world = World::new();
    let target = echo("!");
    let renewed = mapping(Udp, 20080, target);
    // So many that the lease ends while they are opened.
    let others: Vec<_> = (11_000..11_300)
        .map(|port| Arc::new(mapping(Udp, port, target)))
        .collect();
    let mut changes: Vec<Change> = others.iter().map(put).collect();
    changes.insert(0, put(&lasting(SOON, &renewed)));
    for round in 0..10 {
        world.add(&lasting(Duration::from_millis(round), &renewed));
        world.apply(&changes).unwrap();
        assert!(!world.is_free(Udp, 20080), "round {round}");
        world.apply(&others.iter().map(removal).collect::<Vec<_>>()).unwrap();
    }
}

#[test]
fn a_lease_that_is_over_opens_nothing() {
    let mut world = World::new();
    world.add(&lasting(Duration::ZERO, &mapping(Tcp, 20080, echo("!"))));
    assert!(world.is_free(Tcp, 20080));
}

#[test]
fn a_disabled_mapping_has_no_port() {
    let mut world = World::new();
    let enabled = mapping(Tcp, 20080, echo("!"));
    let disabled = Arc::new(Mapping {
        enabled: false,
        ..enabled.clone()
    });
    world.add(&disabled);
    assert!(world.is_free(Tcp, 20080));
    let enabled = Arc::new(enabled);
    world.add(&enabled);
    let mut stream = world.connect(20080);
    expect(&mut stream, "!");
    world.add(&disabled);
    assert!(world.is_free(Tcp, 20080) || is_turned_away(Ipv4Addr::LOCALHOST, world.external(20080)));
    assert!(is_cut(&mut stream));
}

#[test]
fn another_target_keeps_the_port_and_cuts_what_went_to_the_old_one() {
    let mut world = World::new();
    let old = mapping(Tcp, 20080, echo("old"));
    world.add(&Arc::new(old.clone()));
    let mut stream = world.connect(20080);
    expect(&mut stream, "old");
    let renamed = Mapping {
        description: "another name".into(),
        expiry: Expiry::At(NOW + SOON),
        ..old
    };
    world.add(&Arc::new(renamed));
    stream.write_all(b"still here").unwrap();
    expect(&mut stream, "still here");
    world.add(&Arc::new(mapping(Tcp, 20080, echo("new"))));
    assert!(is_cut(&mut stream));
    expect(&mut world.connect(20080), "new");
}

#[test]
fn one_port_serves_remote_hosts_differently() {
    let mut world = World::new();
    let host = |last| Ipv4Addr::new(127, 0, 0, last);
    let for_two = Arc::new(only_from(host(2), mapping(Tcp, 20080, echo("two"))));
    let for_three = Arc::new(only_from(host(3), mapping(Tcp, 20080, echo("three"))));
    world.apply(&[put(&for_two), put(&for_three)]).unwrap();
    let external = world.external(20080);
    let served = |last, name| expect(&mut connect_from(host(last), external).unwrap(), name);
    served(2, "two");
    served(3, "three");
    assert!(is_turned_away(host(4), external));
    world.add(&Arc::new(mapping(Tcp, 20080, echo("all"))));
    served(2, "two");
    served(4, "all");
    let mut stream = connect_from(host(3), external).unwrap();
    expect(&mut stream, "three");
    world.remove(&for_two);
    served(2, "all");
    stream.write_all(b"undisturbed").unwrap();
    expect(&mut stream, "undisturbed");
}

#[test]
fn outbound_ports_are_none_of_a_relays_business() {
    let mut world = World::new();
    let outbound = Outbound {
        client: Ipv4Addr::new(192, 168, 77, 10),
        port: NonZeroU16::new(20074).unwrap(),
        protocol: Udp,
        external_port: NonZeroU16::new(20074).unwrap(),
        expiry: Expiry::Never,
    };
    let change = Change::Outbound {
        before: None,
        after: Some(outbound),
    };
    assert_eq!(world.apply(&[change]), Ok(()));
    assert!(world.is_free(Udp, 20074));
}

#[test]
fn reconciling_does_what_is_missing_and_disturbs_nothing_else() {
    let mut world = World::new();
    let target = echo("!");
    let on = |port| Arc::new(mapping(Tcp, port, target));
    world
        .apply(&[put(&on(20080)), put(&on(20081)), put(&on(20082))])
        .unwrap();
    let mut streams = [world.connect(20080), world.connect(20081), world.connect(20082)];
    streams.iter_mut().for_each(|stream| expect(stream, "!"));
    let other = TcpListener::bind(world.external(20084)).unwrap();
    let disabled = Arc::new(Mapping {
        enabled: false,
        ..mapping(Tcp, 20085, target)
    });
    let longer = lasting(2 * SOON, &on(20081));
    let desired = Desired {
        mappings: vec![on(20080), longer, on(20083), on(20084), disabled],
        ..Desired::default()
    };
    let expected = Reconciled {
        kept: 1,
        added: 1,
        changed: 1,
        removed: 1,
        refused: vec![(EntryKey::Mapping(on(20084).key), Refusal::PortTaken)],
        ..Reconciled::default()
    };
    assert_eq!(world.relay.reconcile(&desired, NOW), Ok(expected));
    let [kept, renewed, removed] = &mut streams;
    for stream in [kept, renewed] {
        stream.write_all(b"here").unwrap();
        expect(stream, "here");
    }
    assert!(is_cut(removed));
    expect(&mut world.connect(20083), "!");
    assert!(world.is_free(Tcp, 20085));
    drop(other);
    let again = world.relay.reconcile(&desired, NOW).unwrap();
    assert_eq!((again.kept, again.added, again.refused), (3, 1, vec![]));
    expect(&mut world.connect(20084), "!");
}

#[test]
fn ports_move_with_the_external_address_and_connections_stay() {
    let mut world = World::new();
    world.add(&Arc::new(mapping(Tcp, 20_180, echo("!"))));
    let mut stream = world.connect(20_180);
    expect(&mut stream, "!");
    let (first, second) = (world.address, own_address());
    for addresses in [
        vec![second],
        vec![first, second],
        vec![],
        vec![Ipv4Addr::new(203, 0, 113, 1)],
        vec![first],
    ] {
        world.relay.set_external(&addresses).unwrap();
        let on_all = addresses.is_empty() || !addresses[0].is_loopback();
        for address in [first, second] {
            let to = SocketAddr::from((address, 20_180));
            let open = !is_turned_away_without_greeting(to);
            assert_eq!(
                open,
                on_all || addresses.contains(&address),
                "{address} of {addresses:?}"
            );
        }
    }
    stream.write_all(b"still here").unwrap();
    expect(&mut stream, "still here");
}

fn is_turned_away_without_greeting(to: SocketAddr) -> bool {
    match connect_from(Ipv4Addr::LOCALHOST, to) {
        Err(_) => true,
        Ok(mut stream) => stream.read_exact(&mut [0]).is_err(),
    }
}

#[test]
fn a_port_that_cannot_move_is_named_and_tried_again() {
    let mut world = World::new();
    let target = echo("!");
    let mappings: Vec<_> = [20080, 20081].map(|port| Arc::new(mapping(Tcp, port, target))).into();
    mappings.iter().for_each(|mapping| world.add(mapping));
    let next = own_address();
    let other = TcpListener::bind((next, 20081)).unwrap();
    let error = world.relay.set_external(&[next]).unwrap_err().to_string();
    assert!(error.contains("20081/TCP"), "{error}");
    world.address = next;
    expect(&mut world.connect(20080), "!");
    drop(other);
    let desired = Desired {
        mappings,
        ..Desired::default()
    };
    let done = world.relay.reconcile(&desired, NOW).unwrap();
    assert_eq!((done.kept, done.changed), (1, 1));
    expect(&mut world.connect(20081), "!");
}

#[test]
fn flushing_ends_everything() {
    let mut world = World::new();
    let target = echo("!");
    world
        .apply(&[
            put(&Arc::new(mapping(Tcp, 20080, target))),
            put(&Arc::new(mapping(Udp, 20080, target))),
        ])
        .unwrap();
    let mut stream = world.connect(20080);
    expect(&mut stream, "!");
    world.relay.flush().unwrap();
    assert!(world.is_free(Udp, 20080));
    assert!(is_cut(&mut stream));
    eventually("the port is free of connections, too", || world.is_free(Tcp, 20080));
}

#[test]
fn dropping_the_relay_frees_its_ports() {
    let mut world = World::new();
    let target = echo("!");
    world
        .apply(&[
            put(&Arc::new(mapping(Tcp, 20080, target))),
            put(&Arc::new(mapping(Udp, 20080, target))),
        ])
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    world.relay = Relay::new(runtime.handle().clone(), Settings::default());
    assert!(world.is_free(Tcp, 20080) && world.is_free(Udp, 20080));
}

#[test]
fn thousands_of_mappings_are_carried_side_by_side() {
    let mut world = World::new();
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let count = u16::try_from((soft / 4).min(4000)).unwrap();
    let target = echo("!");
    // Others may listen on some of these ports, on all addresses.
    let ports: Vec<u16> = (10_000..10_000 + count)
        .filter(|port| world.is_free(Tcp, *port))
        .collect();
    assert!(ports.len() > usize::from(count) / 2);
    let lease = |port: &u16| lasting(Duration::from_secs(3600), &mapping(Tcp, *port, target));
    let mappings: Vec<_> = ports.iter().map(lease).collect();
    for group in mappings.chunks(64) {
        world.apply(&group.iter().map(put).collect::<Vec<_>>()).unwrap();
    }
    for port in ports.iter().step_by(97) {
        expect(&mut world.connect(*port), "!");
    }
    for group in mappings.chunks(64) {
        world.apply(&group.iter().map(removal).collect::<Vec<_>>()).unwrap();
    }
    // The others may still have a connection that is about to end.
    let unused = ports.iter().enumerate().filter(|(index, _)| index % 97 != 0);
    assert!(unused.into_iter().all(|(_, port)| world.is_free(Tcp, *port)));
}

#[test]
fn pinholes_are_refused_in_words() {
    let mut world = World::new();
    let kept = Arc::new(mapping(Tcp, 20080, echo("!")));
    let key = PinholeKey {
        internal_client: Ipv6Addr::LOCALHOST,
        internal_port: NonZeroU16::new(8080).unwrap(),
        transport: Transport::Tcp,
        remote_host: None,
        remote_port: None,
    };
    let pinhole = Arc::new(Pinhole {
        key,
        id: UniqueId(1),
        expiry: NOW + Duration::from_secs(60),
        origin: Origin::Upnp(Ipv6Addr::LOCALHOST.into()),
    });
    let opening = Change::Pinhole {
        before: None,
        after: Some(Arc::clone(&pinhole)),
    };
    let Err(Refused {
        change: 1,
        why: Refusal::Failed(why),
    }) = world.apply(&[put(&kept), opening.clone()])
    else {
        panic!("nothing is opened");
    };
    assert!(why.contains("carries no IPv6"), "{why}");
    assert!(world.is_free(Tcp, 20080));
    assert_eq!(world.apply(&[opening.inverse()]), Ok(()));
    assert_eq!(world.relay.pinhole_packets(&key), Ok(None));

    // One of an earlier run, with another backend.
    let desired = Desired {
        mappings: vec![kept],
        pinholes: vec![pinhole],
        ..Desired::default()
    };
    let report = world.relay.reconcile(&desired, NOW).unwrap();
    assert_eq!(report.added, 1);
    assert_eq!(report.refused, [(EntryKey::Pinhole(key), Refusal::Failed(why))]);
}
