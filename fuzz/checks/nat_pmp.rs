//! NAT-PMP from both sides: a datagram as a server gets it and as a client does. Answers are no more than what was asked
//! for justifies and are understood; what was understood can be said again.

use std::net::Ipv4Addr;

use portreeve_wire::nat_pmp::client::{self, Body, Failure};
use portreeve_wire::nat_pmp::{self, Answer, Mapped, Received, Request, ResultCode, Unsupported};

pub(crate) fn check(data: &[u8]) {
    check_server(data);
    check_client(data);
}

fn check_server(data: &[u8]) {
    let request = match nat_pmp::receive(data) {
        Received::Ignore => return,
        Received::Unsupported(what) => {
            let answer = nat_pmp::unsupported(data, what, 1);
            let (length, code) = match what {
                Unsupported::Version => (8, ResultCode::UnsupportedVersion),
                Unsupported::Opcode => (data.len().max(4), ResultCode::UnsupportedOpcode),
            };
            assert_eq!(answer.len(), length);
            let response = client::read(&answer).expect("our answer is understood");
            assert_eq!(response.result, Err(Failure::Standard(code)));
            return;
        }
        Received::Request(request) => request,
    };
    let again = client::request(request);
    assert!(again.len() <= data.len());
    assert_eq!(nat_pmp::receive(&again), Received::Request(request));
    let granted = match request {
        Request::ExternalAddress => Mapped::ExternalAddress(Ipv4Addr::new(11, 11, 11, 1)),
        Request::Map { .. } => Mapped::Port {
            external_port: 40_000,
            lifetime: 7200,
        },
    };
    for outcome in [Ok(granted), Err(ResultCode::OutOfResources)] {
        let answer = nat_pmp::answer(data, &Answer { epoch: 1, outcome });
        assert!(answer.len() <= 16);
        assert_eq!(nat_pmp::receive(&answer), Received::Ignore);
        let response = client::read(&answer).expect("our answer is understood");
        assert!(response.answers(&request));
        assert_eq!(response.result.is_ok(), outcome.is_ok());
    }
}

fn check_client(data: &[u8]) {
    let Ok(response) = client::read(data) else {
        return;
    };
    let (request, granted) = match response.body {
        Body::ExternalAddress(address) => (Request::ExternalAddress, Mapped::ExternalAddress(address)),
        Body::Map {
            transport,
            internal_port,
            external_port,
            lifetime,
        } => {
            let request = Request::Map {
                transport,
                internal_port,
                external_port: 0,
                lifetime: 7200,
            };
            let granted = Mapped::Port {
                external_port,
                lifetime,
            };
            (request, granted)
        }
        // It says nothing about the request.
        _ => return assert!(response.result.is_err()),
    };
    assert!(response.answers(&request));
    let epoch = response.epoch.expect("what is about a request has one");
    if response.result.is_ok() {
        // A server that grants the same says the same.
        let answer = Answer {
            epoch,
            outcome: Ok(granted),
        };
        let again = nat_pmp::answer(&client::request(request), &answer);
        assert_eq!(client::read(&again), Ok(response));
    }
}
