use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::port_control::nat_pmp;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::PortMapping;

use super::{client, granted, map};

#[test]
fn a_lifetime_of_0_ends_the_mapping() {
    let Some(bed) = Bed::shared() else { return };
    let (echo, client) = (Protocol::Tcp.echo(&bed), client(&bed, 1));
    let external = granted(&client, Protocol::Tcp, echo.port(), bed.port(), 600);
    is_open(&bed, Protocol::Tcp, external);
    let [i, j] = echo.port().to_be_bytes();
    let answer = client.ask(&[0, 2, 0, 0, i, j, 0, 0, 0, 0, 0, 0]);
    let expected = [0, 130, 0, 0, 0, 0, 0, 0, i, j, 0, 0, 0, 0, 0, 0];
    assert_eq!(nat_pmp::without_epoch(answer), expected);
    is_closed(&bed, Protocol::Tcp, external);
}

#[test]
fn the_suggested_port_of_a_deletion_is_not_looked_at() {
    let Some(bed) = Bed::shared() else { return };
    let (internal, other, client) = (bed.port(), bed.port(), client(&bed, 1));
    granted(&client, Protocol::Udp, internal, 0, 600);
    let kept = granted(&client, Protocol::Udp, other, 0, 600);
    let mapped = map(&client, Protocol::Udp, internal, kept, 0);
    assert_eq!((mapped.result, mapped.external_port, mapped.lifetime), (0, 0, 0));
    assert_eq!(granted(&client, Protocol::Udp, other, 0, 600), kept);
}

#[test]
fn what_was_never_there_is_deleted_with_success() {
    let Some(bed) = Bed::shared() else { return };
    let internal = bed.port();
    let mapped = map(&client(&bed, 1), Protocol::Udp, internal, 0, 0);
    assert_eq!((mapped.result, mapped.internal_port), (0, internal));
    assert_eq!((mapped.external_port, mapped.lifetime), (0, 0));
}

#[test]
fn nobody_deletes_the_mappings_of_another_host() {
    let Some(bed) = Bed::shared() else { return };
    let echo = Protocol::Tcp.echo(&bed);
    let external = granted(&client(&bed, 1), Protocol::Tcp, echo.port(), 0, 600);
    assert_eq!(map(&client(&bed, 2), Protocol::Tcp, echo.port(), 0, 0).result, 0);
    is_open(&bed, Protocol::Tcp, external);
}

#[test]
fn internal_port_0_deletes_all_mappings_of_the_host_for_that_transport() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (client(&bed, 1), client(&bed, 2));
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    let echoes = [tcp.echo(&bed), tcp.echo(&bed), udp.echo(&bed)];
    let [one, two, three] = [(tcp, &echoes[0]), (tcp, &echoes[1]), (udp, &echoes[2])]
        .map(|(protocol, echo)| granted(&first, protocol, echo.port(), 0, 600));
    let others = granted(&second, tcp, 7000, 9000, 600);
    let answer = first.ask(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let expected = [0, 130, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(nat_pmp::without_epoch(answer), expected);
    is_closed(&bed, tcp, one);
    is_closed(&bed, tcp, two);
    is_open(&bed, udp, three);
    assert_eq!(granted(&second, tcp, 7000, 0, 600), others, "it is the other host's");
}

#[test]
fn deleting_all_leaves_what_upnp_made() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (echo, control_point) = (Protocol::Tcp.echo(&bed), bed.client(1));
    let mapping = PortMapping::new(&control_point, 9000).to_port(echo.port());
    control_point.add(&mapping).expect("an own mapping");
    map(&client(&bed, 1), Protocol::Tcp, 0, 0, 0);
    is_open(&bed, Protocol::Tcp, 9000);
}
