//! Actions 6 to 8 and 10 to 12, all optional: AutoDisconnectTime, IdleDisconnectTime, WarnDisconnectDelay.

use portreeve_lab::Bed;
use portreeve_lab::upnp::refused;

/// An action that the SCPD does not publish is invalid; one that it does publish answers.
fn read(variable: &str) {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let action = format!("Get{variable}");
    if client.scpd("WANIPConnection:2").action(&action).is_some() {
        let answer = client.call(&action, &[]).expect("anybody may read it");
        answer.number(&format!("New{variable}"));
    } else {
        refused(client.call(&action, &[]), &[401, 602]);
    }
}

/// The link is not the caller's: a published action is refused by policy.
fn write(variable: &str) {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let action = format!("Set{variable}");
    let published = client.scpd("WANIPConnection:2").action(&action).is_some();
    let codes: &[u16] = if published { &[606] } else { &[401, 602] };
    refused(client.call(&action, &[(&format!("New{variable}"), "60")]), codes);
}

#[test]
fn auto_disconnect_time_is_readable_if_published() {
    read("AutoDisconnectTime");
}

#[test]
fn idle_disconnect_time_is_readable_if_published() {
    read("IdleDisconnectTime");
}

#[test]
fn warn_disconnect_delay_is_readable_if_published() {
    read("WarnDisconnectDelay");
}

#[test]
fn auto_disconnect_time_is_not_for_the_public_to_set() {
    write("AutoDisconnectTime");
}

#[test]
fn idle_disconnect_time_is_not_for_the_public_to_set() {
    write("IdleDisconnectTime");
}

#[test]
fn warn_disconnect_delay_is_not_for_the_public_to_set() {
    write("WarnDisconnectDelay");
}
