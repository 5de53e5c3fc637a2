use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use portreeve_wire::service::{LAYER3_FORWARDING, WAN_IP_CONNECTION};
use proptest::prelude::*;

use super::*;

const HALF_HOUR: Duration = Duration::from_secs(1800);
const START: Time = Time::from_millis(1_000_000);
/// So long before that first messages are due at [`START`].
const ANSWERED: Time = Time::from_millis(1_000_000 - Publisher::GRACE.as_millis() as u64);

fn sid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn evented(name: &str, value: impl Into<Value>) -> Evented {
    Evented {
        service: &WAN_IP_CONNECTION,
        variable: WAN_IP_CONNECTION.variable(name).unwrap(),
        value: value.into(),
    }
}

fn subscriber(client: u8) -> Subscriber {
    let url = |port: u16| Url::parse(&format!("http://192.168.77.{client}:{port}/")).unwrap();
    Subscriber {
        service: &WAN_IP_CONNECTION,
        version: 2,
        client: Ipv4Addr::new(192, 168, 77, client).into(),
        callbacks: vec![url(4004), url(4005)],
        timeout: HALF_HOUR,
    }
}

/// A publisher with three variables that have values.
fn publisher() -> Publisher {
    let mut publisher = Publisher::new(Limits::default());
    publisher.publish(
        vec![
            evented("ExternalIPAddress", "11.11.11.2"),
            evented("PortMappingNumberOfEntries", 0u16),
            evented("SystemUpdateID", 0u32),
        ],
        START,
    );
    publisher
}

fn subscribed(publisher: &mut Publisher, number: u8) -> Uuid {
    let sid = sid(number.into());
    publisher.subscribe(sid, subscriber(number), START).unwrap();
    publisher.release(sid, ANSWERED);
    sid
}

fn change(publisher: &mut Publisher, number: u32) {
    change_at(publisher, number, START);
}

fn change_at(publisher: &mut Publisher, number: u32, now: Time) {
    let changes = vec![
        evented("PortMappingNumberOfEntries", number as u16),
        evented("SystemUpdateID", number),
    ];
    publisher.publish(changes, now);
}

/// The one message that is due, taken by its receiver.
fn delivered(publisher: &mut Publisher, now: Time) -> (u32, BTreeMap<&'static str, String>) {
    let mut due = publisher.poll(now);
    assert_eq!(due.len(), 1, "{due:?}");
    let delivery = due.remove(0);
    let fate = publisher.handle_outcome(delivery.sid, Outcome::Delivered { callback: 0 }, now);
    assert_eq!(fate, Fate::Kept);
    let properties = delivery
        .properties
        .into_iter()
        .map(|(name, value)| (name, value.to_string()));
    (delivery.seq, properties.collect())
}

fn after(millis: u64) -> Time {
    START + Duration::from_millis(millis)
}

#[test]
fn the_first_message_has_everything_and_waits_for_the_answer() {
    let mut publisher = publisher();
    publisher.subscribe(sid(1), subscriber(1), START).unwrap();
    assert!(publisher.poll(START).is_empty());
    assert_eq!(publisher.poll_timeout(), Some(START + HALF_HOUR));
    publisher.release(sid(1), ANSWERED);
    assert!(
        publisher.poll(ANSWERED).is_empty(),
        "the answer may not have been read yet"
    );
    assert_eq!(publisher.poll_timeout(), Some(START));
    let (seq, properties) = delivered(&mut publisher, START);
    let names: Vec<_> = properties.keys().copied().collect();
    assert_eq!(
        (seq, names),
        (
            0,
            vec!["ExternalIPAddress", "PortMappingNumberOfEntries", "SystemUpdateID"]
        )
    );
    assert!(publisher.poll(after(60_000)).is_empty(), "nothing changed");
}

#[test]
fn what_changes_between_the_answer_and_the_first_message_is_told_after_it() {
    let mut publisher = publisher();
    publisher.subscribe(sid(1), subscriber(1), START).unwrap();
    publisher.publish(vec![evented("SystemUpdateID", 8u32)], START);
    publisher.release(sid(1), ANSWERED);
    publisher.publish(vec![evented("SystemUpdateID", 9u32)], START);
    let (_, first) = delivered(&mut publisher, START);
    assert_ne!(first["SystemUpdateID"], "8");
    for (number, told) in [(1, "8"), (2, "9")] {
        let (seq, properties) = delivered(&mut publisher, after(u64::from(number) * 1000));
        assert_eq!(
            (seq, properties),
            (number, BTreeMap::from([("SystemUpdateID", told.to_owned())]))
        );
    }
}

#[test]
fn changes_that_belong_together_are_one_message_and_others_are_not_mixed() {
    let mut publisher = publisher();
    subscribed(&mut publisher, 1);
    delivered(&mut publisher, START);
    change(&mut publisher, 1);
    change(&mut publisher, 2);
    let expected = |number: &str| {
        let both = ["PortMappingNumberOfEntries", "SystemUpdateID"];
        both.map(|name| (name, number.to_owned())).into()
    };
    assert!(publisher.poll(after(199)).is_empty(), "the burst may go on");
    assert_eq!(delivered(&mut publisher, after(200)), (1, expected("1")));
    assert!(publisher.poll(after(219)).is_empty(), "not closer than the spacing");
    assert_eq!(delivered(&mut publisher, after(220)), (2, expected("2")));
    publisher.publish(
        vec![Evented {
            service: &LAYER3_FORWARDING,
            variable: &LAYER3_FORWARDING.variables[0],
            value: "x".into(),
        }],
        START,
    );
    assert!(
        publisher.poll(after(60)).is_empty(),
        "of a service that it did not subscribe to"
    );
}

#[test]
fn version_1_hears_nothing_of_what_came_with_version_2() {
    let mut publisher = publisher();
    let of_version_1 = Subscriber {
        version: 1,
        ..subscriber(1)
    };
    publisher.subscribe(sid(1), of_version_1, START).unwrap();
    publisher.release(sid(1), ANSWERED);
    let (_, properties) = delivered(&mut publisher, START);
    assert!(!properties.contains_key("SystemUpdateID") && properties.len() == 2);
    publisher.publish(vec![evented("SystemUpdateID", 7u32)], START);
    assert!(publisher.poll(after(1000)).is_empty());
    change(&mut publisher, 8);
    let (seq, properties) = delivered(&mut publisher, after(2000));
    assert_eq!((seq, properties.len()), (1, 1), "no number is spent on nothing");
}

#[test]
fn the_number_after_the_largest_is_1() {
    let mut publisher = publisher();
    let sid = subscribed(&mut publisher, 1);
    delivered(&mut publisher, START);
    publisher.subscriptions.get_mut(&sid).unwrap().set_next_seq(u32::MAX);
    for (at, expected) in [(1000, u32::MAX), (2000, 1), (3000, 2)] {
        change(&mut publisher, expected);
        assert_eq!(delivered(&mut publisher, after(at)).0, expected);
    }
}

#[test]
fn whoever_is_far_behind_hears_the_newest_values_once() {
    let mut publisher = publisher();
    subscribed(&mut publisher, 1);
    delivered(&mut publisher, START);
    let many = Publisher::BACKLOG as u32 + 1;
    (1..=many).for_each(|number| change(&mut publisher, number));
    assert_eq!(publisher.feeds[0].kept(), Publisher::BACKLOG);
    let (seq, properties) = delivered(&mut publisher, after(1000));
    assert_eq!((seq, properties["SystemUpdateID"].clone()), (1, many.to_string()));
    assert!(publisher.poll(after(2000)).is_empty());
}

#[test]
fn what_was_lost_is_told_again_with_what_came_since_and_a_gap() {
    let mut publisher = publisher();
    let sid = subscribed(&mut publisher, 1);
    delivered(&mut publisher, START);
    publisher.publish(vec![evented("ExternalIPAddress", "11.11.11.3")], START);
    assert_eq!(publisher.poll(after(1000)).len(), 1);
    change(&mut publisher, 1);
    assert!(publisher.poll(after(1200)).is_empty(), "one at a time");
    assert_eq!(publisher.handle_outcome(sid, Outcome::Failed, after(1300)), Fate::Kept);
    assert!(publisher.poll(after(6299)).is_empty(), "it rests");
    let (seq, properties) = delivered(&mut publisher, after(6300));
    assert_eq!((seq, properties.len()), (2, 3));
    assert_eq!(properties["ExternalIPAddress"], "11.11.11.3");
}

#[test]
fn a_subscription_ends_with_failures_refusal_or_time() {
    let mut publisher = publisher();
    let failing = subscribed(&mut publisher, 1);
    let mut fates = Vec::new();
    for at in [0, 5_000, 35_000] {
        assert_eq!(publisher.poll(after(at)).len(), 1, "at {at}");
        fates.push(publisher.handle_outcome(failing, Outcome::Failed, after(at)));
    }
    assert_eq!(fates, [Fate::Kept, Fate::Kept, Fate::Ended]);
    assert!(publisher.is_empty());

    let unwanted = subscribed(&mut publisher, 2);
    publisher.poll(START);
    assert_eq!(publisher.handle_outcome(unwanted, Outcome::Unknown, START), Fate::Ended);

    let old = subscribed(&mut publisher, 3);
    delivered(&mut publisher, START);
    publisher.renew(old, HALF_HOUR, after(1_000_000)).unwrap();
    assert_eq!(publisher.poll_timeout(), Some(after(1_000_000) + HALF_HOUR));
    assert_eq!(publisher.renew(old, HALF_HOUR, after(2_800_000)), Err(Unknown));
    assert_eq!(publisher.unsubscribe(old, after(2_800_000)), Err(Unknown));
    publisher.poll(after(2_800_000));
    assert!(publisher.is_empty());
}

#[test]
fn a_renewal_is_a_sign_of_life() {
    let mut publisher = publisher();
    let sid = subscribed(&mut publisher, 1);
    publisher.poll(START);
    publisher.handle_outcome(sid, Outcome::Failed, START);
    publisher.renew(sid, HALF_HOUR, after(100)).unwrap();
    assert_eq!(delivered(&mut publisher, after(100)).0, 1);
}

#[test]
fn the_first_message_is_sent_even_if_nobody_wants_it_any_more() {
    let mut publisher = publisher();
    publisher.subscribe(sid(1), subscriber(1), START).unwrap();
    publisher.unsubscribe(sid(1), START).unwrap();
    assert_eq!(publisher.unsubscribe(sid(1), START), Err(Unknown));
    assert_eq!(publisher.renew(sid(1), HALF_HOUR, START), Err(Unknown));
    publisher.release(sid(1), ANSWERED);
    assert_eq!(publisher.poll(START)[0].seq, 0);
    let fate = publisher.handle_outcome(sid(1), Outcome::Delivered { callback: 0 }, START);
    assert_eq!((fate, publisher.len()), (Fate::Ended, 0));

    let begun = subscribed(&mut publisher, 2);
    delivered(&mut publisher, START);
    publisher.unsubscribe(begun, START).unwrap();
    assert!(publisher.is_empty());
}

#[test]
fn the_callback_that_worked_is_tried_first() {
    let mut publisher = publisher();
    let sid = subscribed(&mut publisher, 1);
    assert_eq!(publisher.poll(START)[0].first, 0);
    publisher.handle_outcome(sid, Outcome::Delivered { callback: 1 }, START);
    change(&mut publisher, 1);
    assert_eq!(publisher.poll(after(1000))[0].first, 1);
}

#[test]
fn quotas_hold_in_all_and_for_each_host() {
    let mut publisher = publisher();
    publisher.set_limits(Limits {
        subscriptions: 3,
        per_client: 2,
    });
    let mut ask = |number: u128, client| publisher.subscribe(sid(number), subscriber(client), START);
    assert_eq!((ask(1, 1), ask(2, 1), ask(3, 1)), (Ok(()), Ok(()), Err(Full)));
    assert_eq!((ask(3, 2), ask(4, 3)), (Ok(()), Err(Full)));
    let later = START + HALF_HOUR;
    assert_eq!(
        publisher.subscribe(sid(5), subscriber(1), later),
        Ok(()),
        "those of before have expired"
    );
}

#[test]
fn those_who_never_answer_take_no_places_from_those_who_do() {
    let mut publisher = publisher();
    let live = subscribed(&mut publisher, 200);
    delivered(&mut publisher, START);
    for dead in 0..199 {
        subscribed(&mut publisher, dead);
    }
    let mut stuck = 0;
    loop {
        let batch = publisher.poll(START);
        assert!(batch.len() <= Publisher::BATCH);
        if batch.is_empty() {
            break;
        }
        stuck += batch.len();
    }
    assert_eq!(stuck, Slot::Unproven.count());
    assert_eq!(
        publisher.poll_timeout(),
        Some(START + HALF_HOUR),
        "no point in asking again before"
    );
    change(&mut publisher, 1);
    let due = publisher.poll(after(1000));
    assert_eq!(due.iter().map(|delivery| delivery.sid).collect::<Vec<_>>(), [live]);
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(u8),
    Unsubscribe(u8),
    Renew(u8),
    Change,
    Pass(u64),
    Answer(Outcome),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        8 => (0..2usize).prop_map(|callback| Outcome::Delivered { callback }),
        2 => Just(Outcome::Failed),
        1 => Just(Outcome::Unknown),
    ];
    let step = prop_oneof![
        3 => (0..12u8).prop_map(Step::Subscribe),
        1 => (0..12u8).prop_map(Step::Unsubscribe),
        1 => (0..12u8).prop_map(Step::Renew),
        6 => Just(Step::Change),
        4 => (0..60u64).prop_map(Step::Pass),
        1 => (0..900_000u64).prop_map(Step::Pass),
        8 => outcome.prop_map(Step::Answer),
    ];
    proptest::collection::vec(step, 1..200)
}

/// What a subscriber that notes everything knows.
#[derive(Default)]
struct Heard {
    messages: u32,
    system_update_id: Option<u32>,
    entries: Option<u32>,
}

proptest! {
    #[test]
    fn whatever_happens_messages_come_in_order_and_the_last_word_is_true(steps in steps()) {
        let limits = Limits { subscriptions: 8, per_client: 1 };
        let mut publisher = publisher();
        publisher.set_limits(limits);
        let (mut now, mut number) = (START, 0);
        let mut heard: BTreeMap<Uuid, Heard> = BTreeMap::new();
        let mut on_the_way: Vec<Delivery> = Vec::new();
        let mut answer = |publisher: &mut Publisher, delivery: Delivery, outcome, now| {
            let heard = heard.entry(delivery.sid).or_default();
            // A number is spent by each message, also by a lost one.
            assert_eq!(delivery.seq, heard.messages);
            heard.messages += 1;
            if let Outcome::Delivered { .. } = outcome {
                for (name, value) in &delivery.properties {
                    match (*name, value) {
                        ("SystemUpdateID", Value::Ui4(id)) => {
                            assert!(heard.system_update_id.is_none_or(|before| before < *id));
                            heard.system_update_id = Some(*id);
                        }
                        ("PortMappingNumberOfEntries", Value::Ui2(entries)) => heard.entries = Some((*entries).into()),
                        _ => {}
                    }
                }
                assert_eq!(heard.entries, heard.system_update_id, "what changed together came together");
            }
            publisher.handle_outcome(delivery.sid, outcome, now);
        };
        let mut next_sid = 0u128;
        let mut of_client: BTreeMap<u8, Uuid> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Subscribe(client) => {
                    next_sid += 1;
                    if publisher.subscribe(sid(next_sid), subscriber(client), now).is_ok() {
                        publisher.release(sid(next_sid), now);
                        of_client.insert(client, sid(next_sid));
                    }
                }
                Step::Unsubscribe(client) => {
                    if let Some(sid) = of_client.get(&client) {
                        let _ = publisher.unsubscribe(*sid, now);
                    }
                }
                Step::Renew(client) => {
                    if let Some(sid) = of_client.get(&client) {
                        let _ = publisher.renew(*sid, HALF_HOUR, now);
                    }
                }
                Step::Change => {
                    number += 1;
                    change_at(&mut publisher, number, now);
                }
                Step::Pass(millis) => now = now + Duration::from_millis(millis),
                Step::Answer(outcome) => {
                    if !on_the_way.is_empty() {
                        answer(&mut publisher, on_the_way.remove(0), outcome, now);
                    }
                }
            }
            for delivery in publisher.poll(now) {
                assert!(on_the_way.iter().all(|other| other.sid != delivery.sid), "one at a time");
                assert!(!delivery.properties.is_empty());
                on_the_way.push(delivery);
            }
            assert!(publisher.len() <= limits.subscriptions);
            assert!(publisher.feeds.iter().all(|feed| feed.kept() <= Publisher::BACKLOG));
        }
        // Everybody answers from now on, until nothing is left to tell.
        loop {
            for delivery in on_the_way.drain(..) {
                answer(&mut publisher, delivery, Outcome::Delivered { callback: 0 }, now);
            }
            on_the_way = publisher.poll(now);
            if on_the_way.is_empty() {
                match publisher.poll_timeout() {
                    Some(next) if publisher.subscriptions.values().any(|s| s.wants(&publisher.feeds[0])) => {
                        now = now.max(next);
                    }
                    _ => break,
                }
            }
        }
        for sid in publisher.subscriptions.keys() {
            prop_assert_eq!(heard[sid].system_update_id, Some(number));
        }
    }
}
