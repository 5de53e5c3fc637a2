//! The keeping of a pinhole in virtual time.

use super::*;
use crate::error::{Conversation, NoGateway};

struct World {
    keeping: Keeping,
    now: Instant,
}

impl World {
    /// A pinhole of an hour, of number 7.
    fn new() -> Self {
        Self::with(Answer::Open(7))
    }

    fn with(answer: Answer) -> Self {
        let now = Instant::now();
        let gateway = Found {
            boot_id: Some(1),
            location: "http://192.168.77.1:5000/d".to_owned(),
        };
        let keeping = Keeping::new(answer, Duration::from_secs(3600), gateway, now, 3);
        Self { keeping, now }
    }

    /// Lets time pass until there is something else to do than to check, for at most this many seconds. Every check finds
    /// it there.
    fn until_order(&mut self, seconds: u64) -> Option<Order> {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            match self.keeping.order(self.now) {
                Some(Order::Check(_)) => self.keeping.checked(Ok(()), self.now),
                Some(order) => return Some(order),
                None => {
                    if self.keeping.looks_home(self.now) {
                        self.keeping.looked_home(true, self.now);
                        continue;
                    }
                    let next = self.keeping.wake_at();
                    assert!(next > self.now, "it would be called again and again");
                    if next > end {
                        self.now = end;
                        return None;
                    }
                    self.now = next;
                }
            }
        }
    }

    fn told(&mut self) -> Vec<PinholeChange> {
        self.keeping.changes().collect()
    }
}

fn refused(code: u16) -> Error {
    Refusal {
        action: "UpdatePinhole".to_owned(),
        code,
        description: String::new(),
    }
    .into()
}

fn silence() -> Error {
    Conversation::Unreachable {
        address: "x".to_owned(),
        reason: "y".to_owned(),
    }
    .into()
}

#[test]
fn it_is_renewed_at_half_its_lease() {
    let mut world = World::new();
    let begun = world.now;
    assert_eq!(world.until_order(3600), Some(Order::Update(7)));
    let after = (world.now - begun).as_secs();
    assert!((1620..=1980).contains(&after), "{after}");
    world.keeping.updated(Ok(()), world.now, world.now);
    assert_eq!(world.told(), [PinholeChange::Renewed]);
    assert_eq!(world.until_order(1600), None);
}

#[test]
fn one_that_the_gateway_has_forgotten_is_opened_again_at_once() {
    for at_renewal in [true, false] {
        let mut world = World::new();
        if at_renewal {
            world.until_order(3600);
            world.keeping.updated(Err(refused(704)), world.now, world.now);
        } else {
            world.keeping.checked(Err(refused(704)), world.now);
        }
        assert!(matches!(world.told()[..], [PinholeChange::Lost { .. }]));
        assert_eq!(world.keeping.id(), None);
        assert_eq!(world.until_order(0), Some(Order::Add));
        world.keeping.added(Ok(Answer::Open(9)), world.now, world.now);
        assert_eq!(world.told(), [PinholeChange::Opened]);
        assert_eq!(
            (world.keeping.id(), world.keeping.state()),
            (Some(9), &PinholeState::Open)
        );
    }
}

#[test]
fn after_a_restart_its_number_is_not_trusted() {
    let mut world = World::new();
    world.now += Duration::from_secs(10);
    world.keeping.heard_alive(Some(2), None, world.now);
    assert_eq!(world.until_order(0), Some(Order::Search));
    assert_eq!(world.keeping.to_delete(), Some(ToDelete::Number(7)));
    let found = Found {
        boot_id: Some(2),
        location: "http://192.168.77.1:5001/d".to_owned(),
    };
    world.keeping.found(found, world.now);
    assert_eq!(world.keeping.to_delete(), Some(ToDelete::Whatever));
    assert_eq!(world.until_order(0), Some(Order::Add));
}

#[test]
fn a_renewal_that_is_refused_is_tried_by_asking_anew() {
    let mut world = World::new();
    world.until_order(3600);
    world.keeping.updated(Err(refused(606)), world.now, world.now);
    assert_eq!(world.until_order(0), Some(Order::Add));
    world.keeping.added(Err(refused(606)), world.now, world.now);
    assert!(matches!(world.told()[..], [PinholeChange::Unconfirmed { .. }]));
    assert_eq!(world.until_order(1), Some(Order::Add), "again, and not at once");
    world.keeping.added(Err(refused(606)), world.now, world.now);
    assert_eq!(world.told(), [], "it is told once");
    // Until the lease has ended.
    for _ in 0..1000 {
        match world.until_order(60) {
            Some(Order::Add) => world.keeping.added(Err(refused(606)), world.now, world.now),
            other => assert_eq!(other, None),
        }
        if matches!(world.keeping.state(), PinholeState::Lost(_)) {
            assert!(matches!(world.told()[..], [PinholeChange::Lost { .. }]));
            return;
        }
    }
    panic!("it stays {:?}", world.keeping.state());
}

#[test]
fn a_firewall_that_is_switched_off_and_on_is_followed() {
    let mut world = World::new();
    world.until_order(3600);
    world.keeping.updated(Err(refused(702)), world.now, world.now);
    assert_eq!(world.told(), [PinholeChange::NotNeeded]);
    assert_eq!(world.keeping.to_delete(), None);
    for _ in 0..5 {
        assert_eq!(world.until_order(60), Some(Order::Add));
        world.keeping.added(Ok(Answer::NotNeeded), world.now, world.now);
        assert_eq!(world.told(), [], "it is told once");
    }
    assert_eq!(world.until_order(60), Some(Order::Add));
    world.keeping.added(Ok(Answer::Open(1)), world.now, world.now);
    assert_eq!(world.told(), [PinholeChange::Opened]);
}

#[test]
fn a_gateway_that_is_gone_is_searched_until_it_is_back() {
    let mut world = World::new();
    world.now += Duration::from_secs(4);
    assert_eq!(world.keeping.order(world.now), Some(Order::Check(7)));
    world.keeping.checked(Err(silence()), world.now);
    for _ in 0..5 {
        assert_eq!(world.until_order(1), Some(Order::Search));
        world.keeping.not_found(NoGateway::default().into(), world.now);
    }
    assert_eq!(world.told(), [PinholeChange::Unconfirmed { why: silence() }]);
    let found = Found {
        boot_id: None,
        location: "http://192.168.77.1:5000/d".to_owned(),
    };
    world.keeping.found(found, world.now);
    assert_eq!(world.until_order(0), Some(Order::Add));
    world.keeping.added(Ok(Answer::Open(7)), world.now, world.now);
    assert_eq!(world.told(), [PinholeChange::Opened]);
}

#[test]
fn what_it_announces_over_another_family_is_no_move() {
    let mut world = World::new();
    world.now += Duration::from_secs(10);
    for location in [
        "http://[fe80::1]:5000/d",
        "http://[fd77::1]:5001/d",
        "http://192.168.77.1:5000/other",
    ] {
        world.keeping.heard_alive(Some(1), Some(location), world.now);
        assert_eq!(world.until_order(0), None, "{location}");
    }
    world
        .keeping
        .heard_alive(Some(1), Some("http://192.168.77.1:5001/d"), world.now);
    assert_eq!(world.until_order(0), Some(Order::Search));
}

#[test]
fn a_gateway_that_cannot_be_looked_at_is_left_alone_until_the_renewal() {
    let mut world = World::new();
    world.keeping.checked(Err(refused(602)), world.now);
    world.now += Duration::from_secs(100);
    assert_eq!(world.keeping.order(world.now), None);
    assert_eq!(world.told(), []);
}

#[test]
fn one_that_was_seen_before_and_is_refused_now_is_asked_for_anew_once() {
    let mut world = World::new();
    world.keeping.checked(Ok(()), world.now);
    world.keeping.checked(Err(refused(402)), world.now);
    assert_eq!(world.until_order(0), Some(Order::Add));
    world.keeping.added(Ok(Answer::Open(7)), world.now, world.now);
    world.keeping.checked(Err(refused(402)), world.now);
    world.now += Duration::from_secs(100);
    assert_eq!(world.keeping.order(world.now), None);
}

#[test]
fn it_follows_our_address() {
    let mut world = World::new();
    let (from, to): (Ipv6Addr, Ipv6Addr) = ("fd77::2".parse().unwrap(), "fd77::3".parse().unwrap());
    world.keeping.follow(from, to, world.now);
    assert_eq!(world.told(), [PinholeChange::InternalClient { from, to }]);
    assert_eq!(world.until_order(0), Some(Order::Add));
}
