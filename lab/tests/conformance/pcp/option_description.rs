use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::pcp::{MAP, Map, Request, option, result};
use portreeve_lab::upnp::PortMapping;

use super::{client, refused};

#[test]
fn a_description_is_kept_and_shown_to_people() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let text = "Wohnzimmer – Kamera";
    let map = Map::new(Protocol::Tcp, bed.port());
    let request = Request::map(client.address(), &map, 600).option(option::DESCRIPTION, text.as_bytes());
    let answer = client.ask_pcp(&request);
    let port = answer.granted().external_port;
    assert_eq!(answer.options(MAP), [(option::DESCRIPTION, text.as_bytes().to_vec())]);
    let control_point = bed.client(1);
    let entry = control_point.specific(&PortMapping::new(&control_point, port));
    let entry = entry.expect("UPnP shows it");
    let shown = entry.get("NewPortMappingDescription");
    assert!(shown.contains("Wohnzimmer") && shown.contains("Kamera"), "{shown}");
}

#[test]
fn the_longest_description_is_taken() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    let request = Request::map(client.address(), &map, 600).option(option::DESCRIPTION, &[b'x'; 1016]);
    assert_eq!(request.bytes().len(), 1080);
    let answer = client.ask_pcp(&request);
    answer.granted();
    assert_eq!(answer.bytes()[MAP..], request.bytes()[MAP..]);
}

#[test]
fn what_is_no_text_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    for data in [&[0xff, 0xfe][..], &[b'x'; 1017]] {
        let request = Request::map(client.address(), &map, 600).option(option::DESCRIPTION, data);
        refused(&client, &request, result::MALFORMED_OPTION);
    }
}

#[test]
fn markup_and_controls_do_no_harm_where_it_is_shown() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    let request =
        Request::map(client.address(), &map, 600).option(option::DESCRIPTION, b"</p:x><!--\x00\x1b[31m&amp;\n]]>");
    let port = client.ask_pcp(&request).granted().external_port;
    let control_point = bed.client(1);
    let entry = control_point.specific(&PortMapping::new(&control_point, port));
    let shown = entry.expect("the answer is well-formed");
    let shown = shown.get("NewPortMappingDescription");
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}
