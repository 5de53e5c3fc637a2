use super::*;
use crate::error::NoGateway;
use crate::events::NoEvents;

const INTERVAL: Duration = Duration::from_secs(5);

fn property(name: &str, value: &str) -> Property {
    Property {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn address(text: &str) -> Vec<Property> {
    vec![property("ExternalIPAddress", text)]
}

fn seen(text: &str, uptime: u32) -> Result<Seen, Error> {
    Ok(Seen {
        properties: address(text),
        uptime: Some(uptime),
        untold: Vec::new(),
    })
}

fn silence() -> Error {
    crate::error::Conversation::Timeout {
        address: "gateway".to_owned(),
        waited: Duration::from_secs(3),
    }
    .into()
}

/// A connection, the line below it, and something that cannot be asked.
fn watching() -> Watching {
    let service = |name: &str| Service {
        service_type: format!("urn:schemas-upnp-org:service:{name}:1").into(),
        service_id: name.into(),
    };
    let services = vec![
        (service("WANIPConnection"), Ability::Pulse),
        (service("WANCommonInterfaceConfig"), Ability::Asked),
        (service("X_Lamp"), Ability::Mute),
    ];
    Watching::new(services, INTERVAL)
}

/// One that is told everything by events, and has been told the address.
fn by_events(now: Instant) -> Watching {
    let mut watching = watching();
    for position in 0..3 {
        watching.learns_by(position, Means::Events, now);
    }
    watching.told(0, address("11.11.11.1"), now);
    watching.news();
    watching
}

/// What has been told of values, and how it was learnt.
fn changes(watching: &mut Watching) -> Vec<(String, Learnt)> {
    let news = watching.news();
    news.filter_map(|news| match news {
        News::Change(change) => Some((change.variable.value(), change.learnt)),
        _ => None,
    })
    .collect()
}

#[test]
fn nothing_is_asked_before_it_is_known_that_events_do_not_come() {
    let now = Instant::now();
    let mut watching = watching();
    assert_eq!((watching.order(now), watching.wake_at()), (None, None));
    watching.learns_by(0, Means::Polling(NoEvents::NothingArrives), now);
    assert_eq!(watching.order(now), Some(Order::Poll(0, Depth::All)));
    assert_eq!(watching.order(now), None);
    assert_eq!(watching.wake_at(), Some(now + INTERVAL));
    watching.learns_by(0, Means::Events, now);
    assert_eq!(watching.wake_at(), Some(now + PULSE));
    assert_eq!(watching.order(now + PULSE), Some(Order::Poll(0, Depth::Pulse)));
}

#[test]
fn what_cannot_be_asked_is_not_said_to_be() {
    let now = Instant::now();
    let mut watching = watching();
    watching.learns_by(2, Means::Polling(NoEvents::NotOffered), now);
    assert_eq!((watching.order(now), watching.wake_at()), (None, None));
    let told: Vec<News> = watching.news().collect();
    let means = Means::Nothing(NoEvents::NotOffered);
    assert!(
        matches!(&told[..], [News::Means { means: it, .. }] if *it == means),
        "{told:?}"
    );
}

#[test]
fn a_value_is_told_once_however_it_was_learnt() {
    let now = Instant::now();
    let mut watching = by_events(now);
    watching.told(0, address("11.11.11.1"), now);
    assert_eq!(watching.polled(0, seen(" 11.11.11.1", 7), now), Verdict::AsTold);
    assert_eq!(changes(&mut watching), []);
    watching.told(0, address("11.11.11.2"), now);
    assert_eq!(changes(&mut watching), [("11.11.11.2".to_owned(), Learnt::Event)]);
}

#[test]
fn r84_an_address_that_is_none_leads_to_a_question() {
    let now = Instant::now();
    let mut watching = by_events(now);
    watching.told(0, address("(null)"), now);
    assert_eq!(changes(&mut watching), []);
    assert_eq!(watching.order(now + MOMENT), Some(Order::Poll(0, Depth::Pulse)));
    watching.told(2, vec![property("ConnectionStatus", "")], now);
    assert_eq!(watching.order(now + MOMENT), None, "it cannot be asked");
}

#[test]
fn what_was_seen_and_not_told_counts_once_a_message_can_not_be_under_way() {
    let now = Instant::now();
    let mut watching = by_events(now);
    watching.order(now + PULSE);
    let now = now + PULSE;
    assert_eq!(watching.polled(0, seen("11.11.11.2", 60), now), Verdict::AsTold);
    assert_eq!(changes(&mut watching), []);
    assert_eq!(watching.wake_at(), Some(now + UNDER_WAY));
    // It comes after all.
    watching.told(0, address("11.11.11.2"), now);
    assert_eq!(changes(&mut watching).len(), 1);
    let now = now + UNDER_WAY;
    watching.order(now);
    assert_eq!(watching.polled(0, seen("11.11.11.2", 65), now), Verdict::AsTold);

    for (address, verdict) in [("11.11.11.3", Verdict::Untold), ("11.11.11.3", Verdict::AsTold)] {
        assert_eq!(watching.polled(0, seen(address, 80), now), Verdict::AsTold);
        assert_eq!(watching.polled(0, seen(address, 80), now), verdict);
        assert_eq!(changes(&mut watching), [(address.to_owned(), Learnt::Poll)]);
        // A gateway that tells what it does not show is not taken for one that tells nothing for ever.
        watching.told(0, self::address("11.11.11.1"), now);
        watching.news();
    }
}

#[test]
fn uptime_that_runs_backwards_is_another_run() {
    let now = Instant::now();
    let mut watching = by_events(now);
    assert_eq!(watching.polled(0, seen("11.11.11.1", 500), now), Verdict::AsTold);
    assert_eq!(watching.polled(0, seen("11.11.11.9", 2), now), Verdict::Restarted);
    assert_eq!(changes(&mut watching), [("11.11.11.9".to_owned(), Learnt::Poll)]);
}

#[test]
fn a_gateway_that_does_not_answer_is_searched_until_it_is_back() {
    let mut now = Instant::now();
    let mut watching = by_events(now);
    watching.polled(0, Err(silence()), now);
    assert!(watching.is_away());
    assert_eq!(
        watching.news().collect::<Vec<_>>(),
        [News::Unreachable { why: silence() }]
    );
    for _ in 0..5 {
        assert_eq!(watching.order(now), Some(Order::Search));
        watching.not_found(NoGateway::default().into(), now);
        assert_eq!(watching.order(now), None);
        now = watching.wake_at().unwrap();
    }
    assert_eq!(watching.news().count(), 0, "it is told once");
    watching.found(now);
    assert_eq!(watching.news().collect::<Vec<_>>(), [News::Back]);
    watching.told(0, address("11.11.11.1"), now);
    assert_eq!(watching.news().count(), 0, "nothing has changed");
}

#[test]
fn announcements_lead_to_a_look_or_a_search() {
    let now = Instant::now();
    let mut watching = by_events(now);
    watching.says_farewell(now);
    assert_eq!(watching.order(now + MOMENT), Some(Order::Poll(0, Depth::Pulse)));
    watching.came_anew(now);
    assert_eq!(watching.order(now), Some(Order::Search));
    watching.not_found(silence(), now);
    watching.came_anew(now);
    assert_eq!(watching.order(now), Some(Order::Search), "no pause outlasts it");
}

#[test]
fn one_that_is_found_and_never_answers_is_searched_ever_more_rarely() {
    let mut now = Instant::now();
    let mut watching = by_events(now);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        watching.polled(0, Err(silence()), now);
        let at = watching.wake_at().unwrap();
        pauses.push((at - now).as_secs());
        now = at;
        watching.found(now);
    }
    assert_eq!(pauses, [0, 0, 1, 2, 4]);
}

#[test]
fn no_gateway_makes_us_remember_without_end() {
    let now = Instant::now();
    let mut watching = by_events(now);
    for number in 0..10 * VARIABLES {
        watching.told(0, vec![property(&format!("X{number}"), "1")], now);
    }
    assert!(watching.news().count() < VARIABLES);
}
