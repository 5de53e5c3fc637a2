//! The same through the blocking wrapper.

use std::time::Duration;

use portreeve::{Change, Protocol, State, blocking, discover};
use portreeve_testkit::ScriptedGateway;

use super::version_2;

fn found(scripted: &ScriptedGateway) -> blocking::Gateway {
    blocking::find(discover().gateway(scripted.address()).without_cache()).unwrap()
}

#[test]
fn a_mapping_is_made_listed_renewed_and_removed() {
    let scripted = version_2().start_on_loopback();
    let gateway = found(&scripted);
    assert!(gateway.status().unwrap().usable().is_ok());
    let mut mapping = gateway.map(Protocol::Tcp, 8080).prefer(9000).once().unwrap();
    assert_eq!(mapping.info().external_port(), 9000);
    assert_eq!(gateway.mappings().unwrap().entries.len(), 1);
    mapping.renew().unwrap();
    let address = gateway.call("WANIPConnection", "GetExternalIPAddress", &[]).unwrap();
    assert_eq!(address[0].1, "11.11.11.2");
    mapping.remove().unwrap();
    assert!(scripted.mappings().is_empty());
    assert_eq!(gateway.unmap(Protocol::Tcp, 9000), Ok(false));
    assert_eq!(gateway.unmap_range(Protocol::Tcp, 1..=65535), Ok(0));
}

#[test]
fn a_mapping_is_kept_in_the_background_and_removed_when_dropped() {
    let scripted = version_2().start_on_loopback();
    let gateway = found(&scripted);
    let mut kept = gateway
        .map(Protocol::Tcp, 8080)
        .lease(Duration::from_secs(2))
        .keep()
        .unwrap();
    // The gateway handle is not needed for it.
    drop(gateway);
    assert!(matches!(
        kept.next_change(Duration::from_secs(5)),
        Some(Change::Renewed { .. })
    ));
    assert_eq!(kept.state(), State::InForce);
    assert_eq!(kept.external().port, 8080);
    drop(kept);
    assert!(scripted.mappings().is_empty());
}
