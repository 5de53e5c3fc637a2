//! A datagram is understood or dropped; what answers it is understood in turn and names what was searched for.

use portreeve_wire::description::{Description, Identity};
use portreeve_wire::ssdp::{self, Announcer, Message, Received, SearchTarget};
use portreeve_wire::{Quirk, Quirks, Uuid, View};

pub(crate) fn check(data: &[u8]) {
    let quirks = Quirk::ALL.iter().fold(Quirks::NONE, |all, quirk| all.with(*quirk));
    let _ = ssdp::parse(data, Quirks::NONE);
    let Ok(Message::Search(search)) = ssdp::parse(data, quirks) else {
        return;
    };
    let identity = Identity {
        uuid: Uuid::from_u128(1),
        friendly_name: "portreeve".to_owned(),
        model_number: "0".to_owned(),
        serial_number: None,
    };
    let announcer = Announcer {
        server: "s",
        boot_id: 1,
        config_id: 1,
    };
    let root = Description::of(&identity, View::Igd2, 1).device;
    for answer in ssdp::answers(&root, View::Igd2, &search.target, &search.st, quirks) {
        let datagram = announcer.response("http://192.168.77.1:5000/", "now", &answer);
        let Ok(Message::Response(response)) = ssdp::parse(datagram.as_bytes(), Quirks::NONE) else {
            panic!("our answer is not understood: {datagram:?}");
        };
        assert_eq!((response.st, response.usn), (Some(answer.st.clone()), Some(answer.usn)));
        assert!(search.target == SearchTarget::All || answer.st == search.st);
    }
    for received in [Received::Multicast, Received::Unicast] {
        if let Some(window) = ssdp::window(&search, received, quirks) {
            assert!(window.as_secs() < 5);
        }
    }
}
