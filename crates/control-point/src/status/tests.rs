use super::read::read_address;
use super::*;

fn status(connection_status: &str, address: &str) -> Status {
    let (external_address, address_kind) = read_address(address);
    Status {
        connection_status: ConnectionStatus::parse(connection_status),
        last_connection_error: "ERROR_NO_CARRIER".to_owned(),
        uptime: None,
        external_address,
        external_address_text: Some(address.to_owned()),
        address_kind,
        nat_enabled: Some(true),
        link: None,
        port_mapping_entries: None,
        capacity: None,
        external_ipv6: None,
        firewall: None,
    }
}

#[test]
fn a_connection_that_is_up_and_public_is_usable() {
    for words in ["Connected", "Up", "PendingDisconnect", "", "Dialing"] {
        assert_eq!(status(words, "11.11.11.1").usable(), Ok(()), "{words}");
    }
}

#[test]
fn what_stands_in_the_way_is_named_the_nearest_first() {
    let not_connected = Unusable::NotConnected {
        status: "Disconnected".to_owned(),
        last_error: "ERROR_NO_CARRIER".to_owned(),
    };
    assert_eq!(status("Disconnected", "").usable(), Err(not_connected));
    let mut off = status("Connected", "10.0.0.1");
    off.nat_enabled = Some(false);
    assert_eq!(off.usable(), Err(Unusable::NatOff));
    let private = "10.0.0.1".parse().unwrap();
    assert_eq!(
        status("Connected", " 10.0.0.1 ").usable(),
        Err(Unusable::DoubleNat(private))
    );
    let shared = "100.64.1.1".parse().unwrap();
    assert_eq!(
        status("Connected", "100.64.1.1").usable(),
        Err(Unusable::CarrierGradeNat(shared))
    );
    for text in ["", "0.0.0.0", "169.254.1.1", "(null)"] {
        assert_eq!(
            status("Connected", text).usable(),
            Err(Unusable::NoExternalAddress(text.to_owned()))
        );
    }
}

#[test]
fn what_is_not_told_does_not_stand_in_the_way() {
    let mut silent = status("", "");
    silent.external_address_text = None;
    silent.nat_enabled = None;
    assert_eq!(silent.usable(), Ok(()));
}
