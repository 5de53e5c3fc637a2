//! Lists mappings page by page (GetListOfPortMappings, WANIPConnection:2 section 2.5.21), without I/O.
//!
//! The action takes a range of external ports and has no offset, and a gateway cuts its answer wherever it likes. So the
//! next page starts at the last port seen, not behind it: mappings of one port with different remote hosts may be on
//! both sides of the cut.
//!
//! What a page cannot show is what lies behind the cut in the middle of one port, what a gateway leaves out that cuts
//! without order, and low ports that it does not show to everybody. Then the [`Pager`] is in doubt at its end, and who drives it has to look elsewhere.

use super::MOST_ENTRIES;
use super::entry::{Entry, Found};
use crate::mapping::Protocol;

/// How many entries are asked for: at first the second of these, more if that is not enough for a port, fewer if the
/// gateway cannot send so many. The answer to the last has some 3 MB.
const SIZES: [u16; 3] = [100, 1000, 8000];

/// Ports below are refused by gateways that follow the recommendation of WANIPConnection:2 section 2.6 for callers who
/// have not proven who they are.
const FIRST_PUBLIC_PORT: u16 = 1024;

/// A page to ask for: all external ports from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageRequest {
    pub(super) protocol: Protocol,
    pub(super) start: u16,
    /// NewNumberOfPorts.
    pub(super) number: u16,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Entries, in the gateway's order.
    Entries(Vec<Entry>),
    /// There are none from there on.
    Nothing,
    /// More than can be read, or than the gateway can send.
    TooMuch,
    /// The gateway does not show these ports to us (606).
    Forbidden,
    /// The gateway does not do this.
    Refused,
}

/// Asks for pages, both protocols one after the other: [`next`](Self::next) tells what to ask for, [`feed`](Self::feed)
/// takes what came, until there is nothing to ask for.
///
/// Each request ends a protocol, goes on at a higher port, or changes the number asked for, which happens three times at
/// most. So it comes to an end whatever the gateway does.
#[derive(Debug)]
pub(super) struct Pager {
    cursor: Option<(Protocol, u16)>,
    first_port: u16,
    size: usize,
    may_grow: bool,
    found: Found,
    requests: u32,
    /// Entries of the largest page so far: one with fewer was not cut.
    largest: usize,
    /// Entries of the largest page that held one port only.
    largest_of_one_port: usize,
    unordered: bool,
    broken_off: bool,
}

/// All that the pages held.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) found: Found,
    pub(super) requests: u32,
    /// How sure it is that this is all.
    pub(super) end: End,
}

/// How a series of pages ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// These are all mappings that there were throughout.
    Complete,
    /// There may be more, which pages cannot show.
    Doubtful,
    /// The gateway stopped answering with pages, perhaps at the first.
    Refused,
}

impl Default for Pager {
    fn default() -> Self {
        Self {
            cursor: Some((Protocol::ALL[0], 0)),
            first_port: 0,
            size: 1,
            may_grow: true,
            found: Found::default(),
            requests: 0,
            largest: 0,
            largest_of_one_port: 0,
            unordered: false,
            broken_off: false,
        }
    }
}

impl Pager {
    /// What to ask for; nothing at the end.
    pub(super) fn next(&self) -> Option<PageRequest> {
        self.cursor.map(|(protocol, start)| PageRequest {
            protocol,
            start,
            number: SIZES[self.size],
        })
    }

    /// Takes what came for [`next`](Self::next).
    pub(super) fn feed(&mut self, page: Page) {
        let Some((protocol, start)) = self.cursor else {
            return;
        };
        self.requests += 1;
        match page {
            Page::Entries(entries) if !entries.is_empty() => self.take(protocol, start, entries),
            // There are gateways that have an empty list instead of a refusal.
            Page::Entries(_) | Page::Nothing => self.end_protocol(protocol),
            Page::TooMuch if self.size > 0 => {
                self.size -= 1;
                self.may_grow = false;
            }
            Page::Forbidden if start < FIRST_PUBLIC_PORT => {
                self.first_port = FIRST_PUBLIC_PORT;
                self.cursor = Some((protocol, FIRST_PUBLIC_PORT));
            }
            Page::TooMuch | Page::Forbidden | Page::Refused => self.break_off(),
        }
    }

    /// What was found.
    pub(super) fn finish(self) -> Pages {
        // A page of one port that is smaller than another page was not cut, so it shows all of that port.
        let crowded = self.largest_of_one_port > 0 && self.largest_of_one_port >= self.largest;
        let end = match self.broken_off {
            true => End::Refused,
            false if self.unordered || crowded || self.first_port > 0 => End::Doubtful,
            false => End::Complete,
        };
        Pages {
            found: self.found,
            requests: self.requests,
            end,
        }
    }

    fn take(&mut self, protocol: Protocol, start: u16, entries: Vec<Entry>) {
        let ports: Vec<u16> = entries.iter().map(|entry| entry.external_port).collect();
        let (count, last) = (ports.len(), ports.iter().copied().max().unwrap_or(start));
        // Before the start are the ports that a gateway shows which does not look at the range.
        let ordered = ports.is_sorted() && ports[0] >= start;
        for entry in entries {
            self.found.enter(entry);
        }
        let cut_by_larger = self.largest;
        self.largest = self.largest.max(count);
        if self.found.len() > MOST_ENTRIES {
            return self.break_off();
        }

        if ordered && last > start {
            self.cursor = Some((protocol, last));
        } else if count >= usize::from(SIZES[self.size]) && self.grow() {
            // The number asked for was the limit: the same again, and more of it.
        } else if !ordered {
            self.unordered = true;
            self.end_protocol(protocol);
        } else if count < cut_by_larger {
            self.end_protocol(protocol);
        } else {
            self.largest_of_one_port = self.largest_of_one_port.max(count);
            match start.checked_add(1) {
                Some(next) => self.cursor = Some((protocol, next)),
                None => self.end_protocol(protocol),
            }
        }
    }

    fn grow(&mut self) -> bool {
        let grows = self.may_grow && self.size + 1 < SIZES.len();
        self.size += usize::from(grows);
        grows
    }

    fn end_protocol(&mut self, protocol: Protocol) {
        let next = Protocol::ALL.iter().skip_while(|other| **other != protocol).nth(1);
        self.cursor = next.map(|next| (*next, self.first_port));
    }

    fn break_off(&mut self) {
        self.broken_off = true;
        self.cursor = None;
    }
}
