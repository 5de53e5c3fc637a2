//! Weeks of keeping against a gateway that is a few fields.

mod any_order;
mod epoch;
mod events;

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use super::*;
use crate::error::{Conversation, Refusal, Untrue};
use crate::mapping::{Description, LeaseSeconds, Made, Protocol, Verification};
use crate::port_control::Carrier;

const LEASE: u32 = 3600;
const DAY: Duration = Duration::from_secs(86_400);
const FIRST: MappingId = MappingId(1);

fn wanted(internal_port: u16) -> Wanted {
    let internal_port = NonZeroU16::new(internal_port).unwrap();
    Wanted {
        protocol: Protocol::Udp,
        external: External::Preferred(internal_port),
        internal_client: Ipv4Addr::new(192, 168, 77, 2),
        internal_port,
        lease: LeaseSeconds::new(Duration::from_secs(LEASE.into())).unwrap(),
        remote_host: None,
        description: Description::new("test").unwrap(),
    }
}

fn silence() -> Error {
    Conversation::Timeout {
        address: "gateway".to_owned(),
        waited: Duration::from_secs(3),
    }
    .into()
}

fn not_there(port: NonZeroU16) -> Error {
    Untrue::NotThere {
        external_port: port.get(),
        protocol: Protocol::Udp,
    }
    .into()
}

/// A gateway, a keeper, and the time between them. A request takes 2 ms, one in vain a second.
struct World {
    now: Instant,
    keeping: Keeping,
    /// When each port's lease ends.
    table: BTreeMap<NonZeroU16, Instant>,
    up: bool,
    boot_id: u32,
    local: Ipv4Addr,
    uptime_from: Instant,
    external: Option<IpAddr>,
    /// Of ten requests, so many are lost.
    losses: u64,
    refusal: Option<u16>,
    /// Searches are answered, requests are not.
    refused_like_a_closed_port: bool,
    random: Random,
    told: Vec<(Instant, MappingId, Change)>,
    requests: BTreeMap<&'static str, u64>,
}

impl World {
    fn new(mappings: u64, seed: u64) -> Self {
        let now = Instant::now();
        let mut world = Self {
            now,
            keeping: Keeping::new(found(1, Ipv4Addr::new(192, 168, 77, 2)), None, now, seed),
            table: BTreeMap::new(),
            up: true,
            boot_id: 1,
            local: Ipv4Addr::new(192, 168, 77, 2),
            uptime_from: now,
            external: None,
            losses: 0,
            refusal: None,
            refused_like_a_closed_port: false,
            random: Random(seed),
            told: Vec::new(),
            requests: BTreeMap::new(),
        };
        for id in 1..=mappings {
            let wanted = wanted(1000 + id as u16);
            let lease = Duration::from_secs(LEASE.into());
            let port = wanted.internal_port;
            world.table.insert(port, now + lease);
            world
                .keeping
                .keep(MappingId(id), Kept::new(wanted, true, by_upnp(port)), Some(lease), now);
        }
        world
    }

    fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    fn run_until(&mut self, end: Instant) {
        while self.now < end {
            if self.keeping.looks_home(self.now) {
                let there = self.keeping.gateway.local == self.local;
                self.keeping.looked_home(there, self.now);
            }
            match self.keeping.order(self.now) {
                Some(order) => self.carry_out(order),
                None => {
                    let wake_at = self.keeping.wake_at().unwrap();
                    assert!(wake_at > self.now, "it would spin");
                    self.now = wake_at.min(end);
                }
            }
            let now = self.now;
            self.told
                .extend(self.keeping.changes().map(|(id, change)| (now, id, change)));
        }
    }

    fn carry_out(&mut self, order: Order) {
        let name = match order {
            Order::Renew { .. } => "renew",
            Order::Check { .. } => "check",
            Order::Survey(_) => "survey",
            Order::Search => "search",
        };
        *self.requests.entry(name).or_default() += 1;
        let closed = self.refused_like_a_closed_port && order != Order::Search;
        let answered = self.up && !closed && self.random.next() % 10 >= self.losses;
        let since = self.now;
        self.now += match answered {
            true => Duration::from_millis(2),
            false => Duration::from_secs(1),
        };
        match order {
            Order::Renew { id, .. } if !answered => self.keeping.not_renewed(id, silence(), self.now),
            Order::Renew { id, wanted, asked, .. } => {
                if let Some(code) = self.refusal {
                    let refusal = Refusal {
                        action: "AddPortMapping".to_owned(),
                        code,
                        description: String::new(),
                    };
                    return self.keeping.not_renewed(id, refusal.into(), self.now);
                }
                let port = match (asked.purpose, wanted.external) {
                    (Purpose::Renewal(port) | Purpose::Restoration(port), _) => port,
                    (_, External::Preferred(port)) => port,
                    other => panic!("{other:?}"),
                };
                self.table.insert(port, self.now + Duration::from_secs(LEASE.into()));
                self.keeping.renewed(id, &made(port), since);
            }
            Order::Check { id, entry, .. } => {
                let external_port = entry.external_port;
                let result = match self.table.get(&external_port) {
                    _ if !answered => Checked::Unknown(silence()),
                    Some(&end) if end > self.now => Checked::There,
                    _ => Checked::Gone(not_there(external_port)),
                };
                self.keeping.checked(id, result, self.now);
            }
            Order::Survey(_) => {
                let survey = Survey {
                    connected: Some(true),
                    uptime: Some((self.now - self.uptime_from).as_secs() as u32),
                    external_address: Some(self.external),
                    system_update_id: None,
                };
                let result = if answered { Ok(survey) } else { Err(silence()) };
                self.keeping.surveyed(result, self.now);
            }
            Order::Search if answered => self.keeping.found(found(self.boot_id, self.local), self.now),
            Order::Search => self.keeping.not_found(silence(), self.now),
        }
    }

    fn restart(&mut self, away: Duration) {
        self.up = false;
        self.table.clear();
        self.run_for(away);
        self.up = true;
        self.boot_id += 1;
        self.uptime_from = self.now;
    }

    fn all_in_force(&self) -> bool {
        self.keeping.mappings.values().all(|kept| kept.state == State::InForce)
            && self.keeping.mappings.values().all(|kept| {
                self.table
                    .get(&kept.entry.external_port)
                    .is_some_and(|&end| end > self.now)
            })
    }

    fn of(&self, wanted: MappingId) -> Vec<&Change> {
        let told = self.told.iter().filter(|(_, id, _)| *id == wanted);
        told.map(|(.., change)| change).collect()
    }
}

fn found(boot_id: u32, local: Ipv4Addr) -> Found {
    Found {
        host: Ipv4Addr::new(192, 168, 77, 1).into(),
        udn: "uuid:1".to_owned(),
        boot_id: Some(boot_id),
        location: "http://192.168.77.1/d".to_owned(),
        local,
    }
}

fn by_upnp(external_port: NonZeroU16) -> Entry {
    Entry {
        carrier: Carrier::Igd,
        external_port,
    }
}

fn made(external_port: NonZeroU16) -> Made {
    Made {
        carrier: Carrier::Igd,
        external_port,
        lease: Some(LEASE),
        sure_for: Some(LEASE),
        verification: Verification::Proven,
        notes: Vec::new(),
        external_address: None,
    }
}

#[test]
fn over_thirty_days_no_lease_runs_out_though_requests_are_lost() {
    for (seed, losses) in [(1, 0), (2, 1), (3, 6)] {
        let mut world = World::new(5, seed);
        world.losses = losses;
        world
            .keeping
            .heard_alive(Some(1), Some("http://192.168.77.1/d"), world.now);
        let end = world.now + 30 * DAY;
        while world.now < end {
            world.run_for(Duration::from_secs(100));
            assert!(world.table.values().all(|&end| end > world.now), "seed {seed}");
        }
        let lost = world
            .told
            .iter()
            .filter(|(.., change)| matches!(change, Change::Lost { .. }))
            .count();
        assert_eq!(lost, 0, "seed {seed}");
    }
}

#[test]
fn an_announced_restart_is_mended_at_once() {
    for _ in 0..2 {
        let mut world = World::new(50, 1);
        world.run_for(DAY);
        world.keeping.heard_byebye(world.now);
        world.restart(Duration::from_secs(40));
        world
            .keeping
            .heard_alive(Some(world.boot_id), Some("http://192.168.77.1/d"), world.now);
        world.run_for(Duration::from_secs(1));
        assert!(world.all_in_force());
        assert!(matches!(
            world.of(FIRST)[..],
            [.., Change::Unconfirmed { .. }, Change::Lost { .. }, Change::Restored]
        ));
    }
}

#[test]
fn a_restart_without_a_word_is_mended_within_five_seconds() {
    for away in [0, 1, 3, 10, 50, 59] {
        let mut world = World::new(50, away);
        world.run_for(DAY + Duration::from_millis(333));
        world.restart(Duration::from_secs(away));
        world.run_for(Duration::from_secs(5));
        assert!(world.all_in_force(), "after {away} s");
    }
}

#[test]
fn a_new_address_after_a_restart_without_a_word_is_told_as_soon() {
    let mut world = World::new(50, 1);
    world.run_for(DAY + Duration::from_millis(333));
    // The gateway is back before anybody asked.
    world.restart(Duration::ZERO);
    world.external = Some([11, 11, 11, 50].into());
    world.run_for(Duration::from_secs(5));
    let told = world.of(FIRST);
    assert!(
        told.iter()
            .any(|change| matches!(change, Change::ExternalAddress { .. })),
        "{told:?}"
    );
}

/// As one that was found by its description alone, for instance because it was remembered.
#[test]
fn restarts_are_heard_of_a_gateway_whose_boot_id_was_not_known_when_it_was_found() {
    let mut world = World::new(3, 1);
    world.keeping.gateway.boot_id = None;
    let description = Some("http://192.168.77.1/d");
    world.keeping.heard_alive(Some(1), description, world.now);
    // Where announcements come through, checks are rare.
    world.run_for(Duration::from_secs(10));
    world.restart(Duration::ZERO);
    world.keeping.heard_alive(Some(2), description, world.now);
    world.run_for(Duration::from_secs(1));
    assert!(world.all_in_force());
}

#[test]
fn a_new_boot_id_alone_leads_to_a_look_at_everything() {
    let mut world = World::new(3, 1);
    world.run_for(Duration::from_secs(101));
    world
        .keeping
        .heard_alive(Some(1), Some("http://192.168.77.1/d"), world.now);
    assert_eq!(
        world.keeping.order(world.now),
        None,
        "the same run announces itself again and again"
    );
    world.table.clear();
    world
        .keeping
        .heard_alive(Some(2), Some("http://192.168.77.1/d"), world.now);
    world.run_for(Duration::from_secs(1));
    assert!(world.all_in_force());
}

#[test]
fn uptime_that_goes_back_leads_to_a_look_at_everything() {
    let mut world = World::new(3, 1);
    // Checks are rare once announcements are known to come through.
    world
        .keeping
        .heard_alive(Some(1), Some("http://192.168.77.1/d"), world.now);
    world.run_for(DAY);
    world.uptime_from = world.now;
    world.table.clear();
    world.run_for(schedule::SURVEY + Duration::from_secs(1));
    assert!(world.all_in_force());
}

#[test]
fn a_long_absence_is_searched_through_ever_more_rarely() {
    let mut world = World::new(1, 1);
    world.run_for(Duration::from_secs(100));
    world.requests.clear();
    world.restart(Duration::from_secs(60));
    let first_minute = world.requests["search"];
    assert!((38..=61).contains(&first_minute), "{first_minute}");
    world.requests.clear();
    world.restart(DAY);
    assert!(world.requests["search"] < 3000 + 60);
    world.run_for(Duration::from_secs(31));
    assert!(world.all_in_force());
}

#[test]
fn a_lease_that_ends_in_an_absence_is_told() {
    let mut world = World::new(1, 1);
    world.run_for(Duration::from_secs(600));
    world.up = false;
    world.run_for(Duration::from_secs(7200));
    let told = world.of(FIRST);
    assert!(
        matches!(told[..], [Change::Unconfirmed { .. }, Change::Lost { .. }]),
        "{told:?}"
    );
}

#[test]
fn a_refusal_backs_off_and_ends_well() {
    let mut world = World::new(1, 1);
    world.refusal = Some(501);
    world.run_for(Duration::from_secs(3500));
    assert!(matches!(world.of(FIRST)[..], [Change::Unconfirmed { .. }]));
    let tries = world.requests["renew"];
    assert!((20..45).contains(&tries), "{tries}");
    world.refusal = None;
    world.run_for(Duration::from_secs(60));
    assert!(matches!(
        world.of(FIRST)[..],
        [Change::Unconfirmed { .. }, Change::Restored]
    ));
}

#[test]
fn our_new_address_is_followed() {
    let mut world = World::new(2, 1);
    let stays = MappingId(2);
    world.keeping.mappings.get_mut(&stays).unwrap().follows_us = false;
    world.run_for(Duration::from_secs(100));
    let (from, to) = (world.local, Ipv4Addr::new(192, 168, 77, 99));
    world.local = to;
    world.run_for(schedule::LOOK_HOME + Duration::from_secs(1));
    assert_eq!(
        world.of(FIRST),
        [
            &Change::InternalClient { from, to },
            &Change::Renewed {
                lease: Some(Duration::from_secs(3600))
            }
        ]
    );
    assert!(world.of(stays).is_empty());
    assert_eq!(world.keeping.get(FIRST).unwrap().wanted.internal_client, to);
}

#[test]
fn a_new_external_address_is_told_once_and_mappings_are_looked_at() {
    let mut world = World::new(1, 1);
    world
        .keeping
        .heard_alive(Some(1), Some("http://192.168.77.1/d"), world.now);
    world.run_for(Duration::from_secs(100));
    let to = Some("11.11.11.2".parse().unwrap());
    world.external = to;
    world.table.clear();
    world.run_for(schedule::SURVEY + Duration::from_secs(1));
    assert_eq!(world.of(FIRST)[0], &Change::ExternalAddress { from: None, to });
    assert!(world.all_in_force());
    world.run_for(DAY);
    let addresses = world
        .of(FIRST)
        .iter()
        .filter(|change| matches!(change, Change::ExternalAddress { .. }))
        .count();
    assert_eq!(addresses, 1);
}

#[test]
fn a_thousand_mappings_cost_two_renewals_an_hour_each_and_little_else() {
    let mut world = World::new(1000, 1);
    world
        .keeping
        .heard_alive(Some(1), Some("http://192.168.77.1/d"), world.now);
    world.run_for(3 * Duration::from_secs(3600));
    world.requests.clear();
    let mut busiest = 0;
    for _ in 0..3600 {
        let before = world.requests.get("renew").copied().unwrap_or(0);
        world.run_for(Duration::from_secs(1));
        busiest = busiest.max(world.requests.get("renew").copied().unwrap_or(0) - before);
    }
    let of = |name| world.requests.get(name).copied().unwrap_or(0);
    assert!((1900..2150).contains(&of("renew")), "{}", of("renew"));
    assert!(
        of("check") <= 61 && of("survey") <= 61 && of("search") == 0,
        "{:?}",
        world.requests
    );
    assert!(busiest <= 30, "renewals are spread: {busiest} in one second");
}

#[test]
fn a_gateway_that_is_found_and_does_not_answer_is_not_searched_without_end() {
    let mut world = World::new(1, 1);
    world.refused_like_a_closed_port = true;
    world.run_for(Duration::from_secs(3000));
    let searches = world.requests["search"];
    assert!((90..130).contains(&searches), "{searches}");
    world.refused_like_a_closed_port = false;
    world.run_for(Duration::from_secs(31));
    assert!(world.all_in_force());
}

#[test]
fn what_is_forgotten_is_left_alone() {
    let mut world = World::new(1, 1);
    assert!(world.keeping.forget(FIRST).is_some());
    assert_eq!(world.keeping.wake_at(), None);
    assert_eq!(world.keeping.order(world.now + DAY), None);
}

#[test]
fn a_gateway_that_cannot_be_looked_at_is_written_to_again() {
    let mut world = World::new(5, 1);
    world.keeping.checked(FIRST, Checked::Impossible, world.now);
    world.run_for(Duration::from_secs(100));
    assert_eq!(world.requests.get("check"), None);
    world.restart(Duration::ZERO);
    world
        .keeping
        .heard_alive(Some(2), Some("http://192.168.77.1/d"), world.now);
    world.run_for(Duration::from_secs(1));
    assert!(world.all_in_force());
}

#[test]
fn what_was_not_there_before_an_absence_may_be_somebody_elses_after_it() {
    let mut world = World::new(1, 1);
    let gone = not_there(world.keeping.get(FIRST).unwrap().entry.external_port);
    world.keeping.checked(FIRST, Checked::Gone(gone), world.now);
    world.keeping.heard_byebye(world.now);
    assert_eq!(world.keeping.order(world.now), Some(Order::Search));
    world.keeping.found(found(1, world.local), world.now + DAY);
    let order = world.keeping.order(world.now + DAY);
    assert!(
        matches!(
            order,
            Some(Order::Renew {
                asked: Asked {
                    purpose: Purpose::New,
                    ..
                },
                ..
            })
        ),
        "{order:?}"
    );
}

#[test]
fn announcements_of_strangers_do_not_keep_anybody_busy() {
    let mut world = World::new(100, 1);
    world.run_for(Duration::from_secs(100));
    world.requests.clear();
    for number in 0..6000 {
        match number % 3 {
            0 => world.keeping.heard_byebye(world.now),
            1 => world
                .keeping
                .heard_alive(Some(number), Some("http://192.168.77.66/d"), world.now),
            _ => world.keeping.heard_update(Some(number), world.now),
        }
        world.run_for(Duration::from_millis(10));
    }
    let of = |name| world.requests.get(name).copied().unwrap_or(0);
    assert!(
        of("search") <= 31 && of("survey") <= 62 && of("check") <= 3200,
        "{:?}",
        world.requests
    );
    assert!(world.all_in_force());
}

#[test]
fn a_machine_that_slept_renews_everything_at_once() {
    let mut world = World::new(50, 1);
    world
        .keeping
        .heard_alive(Some(1), Some("http://192.168.77.1/d"), world.now);
    world.run_for(Duration::from_secs(100));
    // The leases ran on.
    world.table.clear();
    world.keeping.woke_up(world.now);
    world.run_for(Duration::from_secs(1));
    assert!(world.all_in_force());
}
