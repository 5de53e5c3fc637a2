//! Whatever the table, the pages and what is removed meanwhile: what was there throughout is listed, what never was is
//! not, and it comes to an end.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::gateway::{Gateway, Order, entry};
use super::{Entry, listed};
use crate::listing::pager::{End, Page, Pager};
use crate::mapping::Protocol;

/// Few ports and few hosts, so that ports are shared.
fn tables() -> impl Strategy<Value = Vec<Entry>> {
    let key = (any::<bool>(), prop_oneof![0u16..6, 65_530..=65_535u16], 0u16..30);
    let keys = btree_set(key, 0..120).prop_map(Vec::from_iter).prop_shuffle();
    keys.prop_map(|keys| {
        let entries = keys.into_iter().map(|(udp, port, host)| {
            let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
            entry(protocol, port, host)
        });
        entries.collect()
    })
}

proptest! {
    #[test]
    fn what_is_there_throughout_is_listed(
        table in tables(),
        cap in prop_oneof![Just(None), (1usize..40).prop_map(Some), Just(Some(5000))],
        sorted in any::<bool>(),
        counts in any::<bool>(),
        removals in vec((1u32..150, 0usize..120), 0..5),
    ) {
        let mut gateway = match cap {
            Some(cap) => Gateway::paging(table.clone(), cap),
            None => Gateway::walking(table.clone()),
        };
        gateway.order = if sorted { Order::Sorted } else { Order::Unsorted };
        // Without pages, nothing but the count shows that an array has shifted; without order, that a page was cut.
        gateway.counts = counts || cap.is_none() || !sorted;
        for (request, index) in removals {
            gateway.remove_at_request(request, index);
        }
        let listing = listed(&gateway).unwrap();
        for entry in &listing.entries {
            prop_assert!(table.contains(entry), "{entry:?} never was");
        }
        if listing.complete {
            for entry in gateway.entries() {
                prop_assert!(listing.entries.contains(&entry), "{entry:?} is missing");
            }
        }
        // At most two pages a port and protocol and some to end with; four walks.
        prop_assert!(gateway.requests() < 2 * 24 + 10 + 4 * 140, "{} requests", gateway.requests());
    }

    #[test]
    fn a_table_at_rest_is_listed_whole(
        table in tables(),
        cap in prop_oneof![Just(None), (1usize..40).prop_map(Some), Just(Some(5000))],
        sorted in any::<bool>(),
        counts in any::<bool>(),
    ) {
        let mut gateway = match cap {
            Some(cap) => Gateway::paging(table.clone(), cap),
            None => Gateway::walking(table.clone()),
        };
        gateway.order = if sorted { Order::Sorted } else { Order::Unsorted };
        gateway.counts = counts || !sorted;
        let listing = listed(&gateway).unwrap();
        prop_assert!(listing.complete);
        prop_assert_eq!(listing.entries, super::sorted(table));
    }

    /// The pages of a gateway that answers anything at all.
    #[test]
    fn the_pager_comes_to_an_end(pages in vec(any_page(), 0..400)) {
        let mut pager = Pager::default();
        let mut pages = pages.into_iter();
        let mut previous = None;
        while let Some(request) = pager.next() {
            prop_assert_ne!(Some(request), previous, "the same is asked twice");
            previous = Some(request);
            pager.feed(pages.next().unwrap_or(Page::Nothing));
        }
        let pages = pager.finish();
        prop_assert!(pages.end != End::Complete || pages.requests >= 2);
    }
}

fn any_page() -> impl Strategy<Value = Page> {
    let entries = vec((any::<bool>(), any::<u16>(), 0u16..3), 0..8).prop_map(|keys| {
        let entries = keys.into_iter().map(|(udp, port, host)| {
            let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
            entry(protocol, port, host)
        });
        Page::Entries(entries.collect())
    });
    prop_oneof![8 => entries, 1 => Just(Page::TooMuch), 1 => Just(Page::Nothing)]
}
