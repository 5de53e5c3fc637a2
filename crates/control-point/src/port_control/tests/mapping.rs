//! Making, renewing and removing mappings and pinholes.

use portreeve_wire::nat_pmp;
use portreeve_wire::pcp::{Refused, ResultCode};
use tokio::time::Instant;

use super::*;

const CARRIERS: [Carrier; 2] = [Carrier::Pcp, Carrier::NatPmp];

fn mappings(network: &Simulated) -> Vec<(String, u16, String)> {
    network.gateway().mappings()
}

#[tokio::test(start_paused = true)]
async fn a_mapping_is_made_renewed_and_removed() {
    for carrier in CARRIERS {
        let network = network(Speaks::Both);
        let server = find_by(&network, &[carrier]).await.unwrap();
        let ask = ask();
        let granted = server.map(&ask).await.unwrap();
        assert_eq!(
            (granted.external_port, granted.lease.as_secs()),
            (8080, 7200),
            "{carrier}"
        );
        assert_eq!(granted.epoch, Continuity::Continues);
        let told = (carrier == Carrier::Pcp).then(|| IpAddr::from([11, 11, 11, 1]));
        assert_eq!(granted.external_address, told, "{carrier}");
        tokio::time::sleep(Duration::from_secs(7000)).await;
        server.map(&ask).await.unwrap();
        tokio::time::sleep(Duration::from_secs(7000)).await;
        assert_eq!(
            mappings(&network),
            [("TCP".to_owned(), 8080, "192.168.77.2".to_owned())],
            "{carrier}"
        );
        server.unmap(&ask).await.unwrap();
        assert_eq!(mappings(&network), [], "{carrier}");
        server.unmap(&ask).await.unwrap();
        assert_eq!(server.era(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_taken_is_replaced_or_refused_as_wished() {
    for carrier in CARRIERS {
        let network = network(Speaks::Both);
        network.gateway().port_server.own_ports = Some(30_000);
        let server = find_by(&network, &[carrier]).await.unwrap();
        assert_eq!(server.map(&ask()).await.unwrap().external_port, 30_000, "{carrier}");
        let only = Ask {
            transport: Transport::UDP,
            external_port: ExternalPort::Only(port(8080)),
            ..ask()
        };
        let refused = refusal(server.map(&only).await);
        let expected = match carrier {
            Carrier::NatPmp => (0, "another port"),
            _ => (11, "CANNOT_PROVIDE_EXTERNAL"),
        };
        assert_eq!((refused.code, refused.name), expected);
        assert_eq!(mappings(&network).len(), 1, "what nobody wants is given back");
        let any = Ask {
            external_port: ExternalPort::Any,
            ..only
        };
        assert_eq!(server.map(&any).await.unwrap().external_port, 30_000, "{carrier}");
    }
}

#[tokio::test(start_paused = true)]
async fn leases_are_those_that_are_granted_within_reason() {
    for (carrier, longest, granted) in [
        (Carrier::Pcp, 600, 600),
        (Carrier::NatPmp, 600, 600),
        (Carrier::Pcp, u32::MAX, 86_400),
        (Carrier::NatPmp, u32::MAX, 604_800),
    ] {
        let network = network(Speaks::Both);
        network.gateway().port_server.longest = longest;
        let server = find_by(&network, &[carrier]).await.unwrap();
        let week = Ask {
            lease: Duration::from_secs(604_800),
            ..ask()
        };
        let lease = server.map(&week).await.unwrap().lease;
        assert_eq!(lease.as_secs(), granted, "{carrier} {longest}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_nonce_is_another_owner() {
    let network = network(Speaks::Pcp);
    let server = find(&network).await.unwrap();
    server.map(&ask()).await.unwrap();
    let refused = refusal(server.unmap(&ask()).await);
    assert_eq!((refused.carrier, refused.name), (Carrier::Pcp, "NOT_AUTHORIZED"));
    assert_eq!(mappings(&network).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_asked_for_again_before_its_time() {
    let network = network(Speaks::Pcp);
    let server = find(&network).await.unwrap();
    let refuse = |lifetime| {
        network.gateway().port_server.pcp_refuses = Some(Refused {
            code: ResultCode::UserExQuota,
            lifetime: Some(lifetime),
        });
    };
    let asked = || network.gateway().port_server.requests("MAP");
    let ask = ask();
    refuse(30);
    for _ in 0..5 {
        let refused = refusal(server.map(&ask).await);
        assert_eq!((refused.name, refused.lifetime.as_secs()), ("USER_EX_QUOTA", 30));
    }
    assert_eq!(asked(), 1);
    let other = Ask {
        internal_port: 8081,
        ..ask.clone()
    };
    refusal(server.map(&other).await);
    assert_eq!(asked(), 2, "another request is not the same");
    tokio::time::sleep(Duration::from_secs(31)).await;
    refuse(1_000_000);
    assert_eq!(refusal(server.map(&ask).await).lifetime.as_secs(), 1800);
    network.gateway().port_server.pcp_refuses = None;
    tokio::time::sleep(Duration::from_secs(1700)).await;
    refusal(server.map(&ask).await);
    tokio::time::sleep(Duration::from_secs(101)).await;
    server.map(&ask).await.unwrap();
    assert_eq!(asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_has_started_anew_is_asked_again() {
    let network = network(Speaks::Pcp);
    let server = find(&network).await.unwrap();
    network.gateway().port_server.pcp_refuses = Some(ResultCode::NotAuthorized.into());
    let ask = ask();
    tokio::time::sleep(Duration::from_secs(100)).await;
    refusal(server.map(&ask).await);
    network.gateway().port_server.pcp_refuses = None;
    refusal(server.map(&ask).await);
    network.gateway().port_server.begin_epoch();
    assert_eq!(server.look().await.unwrap().epoch, Continuity::Lost);
    server.map(&ask).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_result_code_is_told_as_it_is_named() {
    let network = network(Speaks::Both);
    let server = find(&network).await.unwrap();
    let spoken = |code: &&ResultCode| **code != ResultCode::UnsuppVersion;
    for &code in ResultCode::ALL.iter().filter(spoken) {
        network.gateway().port_server.pcp_refuses = Some(Refused {
            code,
            lifetime: Some(0),
        });
        let plain = Ask {
            description: String::new(),
            ..ask()
        };
        let refused = refusal(server.map(&plain).await);
        assert_eq!((refused.code, refused.name), (code.number().into(), code.name()));
    }
    let server = find_by(&network, &[Carrier::NatPmp]).await.unwrap();
    let spoken = |code: &nat_pmp::ResultCode| *code != nat_pmp::ResultCode::UnsupportedVersion;
    for code in nat_pmp::ResultCode::ALL.into_iter().filter(spoken) {
        network.gateway().port_server.nat_pmp_refuses = Some(code);
        let refused = refusal(server.map(&ask()).await);
        assert_eq!((refused.code, refused.name), (code.number(), code.name()));
        assert_eq!(refused.carrier, Carrier::NatPmp);
        assert_eq!(refused.lifetime, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn options_that_a_gateway_does_not_take_are_done_without() {
    let network = network(Speaks::Pcp);
    network.gateway().port_server.options = false;
    let server = find(&network).await.unwrap();
    let only = Ask {
        external_port: ExternalPort::Only(port(8080)),
        ..ask()
    };
    assert_eq!(server.map(&only).await.unwrap().external_port, 8080);
    let asked = || network.gateway().port_server.requests("MAP");
    assert_eq!(asked(), 3, "without the description, then without PREFER_FAILURE");
    server.map(&only).await.unwrap();
    assert_eq!(asked(), 4, "this is remembered");
    network.gateway().port_server.own_ports = Some(30_000);
    let other = Ask {
        internal_port: 8081,
        external_port: ExternalPort::Only(port(8081)),
        ..ask()
    };
    assert_eq!(refusal(server.map(&other).await).name, "another port");
    assert_eq!(mappings(&network).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_protocol_has_no_words_for_is_not_sent() {
    let network = network(Speaks::Both);
    let server = find_by(&network, &[Carrier::NatPmp]).await.unwrap();
    let all_ports = Ask {
        internal_port: 0,
        ..ask()
    };
    let sctp = Ask {
        transport: Transport::of(132),
        ..ask()
    };
    let for_one = Ask {
        remote: Some(([11, 11, 11, 11].into(), 0)),
        ..ask()
    };
    for ask in [&all_ports, &sctp, &for_one] {
        let result = server.map(ask).await;
        assert!(
            matches!(result, Err(Error::Conversation(Conversation::NotOffered(_)))),
            "{result:?}"
        );
    }
    assert_eq!(network.gateway().port_server.requests("map"), 0);
    let server = find(&network).await.unwrap();
    server.map(&for_one).await.unwrap();
    assert_eq!(refusal(server.map(&sctp).await).name, "UNSUPP_PROTOCOL");
    let port_of_all = Ask {
        transport: Transport::ALL,
        ..ask()
    };
    assert!(server.map(&port_of_all).await.is_err());
    assert_eq!(network.gateway().port_server.requests("MAP"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_external_address_is_known_by_either_protocol() {
    let network = network(Speaks::Both);
    let address = Some(IpAddr::from([11, 11, 11, 1]));
    let nat_pmp = find_by(&network, &[Carrier::NatPmp]).await.unwrap();
    assert_eq!(nat_pmp.external_address().await, Ok(address));
    assert_eq!(nat_pmp.look().await.unwrap().external_address, address);
    let pcp = find(&network).await.unwrap();
    assert_eq!(pcp.look().await.unwrap().external_address, None);
    assert_eq!(pcp.external_address().await, Ok(address));
    assert_eq!(mappings(&network), [], "the mapping that showed it is gone");
    assert_eq!(network.gateway().port_server.requests("MAP"), 2);
    assert_eq!(pcp.external_address().await, Ok(address));
    assert_eq!(
        network.gateway().port_server.requests("MAP"),
        2,
        "until the next epoch it stays"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_without_the_internet_has_no_external_address() {
    let network = network(Speaks::Both);
    let nat_pmp = find_by(&network, &[Carrier::NatPmp]).await.unwrap();
    let pcp = find(&network).await.unwrap();
    network.gateway().external_address = String::new();
    network.gateway().port_server.pcp_refuses = Some(ResultCode::NetworkFailure.into());
    assert_eq!(nat_pmp.external_address().await, Ok(None));
    assert_eq!(nat_pmp.look().await.unwrap().external_address, None);
    assert_eq!(pcp.external_address().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn pinholes_are_opened_and_closed() {
    let network = network(Speaks::Pcp).with_ipv6(&["2001:db8:77::2"]);
    let server = find_v6(&network, "2001:db8:77::2").await.unwrap();
    let ask = Ask {
        external_port: ExternalPort::Any,
        remote: Some(("2001:db8:113::9".parse().unwrap(), 443)),
        ..ask()
    };
    let granted = server.map(&ask).await.unwrap();
    assert_eq!(granted.external_port, 8080);
    assert_eq!(granted.external_address, Some("2001:db8:77::2".parse().unwrap()));
    let pinholes = || network.gateway().firewall.pinholes();
    assert_eq!(pinholes(), [(1, "2001:db8:77::2".to_owned())]);
    server.unmap(&ask).await.unwrap();
    assert_eq!(pinholes(), []);
    let everything = Ask {
        transport: Transport::ALL,
        internal_port: 0,
        remote: None,
        ..ask
    };
    assert_eq!(server.map(&everything).await.unwrap().external_port, 0);
}

#[tokio::test(start_paused = true)]
async fn requests_are_repeated_until_patience_ends() {
    let network = network(Speaks::Pcp);
    let server = find(&network).await.unwrap();
    network.gateway().port_server.loses = 4;
    server.map(&ask()).await.unwrap();
    network.gateway().port_server.speaks = Speaks::Silence;
    let start = Instant::now();
    let silent = server.map(&ask()).await;
    assert!(
        matches!(silent, Err(Error::Conversation(Conversation::Timeout { .. }))),
        "{silent:?}"
    );
    assert_eq!(start.elapsed().as_secs(), 5);
    network.gateway().port_server.speaks = Speaks::Nothing;
    let start = Instant::now();
    let gone = server.look().await;
    assert!(
        matches!(gone, Err(Error::Conversation(Conversation::Unreachable { .. }))),
        "{gone:?}"
    );
    assert!(start.elapsed() < Duration::from_millis(20));
}

#[tokio::test(start_paused = true)]
async fn nat_pmp_has_one_request_under_way() {
    let network = network(Speaks::NatPmp);
    let server = find(&network).await.unwrap();
    network.gateway().port_server.loses = 1;
    let (first, second) = (
        ask(),
        Ask {
            internal_port: 8081,
            external_port: ExternalPort::Any,
            ..ask()
        },
    );
    let (first, second) = tokio::join!(server.map(&first), server.map(&second));
    assert_eq!(
        (first.unwrap().external_port, second.unwrap().external_port),
        (8080, 8081)
    );
    assert_eq!(
        network.gateway().port_server.requests("map"),
        2,
        "only the first one was lost and repeated"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_exchanged_for_one_of_nat_pmp_says_so() {
    let network = network(Speaks::Pcp);
    let server = find(&network).await.unwrap();
    network.gateway().port_server.speaks = Speaks::NatPmp;
    assert_eq!(refusal(server.look().await).name, "UNSUPP_VERSION");
    assert_eq!(refusal(server.map(&ask()).await).name, "UNSUPP_VERSION");
    assert_eq!(find(&network).await.unwrap().carrier(), Carrier::NatPmp);
}
