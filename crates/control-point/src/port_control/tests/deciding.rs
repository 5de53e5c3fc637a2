//! The decisions without socket and clock: what answers, what is dropped, what is sent when.

use portreeve_wire::nat_pmp::{self, Mapped};
use portreeve_wire::pcp::{Answer as PcpAnswer, Assigned, Nonce, Operation, Received, Request};

use super::super::exchange::{Dialogue, Exchange, Failed};
use super::super::message::{LeftOut, Message, Told};
use super::super::negotiation::Negotiation;
use super::super::schedule::Schedule;
use super::*;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn message(carrier: Carrier, ask: &Ask) -> Message {
    Message::map(carrier, HERE.into(), ask, LeftOut::default()).unwrap()
}

fn exchange(message: &Message) -> Exchange {
    Exchange::new(
        at(GATEWAY),
        message.clone(),
        Schedule::nat_pmp(),
        (Duration::ZERO, SECOND),
    )
}

/// What a server answers that grants what was asked for.
fn yes(request: &[u8]) -> Vec<u8> {
    match pcp::receive(request, HERE.into()) {
        Received::Request(Request { lifetime, .. }) => pcp::answer(
            request,
            &PcpAnswer {
                epoch: 7,
                outcome: Ok(Assigned {
                    lifetime,
                    external: Some(([11, 11, 11, 1].into(), 8080)),
                    port_set: None,
                }),
            },
        ),
        Received::NatPmp => {
            let outcome = Ok(Mapped::Port {
                external_port: 8080,
                lifetime: 60,
            });
            nat_pmp::answer(request, &nat_pmp::Answer { epoch: 7, outcome })
        }
        other => panic!("{other:?}"),
    }
}

fn takes(message: &Message, source: SocketAddr, datagram: &[u8]) -> bool {
    let mut exchange = exchange(message);
    assert!(exchange.poll_transmit(Duration::ZERO).is_some());
    exchange.handle_datagram(source, datagram, millis(1));
    exchange.poll_outcome(millis(1)).is_some()
}

#[test]
fn requests_carry_what_was_asked_for() {
    let ask = Ask {
        external_address: Some([11, 11, 11, 1].into()),
        remote: Some(([11, 11, 11, 11].into(), 443)),
        ..ask()
    };
    let datagram = message(Carrier::Pcp, &ask).datagram();
    let Received::Request(request) = pcp::receive(&datagram, HERE.into()) else {
        panic!("{datagram:?}");
    };
    assert_eq!((request.lifetime, request.client), (7200, HERE.into()));
    let Operation::Map(map) = request.operation else {
        panic!("{request:?}");
    };
    assert_eq!((map.nonce, map.protocol), (ask.nonce, 6));
    assert_eq!((map.internal_port, map.external_port), (8080, 8080));
    assert_eq!(map.external_address, IpAddr::from([11, 11, 11, 1]));
    assert_eq!(map.description.as_deref(), Some("web"));
    assert!(!map.prefer_failure);
    let [filter] = map.filters[..] else { panic!("{map:?}") };
    assert_eq!(
        (filter.address, filter.prefix, filter.port),
        ([11, 11, 11, 11].into(), Some(32), 443)
    );

    let deletion = Message::unmap(Carrier::Pcp, HERE.into(), &ask).unwrap().datagram();
    let Received::Request(request) = pcp::receive(&deletion, HERE.into()) else {
        panic!("{deletion:?}");
    };
    let Operation::Map(map) = request.operation else {
        panic!("{request:?}");
    };
    assert_eq!((request.lifetime, map.nonce, map.external_port), (0, ask.nonce, 0));
    assert!(map.external_address.is_unspecified() && map.filters.is_empty() && map.description.is_none());

    let plain = Ask { remote: None, ..ask };
    let datagram = message(Carrier::NatPmp, &plain).datagram();
    assert_eq!(datagram, [0, 2, 0, 0, 0x1f, 0x90, 0x1f, 0x90, 0, 0, 0x1c, 0x20]);
    let deletion = Message::unmap(Carrier::NatPmp, HERE.into(), &plain).unwrap();
    assert_eq!(deletion.datagram(), [0, 2, 0, 0, 0x1f, 0x90, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn whoever_wants_only_one_port_wants_it_on_any_address() {
    let only = Ask {
        external_port: ExternalPort::Only(port(8080)),
        external_address: Some([11, 11, 11, 1].into()),
        ..ask()
    };
    let Message::Pcp(Request {
        operation: Operation::Map(map),
        ..
    }) = message(Carrier::Pcp, &only)
    else {
        panic!()
    };
    assert!(map.prefer_failure && map.external_address.is_unspecified());
}

#[test]
fn an_answer_is_known_by_source_nonce_protocol_and_port() {
    for carrier in [Carrier::Pcp, Carrier::NatPmp] {
        let ask = Ask {
            description: String::new(),
            ..ask()
        };
        let asked = message(carrier, &ask);
        let answer = yes(&asked.datagram());
        assert!(takes(&asked, at(GATEWAY), &answer), "{carrier}");
        let mapped: SocketAddr = "[::ffff:192.168.77.1]:5351".parse().unwrap();
        assert!(takes(&asked, mapped, &answer), "{carrier}");
        for stranger in ["192.168.77.1:5350", "192.168.77.66:5351", "[fe80::1]:5351"] {
            assert!(
                !takes(&asked, stranger.parse().unwrap(), &answer),
                "{carrier} {stranger}"
            );
        }
        let others = [
            Ask {
                transport: Transport::UDP,
                ..ask.clone()
            },
            Ask {
                internal_port: 8081,
                ..ask.clone()
            },
        ];
        for other in &others {
            let other = yes(&message(carrier, other).datagram());
            assert!(!takes(&asked, at(GATEWAY), &other), "{carrier}");
        }
        let look = Message::look(carrier, HERE.into()).unwrap();
        assert!(!takes(&look, at(GATEWAY), &answer), "{carrier}");
        assert!(
            !takes(&asked, at(GATEWAY), &asked.datagram()),
            "{carrier}: a request answers nothing"
        );
        for cut in 0..answer.len() {
            assert!(!takes(&asked, at(GATEWAY), &answer[..cut]), "{carrier}: {cut} octets");
        }
    }
    let ask = ask();
    let stolen = Ask {
        nonce: Nonce([9; 12]),
        ..ask.clone()
    };
    let answer = yes(&message(Carrier::Pcp, &stolen).datagram());
    assert!(!takes(&message(Carrier::Pcp, &ask), at(GATEWAY), &answer));
}

#[test]
fn the_first_answer_counts() {
    let asked = message(Carrier::Pcp, &ask());
    let mut exchange = exchange(&asked);
    let request = exchange.poll_transmit(Duration::ZERO).unwrap();
    exchange.handle_datagram(at(GATEWAY), &yes(&request), millis(3));
    let no = PcpAnswer {
        epoch: 8,
        outcome: Err(pcp::ResultCode::NoResources.into()),
    };
    exchange.handle_datagram(at(GATEWAY), &pcp::answer(&request, &no), millis(4));
    let answer = exchange.poll_outcome(millis(4)).unwrap().unwrap();
    assert_eq!(answer.epoch, Some(7));
    let told = Told::Mapped {
        external_port: 8080,
        external_address: Some([11, 11, 11, 1].into()),
        lifetime: 7200,
    };
    assert_eq!(answer.outcome, Ok(told));
}

#[test]
fn requests_are_sent_by_the_schedule_and_not_after_the_end() {
    let mut exchange = exchange(&message(Carrier::NatPmp, &ask()));
    let mut sent = Vec::new();
    let mut now = Duration::ZERO;
    let outcome = loop {
        while exchange.poll_transmit(now).is_some() {
            sent.push(now.as_millis());
        }
        if let Some(outcome) = exchange.poll_outcome(now) {
            break outcome;
        }
        assert!(exchange.poll_timeout() > now);
        now = exchange.poll_timeout();
    };
    assert_eq!((sent, now), (vec![0, 250, 750], SECOND));
    assert_eq!(outcome, Err(Failed::Silence));
}

#[test]
fn after_a_pause_sendings_are_not_made_up_for() {
    let mut exchange = exchange(&message(Carrier::NatPmp, &ask()));
    assert!(exchange.poll_transmit(Duration::ZERO).is_some());
    assert!(exchange.poll_transmit(millis(900)).is_some());
    assert!(exchange.poll_transmit(millis(900)).is_none());
}

fn negotiation() -> Negotiation {
    let asked = [Carrier::Pcp, Carrier::NatPmp].map(|carrier| {
        let message = Message::look(carrier, HERE.into()).unwrap();
        (carrier, message, Schedule::nat_pmp())
    });
    Negotiation::new(at(GATEWAY), asked, SECOND)
}

fn sendings(negotiation: &mut Negotiation, now: Duration) -> Vec<u8> {
    std::iter::from_fn(|| negotiation.poll_transmit(now))
        .map(|datagram| datagram[0])
        .collect()
}

const EIGHT_OCTETS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 5];

const OF_ANOTHER_VERSION: [u8; 8] = [1, 128, 0, 1, 0, 0, 0, 5];

#[test]
fn silence_brings_in_the_next_protocol_beside_the_first() {
    let mut negotiation = negotiation();
    let mut sent = Vec::new();
    let mut now = Duration::ZERO;
    while negotiation.poll_outcome(now).is_none() {
        sent.extend(
            sendings(&mut negotiation, now)
                .into_iter()
                .map(|version| (now.as_millis(), version)),
        );
        now = negotiation.poll_timeout();
    }
    assert_eq!(sent, [(0, 2), (250, 2), (250, 0), (500, 0), (750, 2)]);
    assert_eq!(negotiation.poll_outcome(now), Some(Err(Failed::Silence)));
}

#[test]
fn a_refusal_of_the_version_brings_it_in_at_once_and_is_no_answer_to_it() {
    let mut negotiation = negotiation();
    assert_eq!(sendings(&mut negotiation, Duration::ZERO), [2]);
    negotiation.handle_datagram(at(GATEWAY), &EIGHT_OCTETS, millis(3));
    assert_eq!(negotiation.poll_outcome(millis(3)), None);
    assert_eq!(negotiation.poll_timeout(), millis(3));
    assert_eq!(sendings(&mut negotiation, millis(3)), [0]);
    let address = nat_pmp::Answer {
        epoch: 5,
        outcome: Ok(Mapped::ExternalAddress([11, 11, 11, 1].into())),
    };
    negotiation.handle_datagram(at(GATEWAY), &nat_pmp::answer(&[0, 0], &address), millis(6));
    let (carrier, answer) = negotiation.poll_outcome(millis(6)).unwrap().unwrap();
    assert_eq!((carrier, answer.epoch), (Carrier::NatPmp, Some(5)));
}

#[test]
fn a_protocol_that_is_spoken_is_not_refused_by_an_answer_to_the_other() {
    // NAT-PMP, which answers twice that it does not speak PCP.
    let mut negotiation = negotiation();
    sendings(&mut negotiation, Duration::ZERO);
    assert_eq!(sendings(&mut negotiation, millis(250)), [2, 0]);
    negotiation.handle_datagram(at(GATEWAY), &EIGHT_OCTETS, millis(260));
    negotiation.handle_datagram(at(GATEWAY), &EIGHT_OCTETS, millis(261));
    assert_eq!(negotiation.poll_outcome(millis(261)), None);
    // PCP, which answers that it does not speak NAT-PMP.
    let mut negotiation = self::negotiation();
    sendings(&mut negotiation, Duration::ZERO);
    sendings(&mut negotiation, millis(250));
    let refused = PcpAnswer {
        epoch: 9,
        outcome: Err(pcp::ResultCode::UnsuppVersion.into()),
    };
    negotiation.handle_datagram(at(GATEWAY), &pcp::answer(&[0, 0], &refused), millis(260));
    assert_eq!(negotiation.poll_outcome(millis(261)), None);
    let look = Message::look(Carrier::Pcp, HERE.into()).unwrap().datagram();
    let here = PcpAnswer {
        epoch: 9,
        outcome: Ok(Assigned {
            lifetime: 0,
            external: None,
            port_set: None,
        }),
    };
    negotiation.handle_datagram(at(GATEWAY), &pcp::answer(&look, &here), millis(270));
    let (carrier, _) = negotiation.poll_outcome(millis(270)).unwrap().unwrap();
    assert_eq!(carrier, Carrier::Pcp);
}

#[test]
fn what_speaks_neither_is_known_as_such() {
    let mut negotiation = negotiation();
    sendings(&mut negotiation, Duration::ZERO);
    negotiation.handle_datagram(at(GATEWAY), &EIGHT_OCTETS, millis(3));
    sendings(&mut negotiation, millis(3));
    negotiation.handle_datagram(at(GATEWAY), &OF_ANOTHER_VERSION, millis(6));
    assert_eq!(negotiation.poll_outcome(millis(6)), Some(Err(Failed::NotSpoken)));
    let mut half = self::negotiation();
    sendings(&mut half, Duration::ZERO);
    half.handle_datagram(at(GATEWAY), &EIGHT_OCTETS, millis(3));
    assert_eq!(half.poll_outcome(millis(999)), None);
    assert_eq!(half.poll_outcome(SECOND), Some(Err(Failed::NotSpoken)));
}

#[test]
fn a_refusal_of_anything_else_shows_that_the_protocol_is_spoken() {
    let mut negotiation = negotiation();
    let request = negotiation.poll_transmit(Duration::ZERO).unwrap();
    let no = PcpAnswer {
        epoch: 9,
        outcome: Err(pcp::ResultCode::UnsuppOpcode.into()),
    };
    negotiation.handle_datagram(at(GATEWAY), &pcp::answer(&request, &no), millis(3));
    let (carrier, answer) = negotiation.poll_outcome(millis(3)).unwrap().unwrap();
    assert_eq!((carrier, answer.epoch), (Carrier::Pcp, Some(9)));
}

#[test]
fn a_stranger_decides_nothing() {
    let mut negotiation = negotiation();
    sendings(&mut negotiation, Duration::ZERO);
    negotiation.handle_datagram("192.168.77.66:5351".parse().unwrap(), &EIGHT_OCTETS, millis(3));
    assert_eq!(negotiation.poll_timeout(), millis(250));
}
