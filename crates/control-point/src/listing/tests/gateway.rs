//! A gateway in memory, which counts what it is asked and changes meanwhile.

use std::ops::Range;
use std::sync::Mutex;

use crate::error::Error;
use crate::listing::Entry;
use crate::listing::gather::Source;
use crate::listing::pager::{Page, PageRequest};
use crate::listing::walk::Slot;
use crate::mapping::Protocol;

pub(super) struct Gateway {
    /// Most entries of a page; none if there are no pages.
    pub(super) cap: Option<usize>,
    pub(super) order: Order,
    /// From which NewNumberOfPorts on it fails.
    pub(super) too_much: u16,
    /// Whether it tells PortMappingNumberOfEntries.
    pub(super) counts: bool,
    pub(super) hidden: Hidden,
    /// Whether it refuses pages with ports below 1024.
    pub(super) forbids_low_ports: bool,
    /// Whether it shows the last mapping again at each index past the end.
    pub(super) endless: bool,
    state: Mutex<State>,
}

/// In which order a page is filled.
#[derive(PartialEq, Eq)]
pub(super) enum Order {
    Sorted,
    Unsorted,
}

pub(super) enum Hidden {
    None,
    /// The indices that are refused with 606.
    From(Range<usize>),
}

struct State {
    /// In the order of the array.
    entries: Vec<Entry>,
    requests: u32,
    update_id: u32,
    /// At which request which index is removed.
    removals: Vec<(u32, usize)>,
}

pub(super) fn entry(protocol: Protocol, external_port: u16, remote_host: u16) -> Entry {
    let [high, low] = remote_host.to_be_bytes();
    Entry {
        remote_host: match remote_host {
            0 => String::new(),
            _ => format!("11.11.{high}.{low}"),
        },
        external_port,
        protocol,
        internal_client: "192.168.77.2".to_owned(),
        internal_port: external_port,
        enabled: true,
        description: "a test".to_owned(),
        lease: None,
    }
}

impl Gateway {
    /// One that has pages, of this many entries at most.
    pub(super) fn paging(entries: Vec<Entry>, cap: usize) -> Self {
        Self {
            cap: Some(cap),
            ..Self::walking(entries)
        }
    }

    /// One that has no pages.
    pub(super) fn walking(entries: Vec<Entry>) -> Self {
        Self {
            cap: None,
            order: Order::Sorted,
            too_much: u16::MAX,
            counts: true,
            hidden: Hidden::None,
            forbids_low_ports: false,
            endless: false,
            state: Mutex::new(State {
                entries,
                requests: 0,
                update_id: 7,
                removals: Vec::new(),
            }),
        }
    }

    /// Has the mapping at an index removed just before the request of this number is answered, the first being 1.
    pub(super) fn remove_at_request(&self, request: u32, index: usize) {
        self.state.lock().unwrap().removals.push((request, index));
    }

    pub(super) fn requests(&self) -> u32 {
        self.state.lock().unwrap().requests
    }

    /// What is there now.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.state.lock().unwrap().entries.clone()
    }

    /// One more request has come.
    fn answer<T>(&self, from: impl FnOnce(&State) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let now = state.requests;
        let due: Vec<usize> = state
            .removals
            .iter()
            .filter(|(at, _)| *at == now)
            .map(|(_, index)| *index)
            .collect();
        for index in due {
            if index < state.entries.len() {
                state.entries.remove(index);
                state.update_id += 1;
            }
        }
        from(&state)
    }
}

impl Source for Gateway {
    fn has_pages(&self) -> bool {
        self.cap.is_some()
    }

    async fn page(&self, request: PageRequest) -> Page {
        self.answer(|state| {
            if request.number >= self.too_much {
                return Page::TooMuch;
            }
            if self.forbids_low_ports && request.start < 1024 {
                return Page::Forbidden;
            }
            let in_range = |entry: &&Entry| entry.protocol == request.protocol && entry.external_port >= request.start;
            let mut page: Vec<Entry> = state.entries.iter().filter(in_range).cloned().collect();
            if self.order == Order::Sorted {
                page.sort_by_key(|entry| entry.external_port);
            }
            page.truncate(self.cap.unwrap_or_default().min(request.number.into()));
            match page.is_empty() {
                true => Page::Nothing,
                false => Page::Entries(page),
            }
        })
    }

    async fn slot(&self, index: u16) -> Result<Slot, Error> {
        let index = usize::from(index);
        Ok(self.answer(|state| match (&self.hidden, state.entries.get(index)) {
            (Hidden::From(hidden), _) if hidden.contains(&index) => Slot::Hidden,
            (_, Some(entry)) => Slot::Entry(entry.clone()),
            (_, None) if self.endless => state.entries.last().cloned().map_or(Slot::End, Slot::Entry),
            (_, None) => Slot::End,
        }))
    }

    async fn number_of_entries(&self) -> Option<u32> {
        self.answer(|state| self.counts.then(|| u32::try_from(state.entries.len()).unwrap()))
    }

    async fn system_update_id(&self) -> Option<u32> {
        match self.cap {
            Some(_) => self.answer(|state| Some(state.update_id)),
            None => None,
        }
    }
}
