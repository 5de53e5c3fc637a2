//! WANPPPConnection:1 is another view of the one link: it drives it, and tells of it in that service's own words.

use portreeve_engine::DriverReport;
use portreeve_engine::link::ConnectionStatus::*;
use portreeve_engine::link::LastConnectionError as Error;
use portreeve_wire::service::{Allowed, WAN_PPP_CONNECTION};
use portreeve_wire::{Offer, Value};

use super::world::controlled;
use crate::gateway::{ALICE, Gateway, Outputs};

fn gateway() -> Gateway {
    let mut config = controlled();
    config.offer = Offer::EVERYTHING;
    Gateway::new(config)
}

fn ppp(gateway: &mut Gateway, action: &str) -> Result<Outputs, u16> {
    gateway
        .call_service(&WAN_PPP_CONNECTION, ALICE, 1, action, &[])
        .map_err(|fault| fault.code.number())
}

#[test]
fn it_drives_the_one_link() {
    use portreeve_engine::LinkCommand::{Connect, Disconnect};
    let mut gateway = gateway();
    ppp(&mut gateway, "RequestConnection").unwrap();
    assert_eq!((gateway.path(), gateway.commands()), (vec![Connecting], vec![Connect]));
    assert_eq!(
        gateway.action("RequestConnection"),
        Err(705),
        "both views are of one link"
    );
    gateway.driver(DriverReport::Connected);
    assert_eq!(gateway.path(), [Connected]);
    ppp(&mut gateway, "ForceTermination").unwrap();
    assert_eq!(
        (gateway.path(), gateway.commands()),
        (vec![Disconnecting], vec![Disconnect])
    );
    assert_eq!(ppp(&mut gateway, "ForceTermination").map(drop), Err(707));
    gateway.driver(DriverReport::Disconnected(None));
    assert_eq!(gateway.error(), Error::ForcedDisconnect);
    let info = gateway.call(ALICE, 2, "GetStatusInfo", &[]).unwrap();
    assert_eq!(ppp(&mut gateway, "GetStatusInfo"), Ok(info));
}

#[test]
fn a_refused_login_has_this_service_s_own_name() {
    let mut gateway = gateway();
    ppp(&mut gateway, "RequestConnection").unwrap();
    gateway.driver(DriverReport::Failed(Error::Authentication));
    let told = ppp(&mut gateway, "GetStatusInfo").unwrap()["NewLastConnectionError"].clone();
    assert_eq!(told, Value::from("ERROR_AUTHENTICATION_FAILURE"));
    let told = gateway.call(ALICE, 2, "GetStatusInfo", &[]).unwrap()["NewLastConnectionError"].clone();
    assert_eq!(told, Value::from("ERROR_AUTHENTICATION"));
}

#[test]
fn every_cause_is_one_that_its_description_lists() {
    let Allowed::Values(listed) = WAN_PPP_CONNECTION.variable("LastConnectionError").unwrap().allowed else {
        panic!("it has a list");
    };
    for error in Error::ALL.iter().filter(|error| **error != Error::None) {
        let mut gateway = gateway();
        gateway.bring_into(Connecting);
        gateway.driver(DriverReport::Failed(*error));
        let told = ppp(&mut gateway, "GetStatusInfo").unwrap()["NewLastConnectionError"].to_string();
        assert!(listed.contains(&told.as_str()), "{told}");
    }
}
