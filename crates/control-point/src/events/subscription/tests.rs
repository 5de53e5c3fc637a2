use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn sid(name: &str) -> Sid {
    Sid::parse(name).unwrap()
}

fn granted(name: &str, seconds: u64) -> Result<Granted, Failure> {
    Ok(Granted {
        sid: Sid::parse(name),
        timeout: Some(Duration::from_secs(seconds)),
    })
}

fn message(name: &str, seq: u32) -> Message {
    Message {
        sid: sid(name),
        seq: Some(seq),
    }
}

fn values(number: u32) -> Vec<Property> {
    vec![Property {
        name: "SystemUpdateID".to_owned(),
        value: number.to_string(),
    }]
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One that was granted at `now` and has had its first message.
fn held(name: &str, granted_for: u64, now: Instant) -> Subscription {
    let mut subscription = Subscription::new(now);
    assert_eq!(subscription.order(now), Some(Order::Subscribe));
    subscription.subscribed(granted(name, granted_for), now, now);
    assert_eq!(
        subscription.received(message(name, 0), values(0), now),
        Reception::Taken
    );
    let news: Vec<News> = subscription.news().collect();
    assert_eq!(news, [News::Means(Means::Events), News::Values(values(0))]);
    subscription
}

/// What is done next, and when.
fn next(subscription: &mut Subscription, from: Instant) -> (Duration, Order) {
    let mut now = from;
    for _ in 0..100 {
        if let Some(order) = subscription.order(now) {
            return (now - from, order);
        }
        now = subscription.wake_at().expect("it waits for something");
        assert!(now > from, "it wakes for nothing");
    }
    panic!("it wakes for nothing");
}

#[test]
fn r82_it_is_renewed_at_half_of_the_time_granted_whatever_was_asked() {
    let start = Instant::now();
    for (granted_for, renewed_after) in [(1800, 900), (17, 8), (300, 150), (u64::from(u32::MAX), 43_200), (0, 1)] {
        let mut subscription = held("a", granted_for, start);
        let (after, order) = next(&mut subscription, start);
        assert_eq!(order, Order::Renew(sid("a")));
        assert_eq!(after.as_secs(), renewed_after, "{granted_for}");
    }
}

#[test]
fn r81_no_sid_in_the_answer_to_a_renewal_is_the_old_one_and_another_is_the_new_one() {
    let start = Instant::now();
    let mut subscription = held("a", 100, start);
    let mut now = start;
    for (answered, known, seq) in [("", "a", 1), ("b", "b", 9), ("b", "b", 10)] {
        let (after, order) = next(&mut subscription, now);
        now += after;
        assert!(matches!(order, Order::Renew(_)));
        subscription.renewed(granted(answered, 100), now, now);
        assert_eq!(
            subscription.received(message(known, seq), values(seq), now),
            Reception::Taken
        );
    }
    assert_eq!(
        subscription.received(message("a", 10), values(10), now),
        Reception::Unknown
    );
    assert_eq!(subscription.leave(), [sid("b")]);
}

#[test]
fn r81_a_message_under_the_new_sid_may_come_before_the_answer_that_names_it() {
    let start = Instant::now();
    let mut subscription = held("a", 100, start);
    let (after, _) = next(&mut subscription, start);
    let now = start + after;
    assert_eq!(subscription.received(message("b", 0), values(7), now), Reception::Taken);
    assert_eq!(subscription.news().count(), 0);
    subscription.renewed(granted("b", 100), now, now);
    assert_eq!(subscription.news().collect::<Vec<_>>(), [News::Values(values(7))]);
}

#[test]
fn r80_messages_before_the_answer_are_kept_up_to_a_bound_and_only_those_of_the_subscription() {
    let now = Instant::now();
    let mut subscription = Subscription::new(now);
    assert_eq!(
        subscription.received(message("a", 0), values(0), now),
        Reception::Unknown
    );
    subscription.order(now);
    assert_eq!(subscription.received(message("b", 0), values(9), now), Reception::Taken);
    for seq in 0..7 {
        assert_eq!(
            subscription.received(message("a", seq), values(seq), now),
            Reception::Taken
        );
    }
    assert_eq!(
        subscription.received(message("a", 7), values(7), now),
        Reception::Unknown
    );
    subscription.subscribed(granted("a", 1800), now, now);
    let told: Vec<News> = subscription.news().collect();
    let expected = [News::Means(Means::Events)];
    let expected = expected.into_iter().chain((0..7).map(|seq| News::Values(values(seq))));
    assert_eq!(told, expected.collect::<Vec<_>>());
}

#[test]
fn r83_a_renewal_that_is_refused_leads_to_a_new_subscription_and_nobody_hears_of_it() {
    let start = Instant::now();
    let mut subscription = held("a", 100, start);
    let (after, _) = next(&mut subscription, start);
    let now = start + after;
    subscription.renewed(Err(Failure::Refused(412)), now, now);
    assert_eq!(subscription.order(now), Some(Order::Subscribe));
    subscription.subscribed(granted("b", 100), now, now);
    subscription.received(message("b", 0), values(1), now);
    assert_eq!(
        subscription.news().collect::<Vec<_>>(),
        [News::Lost, News::Values(values(1))]
    );
    assert_eq!(subscription.leave(), [sid("b")]);
}

#[test]
fn a_doubt_whether_it_is_still_there_is_settled_by_a_renewal_but_not_all_the_time() {
    let start = Instant::now();
    let mut subscription = held("a", 1800, start);
    subscription.confirm(start);
    let (after, order) = next(&mut subscription, start);
    assert_eq!((after, order), (seconds(10), Order::Renew(sid("a"))));
    let now = start + after;
    subscription.confirm(now);
    subscription.renewed(granted("a", 1800), now, now);
    let (after, _) = next(&mut subscription, now);
    assert_eq!(after, seconds(900), "it has just been asked");
    let now = now + after;
    subscription.renewed(granted("a", 1800), now, now);
    subscription.confirm(now + seconds(60));
    assert_eq!(subscription.order(now + seconds(60)), Some(Order::Renew(sid("a"))));
}

#[test]
fn a_gap_in_the_numbers_replaces_the_subscription() {
    let start = Instant::now();
    let mut subscription = held("a", 1800, start);
    let now = start + seconds(60);
    assert_eq!(subscription.received(message("a", 1), values(1), now), Reception::Taken);
    // Once more, since our answer was lost.
    assert_eq!(subscription.received(message("a", 1), values(1), now), Reception::Taken);
    assert_eq!(subscription.order(now), None);
    assert_eq!(subscription.received(message("a", 3), values(3), now), Reception::Taken);
    assert_eq!(subscription.order(now), Some(Order::Unsubscribe(sid("a"))));
    assert_eq!(subscription.order(now), Some(Order::Subscribe));
    assert_eq!(subscription.received(message("c", 4), values(4), now), Reception::Taken);
    subscription.subscribed(granted("b", 1800), now, now);
    assert_eq!(
        subscription.received(message("a", 4), values(4), now),
        Reception::Unknown
    );
    subscription.received(message("b", 0), values(4), now);
    let told: Vec<News> = subscription.news().collect();
    assert_eq!(told, [1, 1, 3, 4].map(|number| News::Values(values(number))));
}

#[test]
fn numbers_wrap_to_one_and_may_begin_there() {
    let now = Instant::now();
    let mut subscription = held("a", 1800, now);
    subscription.renewed(granted("b", 1800), now, now);
    for seq in [u32::MAX - 1, u32::MAX, 1, 2] {
        subscription.received(message("b", seq), values(seq), now);
    }
    assert_eq!(subscription.order(now + SHORTEST_LIFE), None, "nothing is missing");
    subscription.received(message("b", 0), values(0), now);
    assert_eq!(
        subscription.order(now + SHORTEST_LIFE),
        Some(Order::Unsubscribe(sid("b")))
    );

    let mut from_one = Subscription::new(now);
    from_one.order(now);
    from_one.subscribed(granted("a", 1800), now, now);
    from_one.received(message("a", 1), values(1), now);
    assert_eq!(from_one.order(now + SHORTEST_LIFE), None);
}

#[test]
fn messages_without_numbers_are_taken_as_they_come() {
    let now = Instant::now();
    let mut subscription = held("a", 1800, now);
    for _ in 0..3 {
        let unnumbered = Message {
            sid: sid("a"),
            seq: None,
        };
        assert_eq!(subscription.received(unnumbered, values(1), now), Reception::Taken);
    }
    assert_eq!(subscription.order(now + SHORTEST_LIFE), None);
}

#[test]
fn a_gateway_that_refuses_is_asked_again_ever_more_rarely() {
    let mut now = Instant::now();
    let mut subscription = Subscription::new(now);
    let mut pauses = Vec::new();
    for status in [503, 412, 404, 404, 404, 404, 404] {
        let (after, order) = next(&mut subscription, now);
        assert_eq!(order, Order::Subscribe);
        now += after;
        pauses.push(after.as_secs());
        subscription.subscribed(Err(Failure::Refused(status)), now, now);
    }
    assert_eq!(pauses, [0, 60, 120, 240, 480, 960, 1800]);
    let told: Vec<News> = subscription.news().collect();
    let refused = |status| News::Means(Means::Polling(NoEvents::Refused { status }));
    assert_eq!(told, [refused(503), refused(412), refused(404)]);
    let (after, _) = next(&mut subscription, now);
    now += after;
    subscription.subscribed(granted("a", 1800), now, now);
    subscription.received(message("a", 0), values(0), now);
    assert_eq!(subscription.news().next(), Some(News::Means(Means::Events)));
}

#[test]
fn a_subscription_without_a_name_is_none() {
    let now = Instant::now();
    let mut subscription = Subscription::new(now);
    subscription.order(now);
    subscription.subscribed(granted("", 1800), now, now);
    assert_eq!(
        subscription.news().next(),
        Some(News::Means(Means::Polling(NoEvents::Refused { status: 200 })))
    );
}

#[test]
fn where_nothing_arrives_that_is_told_and_tried_again_and_what_arrives_late_is_welcome() {
    let start = Instant::now();
    let mut subscription = Subscription::new(start);
    subscription.order(start);
    subscription.subscribed(granted("a", 1800), start, start);
    let (after, order) = next(&mut subscription, start);
    assert_eq!(
        (after, order),
        (FIRST_MESSAGE + seconds(60), Order::Unsubscribe(sid("a")))
    );
    let nothing = News::Means(Means::Polling(NoEvents::NothingArrives));
    assert_eq!(subscription.news().collect::<Vec<_>>(), [nothing]);
    let now = start + after;
    assert_eq!(subscription.order(now), Some(Order::Subscribe));
    subscription.subscribed(granted("b", 1800), now, now);
    let now = now + seconds(30);
    assert_eq!(subscription.order(now), None);
    assert_eq!(subscription.news().count(), 0, "that is known");
    subscription.received(message("b", 0), values(0), now);
    assert_eq!(
        subscription.news().collect::<Vec<_>>(),
        [News::Means(Means::Events), News::Values(values(0))]
    );
    let (after, order) = next(&mut subscription, now);
    assert_eq!((after, order), (seconds(870), Order::Renew(sid("b"))));
}

#[test]
fn a_renewal_without_an_answer_is_tried_until_the_end() {
    let start = Instant::now();
    let mut subscription = held("a", 100, start);
    let mut now = start;
    let mut renewals = 0;
    loop {
        let (after, order) = next(&mut subscription, now);
        now += after;
        if order == Order::Subscribe {
            break;
        }
        assert_eq!(order, Order::Renew(sid("a")));
        renewals += 1;
        subscription.renewed(Err(Failure::Silence), now, now);
    }
    assert!((5..20).contains(&renewals), "{renewals}");
    assert!(now >= start + seconds(100), "it is held as long as it lasts");
    subscription.subscribed(Err(Failure::Silence), now, now);
    assert_eq!(
        subscription.news().collect::<Vec<_>>(),
        [News::Means(Means::Polling(NoEvents::Unanswered))]
    );
}

#[test]
fn what_was_not_told_replaces_the_subscription() {
    let start = Instant::now();
    let mut subscription = held("a", 1800, start);
    subscription.doubt(start);
    let (after, order) = next(&mut subscription, start);
    assert_eq!((after, order), (SHORTEST_LIFE, Order::Unsubscribe(sid("a"))));
}

/// What may come in between.
#[derive(Clone, Debug)]
enum Step {
    Message { lost: u32 },
    Pass(u64),
    Restart,
    Doubt,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0u32..3).prop_map(|lost| Step::Message { lost: lost.saturating_sub(1) }),
        4 => (1u64..1200).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => Just(Step::Doubt),
    ]
}

/// How a gateway of the field treats renewals.
#[derive(Clone, Copy, Debug)]
enum Manners {
    Standard,
    NoSid,
    NewSid,
}

/// A gateway with at most a handful of subscriptions, which may lose messages and its memory.
struct Publisher {
    manners: Manners,
    granted_for: u64,
    first_number: u32,
    given: u32,
    held: Vec<(Sid, Instant, u32)>,
    version: u32,
}

impl Publisher {
    fn subscribe(&mut self, now: Instant) -> Result<Granted, Failure> {
        self.given += 1;
        let sid = sid(&format!("uuid:{}", self.given));
        self.held
            .push((sid.clone(), now + seconds(self.granted_for), self.first_number));
        Ok(Granted {
            sid: Some(sid),
            timeout: Some(seconds(self.granted_for)),
        })
    }

    fn renew(&mut self, known: &Sid, now: Instant) -> Result<Granted, Failure> {
        self.given += 1;
        let fresh = sid(&format!("uuid:{}", self.given));
        let held = self.held.iter_mut().find(|(sid, ..)| sid == known);
        let (sid, ends, _) = held.ok_or(Failure::Refused(412))?;
        *ends = now + seconds(self.granted_for);
        if let Manners::NewSid = self.manners {
            *sid = fresh;
        }
        Ok(Granted {
            sid: (!matches!(self.manners, Manners::NoSid)).then(|| sid.clone()),
            timeout: Some(seconds(self.granted_for)),
        })
    }

    /// Sends its state to everybody, whose 412 ends a subscription.
    fn publish(&mut self, subscription: &mut Subscription, now: Instant) {
        let version = self.version;
        self.held.retain_mut(|(sid, _, next)| {
            let seq = std::mem::replace(next, after(*next));
            let message = Message {
                sid: sid.clone(),
                seq: Some(seq),
            };
            subscription.received(message, values(version), now) == Reception::Taken
        });
    }
}

proptest! {
    /// Whatever gets lost: in the end there is one subscription at the gateway, which is the one that is known here; what
    /// was missing is made good by the first message of a new subscription; and it is never the case that more than a few
    /// requests are sent in a while.
    #[test]
    fn in_the_end_all_is_known(
        steps in proptest::collection::vec(step(), 1..60),
        manners in prop_oneof![Just(Manners::Standard), Just(Manners::NoSid), Just(Manners::NewSid)],
        granted_for in prop_oneof![Just(10u64), Just(300), Just(1800)],
        first_number in 0u32..2,
    ) {
        let mut now = Instant::now();
        let start = now;
        let mut subscription = Subscription::new(now);
        let mut gateway = Publisher { manners, granted_for, first_number, given: 0, held: Vec::new(), version: 0 };
        let mut orders = 0;
        let mut known = None;
        let settle = [Step::Pass(4000), Step::Message { lost: 0 }, Step::Pass(10)];
        for step in steps.into_iter().chain(settle) {
            let until = match step {
                Step::Pass(time) => now + seconds(time),
                Step::Message { lost } => {
                    gateway.version += 1 + lost;
                    for (_, _, next) in &mut gateway.held {
                        for _ in 0..lost {
                            *next = after(*next);
                        }
                    }
                    gateway.publish(&mut subscription, now);
                    now
                }
                Step::Restart => {
                    gateway.held.clear();
                    now
                }
                Step::Doubt => {
                    subscription.doubt(now);
                    now
                }
            };
            loop {
                gateway.held.retain(|(_, ends, _)| *ends > now);
                while let Some(order) = subscription.order(now) {
                    orders += 1;
                    match order {
                        Order::Subscribe => {
                            let result = gateway.subscribe(now);
                            subscription.subscribed(result, now, now);
                            gateway.publish(&mut subscription, now);
                        }
                        Order::Renew(sid) => subscription.renewed(gateway.renew(&sid, now), now, now),
                        Order::Unsubscribe(gone) => gateway.held.retain(|(sid, ..)| *sid != gone),
                    }
                }
                match subscription.wake_at() {
                    Some(at) if at <= until => now = at,
                    _ => break,
                }
            }
            now = until;
            for news in subscription.news() {
                match news {
                    News::Values(values) => known = values.into_iter().next(),
                    News::Means(means) => prop_assert_eq!(means, Means::Events),
                    News::Lost => {}
                }
            }
        }
        gateway.held.retain(|(_, ends, _)| *ends > now);
        let there: BTreeSet<Sid> = gateway.held.iter().map(|(sid, ..)| sid.clone()).collect();
        prop_assert_eq!(there, subscription.leave().into_iter().collect::<BTreeSet<_>>());
        prop_assert_eq!(known.map(|property| property.value), Some(gateway.version.to_string()));
        let most = 300 + (now - start).as_secs() / (granted_for / 4);
        prop_assert!(orders <= most, "{} requests in {:?}", orders, now - start);
    }
}
