use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_open};
use portreeve_lab::port_control::pcp::{Map, Request, result};
use portreeve_lab::subject::Settings;

use super::{client, end, granted};

#[test]
fn the_nonce_comes_back() {
    let Some(bed) = Bed::shared() else { return };
    let map = Map::new(Protocol::Tcp, bed.port());
    assert_eq!(granted(&client(&bed, 1), &map, 600).0.nonce, map.nonce);
}

#[test]
fn another_nonce_does_not_end_a_mapping() {
    let Some(bed) = Bed::shared() else { return };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let map = Map::new(Protocol::Tcp, echo.port());
    let (assigned, lifetime) = granted(&client, &map, 600);
    let answer = end(&client, &map.with_another_nonce());
    assert_eq!(answer.result(), result::NOT_AUTHORIZED);
    // It holds as long as the mapping does.
    assert!(
        (lifetime - 5..=lifetime).contains(&answer.lifetime()),
        "{:02x?}",
        answer.bytes()
    );
    is_open(&bed, Protocol::Tcp, assigned.external_port);
    assert_eq!(end(&client, &map).result(), result::SUCCESS);
}

/// The rule of the standard; to be lenient here is a quirk, on by default, for clients that make one for each request.
#[test]
fn another_nonce_does_not_renew_a_mapping_where_the_rule_is_kept() {
    let settings = Settings {
        overrides: vec![String::from("quirks.pcp-fresh-nonce=false")],
        ..Settings::default()
    };
    let Some(bed) = Bed::own(&settings) else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, 7000);
    let (assigned, lifetime) = granted(&client, &map, 600);
    let stranger = Request::map(client.address(), &map.with_another_nonce(), 3600);
    let answer = client.ask_pcp(&stranger);
    assert_eq!(answer.result(), result::NOT_AUTHORIZED);
    assert!(
        (lifetime - 5..=lifetime).contains(&answer.lifetime()),
        "{:02x?}",
        answer.bytes()
    );
    assert_eq!(granted(&client, &map, 600).0, assigned);
}

#[test]
fn the_nonce_of_another_host_is_worth_nothing() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second, echo) = (client(&bed, 1), client(&bed, 2), Protocol::Tcp.echo(&bed));
    let map = Map::new(Protocol::Tcp, echo.port());
    let (assigned, _) = granted(&first, &map, 600);
    // The same nonce and the same port, but another host: nothing of it exists, so nothing is deleted.
    end(&second, &map);
    is_open(&bed, Protocol::Tcp, assigned.external_port);
    let (others, _) = granted(&second, &map, 600);
    assert_ne!(others.external_port, assigned.external_port);
}
