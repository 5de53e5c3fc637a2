//! SetConnectionType.

use portreeve_lab::Bed;
use portreeve_lab::upnp::refused;

#[test]
fn the_public_cannot_change_it() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    // Not authorised, connected, or read-only: all three hold.
    refused(
        client.call("SetConnectionType", &[("NewConnectionType", "IP_Bridged")]),
        &[606, 703, 731],
    );
    let answer = client
        .call("GetConnectionTypeInfo", &[])
        .expect("anybody may read the type");
    assert_eq!(answer.get("NewConnectionType"), "IP_Routed");
}

#[test]
fn a_type_outside_the_list_is_out_of_range() {
    let Some(bed) = Bed::shared() else { return };
    refused(
        bed.client(1)
            .call("SetConnectionType", &[("NewConnectionType", "Carrier_Pigeon")]),
        &[601],
    );
}

#[test]
fn without_its_argument_it_is_invalid() {
    let Some(bed) = Bed::shared() else { return };
    refused(bed.client(1).call("SetConnectionType", &[]), &[402]);
}
