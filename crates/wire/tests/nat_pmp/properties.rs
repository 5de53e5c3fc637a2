//! What holds for every request, response and datagram.

use std::net::Ipv4Addr;

use portreeve_wire::nat_pmp::client::{self, Body, Failure};
use portreeve_wire::nat_pmp::{self, Answer, Mapped, Received, Request, ResultCode, Transport};
use proptest::collection::vec;
use proptest::prelude::*;

fn request() -> impl Strategy<Value = Request> {
    let transport = prop_oneof![Just(Transport::Udp), Just(Transport::Tcp)];
    let map = (transport, any::<u16>(), any::<u16>(), any::<u32>());
    prop_oneof![
        1 => Just(Request::ExternalAddress),
        4 => map.prop_map(|(transport, internal_port, external_port, lifetime)| Request::Map {
            transport,
            internal_port,
            external_port,
            lifetime,
        }),
    ]
}

fn failure() -> impl Strategy<Value = Option<ResultCode>> {
    // What is unsupported is another answer.
    prop_oneof![Just(None), (1..4_usize).prop_map(|index| Some(ResultCode::ALL[index])),]
}

proptest! {
    #[test]
    fn what_a_client_writes_a_server_reads(request in request()) {
        prop_assert_eq!(nat_pmp::receive(&client::request(request)), Received::Request(request));
    }

    #[test]
    fn what_a_server_writes_a_client_reads(
        request in request(),
        failure in failure(),
        epoch in any::<u32>(),
        address in any::<Ipv4Addr>(),
        external_port in any::<u16>(),
        lifetime in any::<u32>(),
    ) {
        let (granted, body) = match request {
            Request::ExternalAddress => {
                let address = if failure.is_some() { Ipv4Addr::UNSPECIFIED } else { address };
                (Mapped::ExternalAddress(address), Body::ExternalAddress(address))
            }
            Request::Map { transport, internal_port, .. } => {
                let (external_port, lifetime) = if failure.is_some() { (0, 0) } else { (external_port, lifetime) };
                let body = Body::Map { transport, internal_port, external_port, lifetime };
                (Mapped::Port { external_port, lifetime }, body)
            }
        };
        let answer = Answer { epoch, outcome: failure.map_or(Ok(granted), Err) };
        let response = client::read(&nat_pmp::answer(&client::request(request), &answer)).expect("a response");
        prop_assert!(response.answers(&request));
        prop_assert_eq!(response.result, failure.map_or(Ok(()), |code| Err(Failure::Standard(code))));
        prop_assert_eq!((response.epoch, response.body), (Some(epoch), body));
    }

    /// An answer is as long as the request or has 16 octets at most, and nobody answers it in turn.
    #[test]
    fn nothing_makes_more_of_a_datagram_than_it_is(
        version in prop_oneof![4 => Just(0_u8), 1 => any::<u8>()],
        opcode in prop_oneof![4 => 0..4_u8, 1 => any::<u8>()],
        rest in vec(any::<u8>(), 0..20),
        failure in failure(),
    ) {
        let bytes = [vec![version, opcode], rest].concat();
        let granted = Mapped::ExternalAddress(Ipv4Addr::LOCALHOST);
        let answer = Answer { epoch: 1, outcome: failure.map_or(Ok(granted), Err) };
        let received = nat_pmp::receive(&bytes);
        let written = nat_pmp::answer(&bytes, &answer);
        match received {
            Received::Ignore => prop_assert!(written.is_empty()),
            Received::Unsupported(what) => {
                prop_assert_eq!(&written, &nat_pmp::unsupported(&bytes, what, 1));
                prop_assert!(written.len() <= bytes.len().max(8));
                prop_assert!(client::read(&written).expect("a response").result.is_err());
            }
            Received::Request(request) => {
                prop_assert!(written.len() <= 16);
                prop_assert!(client::read(&written).expect("a response").answers(&request));
                prop_assert_eq!(nat_pmp::receive(&written), Received::Ignore);
            }
        }
    }

    #[test]
    fn any_octets_can_be_read(bytes in vec(any::<u8>(), 0..24)) {
        if let Ok(response) = client::read(&bytes) {
            prop_assert!(response.result.is_err() || response.epoch.is_some());
        }
    }
}
