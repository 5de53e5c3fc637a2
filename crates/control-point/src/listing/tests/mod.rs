//! The way of listing against gateways in memory.

mod gateway;
mod properties;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::gather::gather;
use super::*;
use crate::mapping::Protocol;
use gateway::{Gateway, Hidden, Order, entry};

/// Lists what is in a gateway in memory, whose answers are there at once.
fn listed(gateway: &Gateway) -> Result<Gathered, Error> {
    let listing = pin!(gather(gateway));
    match listing.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(listing) => listing,
        Poll::Pending => panic!("a gateway in memory never waits"),
    }
}

/// 450 mappings, 150 of them on one port.
fn crowded() -> Vec<Entry> {
    let spread = (0..300).map(|port| entry(Protocol::Tcp, 20_000 + port, 0));
    spread
        .chain((0..150).map(|host| entry(Protocol::Tcp, 20_100, 1 + host)))
        .collect()
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| (entry.protocol, entry.external_port, entry.remote_host.clone()));
    entries
}

#[test]
fn pages_of_any_size_make_a_whole() {
    let entries: Vec<Entry> = (0..450).map(|port| entry(Protocol::Udp, 1024 + port, 0)).collect();
    for cap in [1, 2, 99, 100, 101, 450, 1000, 5000] {
        let listing = listed(&Gateway::paging(entries.clone(), cap)).unwrap();
        assert_eq!(listing.entries, entries, "pages of {cap}");
        assert!(listing.complete, "pages of {cap}");
        assert!(
            matches!(listing.how, How::Pages { .. }),
            "pages of {cap}: {:?}",
            listing.how
        );
    }
}

#[test]
fn a_page_of_one_port_is_asked_for_with_more_entries_and_then_read_one_by_one() {
    let crowded = crowded();
    let generous = listed(&Gateway::paging(crowded.clone(), 5000)).unwrap();
    assert_eq!(generous.entries, sorted(crowded.clone()));
    assert!(matches!(generous.how, How::Pages { .. }), "{:?}", generous.how);

    let listing = listed(&Gateway::paging(crowded.clone(), 100)).unwrap();
    assert_eq!(listing.entries, sorted(crowded));
    assert!(listing.complete);
    assert!(matches!(listing.how, How::PagesAndIndices { .. }), "{:?}", listing.how);
}

#[test]
fn more_than_a_thousand_of_one_port_need_a_larger_page() {
    let entries: Vec<Entry> = (0..3000).map(|host| entry(Protocol::Tcp, 443, host)).collect();
    let gateway = Gateway::paging(entries.clone(), usize::MAX);
    let listing = listed(&gateway).unwrap();
    assert_eq!(listing.entries, sorted(entries));
    assert!(listing.complete);
    assert!(matches!(listing.how, How::Pages { requests: 5 }), "{:?}", listing.how);
}

#[test]
fn pages_without_order_are_counted() {
    let mut entries: Vec<Entry> = (0..30).map(|port| entry(Protocol::Tcp, 1024 + port, 0)).collect();
    entries.reverse();
    let mut gateway = Gateway::paging(entries.clone(), 1000);
    gateway.order = Order::Unsorted;
    let listing = listed(&gateway).unwrap();
    assert_eq!(listing.entries, sorted(entries.clone()));
    assert!(matches!(listing.how, How::Pages { .. }), "{:?}", listing.how);

    gateway = Gateway::paging(entries.clone(), 7);
    gateway.order = Order::Unsorted;
    let listing = listed(&gateway).unwrap();
    assert_eq!(listing.entries, sorted(entries.clone()));
    assert!(matches!(listing.how, How::PagesAndIndices { .. }), "{:?}", listing.how);
}

#[test]
fn pages_that_are_too_much_are_asked_for_smaller() {
    let entries: Vec<Entry> = (0..450).map(|port| entry(Protocol::Tcp, 1024 + port, 0)).collect();
    let mut gateway = Gateway::paging(entries.clone(), 5000);
    gateway.too_much = 101;
    let listing = listed(&gateway).unwrap();
    assert_eq!(listing.entries, entries);
    assert!(matches!(listing.how, How::Pages { .. }), "{:?}", listing.how);

    gateway.too_much = 1;
    let listing = listed(&gateway).unwrap();
    assert_eq!(listing.entries, entries);
    assert!(matches!(listing.how, How::Indices { .. }), "{:?}", listing.how);
}

#[test]
fn low_ports_that_are_not_shown_in_pages_are_looked_for_in_the_array() {
    let mut entries: Vec<Entry> = (0..250).map(|port| entry(Protocol::Tcp, 1024 + port, 0)).collect();
    entries.extend((0..50).map(|port| entry(Protocol::Udp, 1024 + port, 0)));
    let mut gateway = Gateway::paging(entries.clone(), 100);
    gateway.forbids_low_ports = true;
    let listing = listed(&gateway).unwrap();
    assert_eq!((listing.entries, listing.complete), (entries.clone(), true));
    assert!(matches!(listing.how, How::Pages { .. }), "{:?}", listing.how);

    entries.push(entry(Protocol::Udp, 53, 0));
    gateway = Gateway::paging(entries.clone(), 100);
    gateway.forbids_low_ports = true;
    let listing = listed(&gateway).unwrap();
    assert_eq!((listing.entries, listing.complete), (sorted(entries), true));
    assert!(matches!(listing.how, How::PagesAndIndices { .. }), "{:?}", listing.how);
}

#[test]
fn hidden_mappings_are_passed_over_and_counted() {
    let entries: Vec<Entry> = (0..60).map(|port| entry(Protocol::Tcp, 1024 + port, 0)).collect();
    let mut gateway = Gateway::walking(entries.clone());
    gateway.hidden = Hidden::From(10..40);
    let listing = listed(&gateway).unwrap();
    assert_eq!(listing.entries.len(), 30);
    assert_eq!((listing.skipped, listing.complete), (30, true));

    // One that says "not authorised" to every index is left after a while.
    gateway.hidden = Hidden::From(0..usize::MAX);
    gateway.counts = false;
    let before = gateway.requests();
    let listing = listed(&gateway).unwrap();
    assert_eq!((listing.entries.len(), listing.complete), (0, false));
    assert!(gateway.requests() - before < 1010, "{}", gateway.requests());
}

#[test]
fn an_array_without_end_is_left() {
    let entries: Vec<Entry> = (0..20).map(|port| entry(Protocol::Tcp, 1024 + port, 0)).collect();
    let mut gateway = Gateway::walking(entries.clone());
    gateway.endless = true;
    let listing = listed(&gateway).unwrap();
    assert_eq!((listing.entries, listing.complete), (entries, true));
    assert!(gateway.requests() < 60, "{}", gateway.requests());
}

#[test]
fn an_array_that_shifts_is_read_again() {
    let entries: Vec<Entry> = (0..50).map(|port| entry(Protocol::Tcp, 1024 + port, 0)).collect();
    let gateway = Gateway::walking(entries.clone());
    // While the walk is at index 24, one that it has passed is removed, and the one behind it would be missed.
    gateway.remove_at_request(26, 3);
    let listing = listed(&gateway).unwrap();
    let mut left = entries.clone();
    left.remove(3);
    assert_eq!((listing.entries, listing.complete), (left, true));
}

#[test]
fn an_array_that_never_rests_is_read_four_times() {
    let entries: Vec<Entry> = (0..50).map(|port| entry(Protocol::Tcp, 1024 + port, 0)).collect();
    let gateway = Gateway::walking(entries.clone());
    for round in 0..10 {
        gateway.remove_at_request(20 + 40 * round, 5);
    }
    let listing = listed(&gateway).unwrap();
    assert!(!listing.complete);
    for constant in entries.iter().skip(20) {
        assert!(
            listing.entries.contains(constant),
            "{constant:?} was there all the time"
        );
    }
}

/// A gateway whose array never ends, and which takes three seconds for each answer.
struct Endless;

impl Source for Endless {
    fn has_pages(&self) -> bool {
        true
    }

    async fn page(&self, request: PageRequest) -> Page {
        sleep(Duration::from_secs(3)).await;
        Page::Entries(vec![
            entry(request.protocol, request.start, 0),
            entry(request.protocol, request.start + 1, 0),
        ])
    }

    async fn slot(&self, index: u16) -> Result<Slot, Error> {
        sleep(Duration::from_secs(3)).await;
        Ok(Slot::Entry(entry(Protocol::Tcp, index, 0)))
    }

    async fn number_of_entries(&self) -> Option<u32> {
        Some(u32::MAX)
    }

    async fn system_update_id(&self) -> Option<u32> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let started = Instant::now();
    let listing = gather(&Endless).await.unwrap();
    assert!(!listing.complete && !listing.entries.is_empty());
    assert!(started.elapsed() <= Duration::from_secs(130), "{:?}", started.elapsed());
}
