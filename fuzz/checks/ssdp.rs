//! A datagram is understood or dropped; what answers it is understood in turn and names what was searched for; what it
//! says of others can be said again.

use portreeve_wire::description::{Description, Identity};
use portreeve_wire::ssdp::{
    self, Advertisement, Announcer, Answer, Group, Message, Notify, Received, Response, Search,
};
use portreeve_wire::ssdp::{Notification, SearchTarget};
use portreeve_wire::{Offer, Quirk, Quirks, Url, Uuid, View};

const ANNOUNCER: Announcer<'static> = Announcer {
    server: "s",
    boot_id: 1,
    config_id: 1,
};

pub(crate) fn check(data: &[u8]) {
    let quirks = Quirk::ALL.iter().fold(Quirks::NONE, |all, quirk| all.with(*quirk));
    let strict = ssdp::parse(data, Quirks::NONE);
    match ssdp::parse(data, quirks) {
        Ok(Message::Search(search)) => check_search(&search, quirks),
        // Quirks are about clients.
        Ok(Message::Notify(notify)) => {
            check_notify(&notify);
            assert_eq!(strict, Ok(Message::Notify(notify)));
        }
        Ok(Message::Response(response)) => {
            check_response(&response);
            assert_eq!(strict, Ok(Message::Response(response)));
        }
        Err(_) => assert!(strict.is_err()),
    }
}

fn check_search(search: &Search, quirks: Quirks) {
    let identity = Identity {
        uuid: Uuid::from_u128(1),
        friendly_name: "portreeve".to_owned(),
        model_number: "0".to_owned(),
        serial_number: None,
    };
    let root = Description::of(&identity, Offer::EVERYTHING, View::Igd2, 1).device;
    for answer in ssdp::answers(&root, View::Igd2, &search.target, &search.st, quirks) {
        let datagram = ANNOUNCER.response("http://192.168.77.1:5000/", "now", &answer);
        let Ok(Message::Response(response)) = ssdp::parse(datagram.as_bytes(), Quirks::NONE) else {
            panic!("our answer is not understood: {datagram:?}");
        };
        assert_eq!((response.st, response.usn), (Some(answer.st.clone()), Some(answer.usn)));
        assert!(search.target == SearchTarget::All || answer.st == search.st);
    }
    for received in [Received::Multicast, Received::Unicast] {
        if let Some(window) = ssdp::window(search, received, quirks) {
            assert!(window.as_secs() < 5);
        }
    }
}

fn check_response(response: &Response) {
    if let Ok(location) = Url::parse(&response.location) {
        assert_eq!(Url::parse(&location.to_string()), Ok(location));
    }
    let (Some(st), Some(usn)) = (response.st.clone(), response.usn.clone()) else {
        return;
    };
    let what = Answer {
        st,
        usn,
        view: View::Igd1,
    };
    let datagram = ANNOUNCER.response(&response.location, "now", &what);
    let expected = Response {
        max_age: Some(1800),
        server: Some("s".to_owned()),
        boot_id: Some(1),
        config_id: Some(1),
        ..response.clone()
    };
    assert_eq!(
        ssdp::parse(datagram.as_bytes(), Quirks::NONE),
        Ok(Message::Response(expected))
    );
}

fn check_notify(notify: &Notify) {
    if let Some(Ok(location)) = notify.location.as_deref().map(Url::parse) {
        assert_eq!(Url::parse(&location.to_string()), Ok(location));
    }
    let (Some(usn), Notification::Byebye) = (notify.usn.clone(), notify.kind) else {
        return;
    };
    let what = Advertisement {
        nt: notify.nt.clone(),
        usn,
    };
    let datagram = ANNOUNCER.byebye(Group::Ipv4, &what);
    let Ok(Message::Notify(again)) = ssdp::parse(datagram.as_bytes(), Quirks::NONE) else {
        panic!("our byebye is not understood: {datagram:?}");
    };
    assert_eq!((again.nt, again.usn), (what.nt, Some(what.usn)));
}
