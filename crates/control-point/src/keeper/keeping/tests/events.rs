//! What the gateway tells by itself.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// So many mappings on a gateway whose announcements and events come.
fn told_world(mappings: u64) -> World {
    let mut world = World::new(mappings, 7);
    let here = Some("http://192.168.77.1/d");
    world.keeping.heard_alive(Some(1), here, world.now);
    world.keeping.events_come(true, world.now);
    world.run_for(MINUTE);
    world
}

fn changed(system_update_id: u32) -> Told {
    Told {
        system_update_id: Some(system_update_id),
        ..Told::default()
    }
}

fn asked(world: &World, what: &str) -> u64 {
    world.requests.get(what).copied().unwrap_or(0)
}

#[test]
fn while_events_come_the_gateway_is_looked_at_once_a_minute_and_surveyed_rarely() {
    let mut world = told_world(1);
    let (checks, surveys) = (asked(&world, "check"), asked(&world, "survey"));
    world.run_for(60 * MINUTE);
    let (checks, surveys) = (asked(&world, "check") - checks, asked(&world, "survey") - surveys);
    assert!((59..=62).contains(&checks) && surveys <= 6, "{checks} {surveys}");
    world.keeping.events_come(false, world.now);
    let (checks, surveys) = (asked(&world, "check"), asked(&world, "survey"));
    world.run_for(60 * MINUTE);
    let (checks, surveys) = (asked(&world, "check") - checks, asked(&world, "survey") - surveys);
    assert!(checks <= 31 && (59..=61).contains(&surveys), "{checks} {surveys}");
}

#[test]
fn an_address_or_a_state_that_is_news_is_asked_for_at_once_and_only_then() {
    let mut world = told_world(1);
    let address = |last| Some(Some(Ipv4Addr::new(11, 11, 11, last).into()));
    for (told, surveys) in [
        // The first message of a subscription tells everything.
        (
            Told {
                connected: Some(true),
                external_address: Some(None),
                system_update_id: Some(3),
            },
            0,
        ),
        (
            Told {
                external_address: address(9),
                ..Told::default()
            },
            1,
        ),
        (
            Told {
                connected: Some(false),
                ..Told::default()
            },
            1,
        ),
        (
            Told {
                connected: Some(false),
                ..Told::default()
            },
            0,
        ),
    ] {
        let before = asked(&world, "survey");
        world.keeping.told(told, world.now);
        world.run_for(Duration::from_secs(3));
        assert_eq!(asked(&world, "survey") - before, surveys, "{told:?}");
    }
}

#[test]
fn what_somebody_else_changes_leads_to_a_look_at_some_entries_and_our_own_changes_do_not() {
    let mut world = told_world(20);
    world.keeping.told(changed(1), world.now);
    let before = asked(&world, "check");
    world.keeping.told(changed(2), world.now);
    world.run_for(Duration::from_secs(1));
    assert_eq!(asked(&world, "check") - before, 4);
    world.keeping.changes_something(world.now);
    world.keeping.told(changed(3), world.now);
    world.run_for(Duration::from_secs(1));
    assert_eq!(asked(&world, "check") - before, 4);

    // All of them are gone: the first that is missed leads to the others.
    world.table.clear();
    world.run_for(MINUTE);
    world.keeping.told(changed(4), world.now);
    world.run_for(Duration::from_secs(2));
    assert!(world.all_in_force());
}

#[test]
fn a_gateway_that_has_forgotten_the_subscription_is_looked_at_once() {
    let mut world = told_world(20);
    world.table.clear();
    world.keeping.forgotten(world.now);
    world.run_for(Duration::from_secs(1));
    assert!(world.all_in_force());
    let before = asked(&world, "check");
    for _ in 0..50 {
        world.keeping.forgotten(world.now);
        world.run_for(Duration::from_millis(20));
    }
    assert!(asked(&world, "check") - before <= 8);
}

#[test]
fn messages_in_a_row_may_be_late_and_are_not_relied_upon() {
    let mut world = told_world(1000);
    let (checks, surveys) = (asked(&world, "check"), asked(&world, "survey"));
    for id in 0..1500 {
        // As a gateway spaces them.
        world.keeping.told(changed(id), world.now);
        world.run_for(Duration::from_millis(200));
        let too_much = world.keeping.is_told_too_much();
        assert!(!too_much || id > 1300, "a thousand mappings made at once are not: {id}");
        assert!(too_much || id < 1400, "{id}");
    }
    let (checks, surveys) = (asked(&world, "check") - checks, asked(&world, "survey") - surveys);
    assert!(surveys >= 4, "the address may have changed: {surveys}");
    assert!(checks <= 20, "nobody is kept busy: {checks}");
}

#[test]
fn a_gateway_that_cannot_be_looked_at_is_surveyed_every_minute_all_the_same() {
    let mut world = told_world(1);
    world.keeping.checked(FIRST, Checked::Impossible, world.now);
    let before = asked(&world, "survey");
    world.run_for(20 * MINUTE);
    let surveys = asked(&world, "survey") - before;
    assert!(surveys >= 19, "{surveys}");
}

#[test]
fn events_that_miss_a_new_address_are_not_relied_on_until_one_comes() {
    let mut world = told_world(1);
    let address = |last| Some(Some(Ipv4Addr::new(11, 11, 11, last).into()));
    let told = |last| Told {
        external_address: address(last),
        ..Told::default()
    };
    let survey = |last| Survey {
        external_address: address(last),
        ..Survey::default()
    };
    world.keeping.told(told(1), world.now);
    world.keeping.surveyed(Ok(survey(1)), world.now);
    assert!(world.keeping.events.come(), "what was told is what is seen");
    world.keeping.surveyed(Ok(survey(2)), world.now);
    assert!(!world.keeping.events.come());
    world.keeping.told(told(2), world.now);
    assert!(world.keeping.events.come());
}
