//! RequestConnection, RequestTermination, ForceTermination: the link is not the public's to control.

use portreeve_lab::Bed;
use portreeve_lab::upnp::{ControlPoint, refused};

#[track_caller]
fn is_connected(client: &ControlPoint<'_>) {
    let answer = client.call("GetStatusInfo", &[]).expect("anybody may read the status");
    assert_eq!(
        answer.get("NewConnectionStatus"),
        "Connected",
        "nothing may have changed"
    );
}

#[test]
fn request_connection_is_refused_by_policy_or_finds_the_line_up() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    if let Err(fault) = client.call("RequestConnection", &[]) {
        assert_eq!(fault.code, 606, "{fault}");
    }
    is_connected(&client);
}

#[test]
fn request_termination_is_refused_by_policy_or_not_published() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let published = client.scpd("WANIPConnection:2").action("RequestTermination").is_some();
    let codes: &[u16] = if published { &[606] } else { &[401, 602] };
    refused(client.call("RequestTermination", &[]), codes);
    is_connected(&client);
}

#[test]
fn force_termination_is_refused_by_policy() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(client.call("ForceTermination", &[]), &[606]);
    is_connected(&client);
}

#[test]
fn force_termination_is_refused_by_policy_for_v1_too() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    refused(client.call_v1("ForceTermination", &[]), &[606]);
    is_connected(&client);
}
