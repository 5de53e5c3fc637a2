//! Which way of listing is taken, and whether its result can be believed.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::How;
use super::entry::{Entry, Found};
use super::pager::{End, Page, PageRequest, Pager};
use super::walk::{Slot, Walk, Walked};
use crate::error::Error;

/// How often the array is read again if it changed while it was read.
const REPETITIONS: u32 = 3;

/// How long to go on asking: a gateway that takes seconds for each of ten thousand answers is not waited for.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

/// What mappings are read from: a gateway's connection.
pub(super) trait Source: Sync {
    /// Whether the service has GetListOfPortMappings.
    fn has_pages(&self) -> bool;
    /// A page of it.
    fn page(&self, request: PageRequest) -> impl Future<Output = Page> + Send;
    /// The mapping at an index. Fails if the gateway cannot be talked to.
    fn slot(&self, index: u16) -> impl Future<Output = Result<Slot, Error>> + Send;
    /// PortMappingNumberOfEntries, if the gateway tells it.
    fn number_of_entries(&self) -> impl Future<Output = Option<u32>> + Send;
    /// SystemUpdateID, which changes with every change of the mappings, if the gateway tells it.
    fn system_update_id(&self) -> impl Future<Output = Option<u32>> + Send;
}

/// What was read.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) entries: Vec<Entry>,
    pub(super) skipped: usize,
    pub(super) total: Option<u32>,
    pub(super) how: How,
    pub(super) complete: bool,
}

/// What changes when the array does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    number_of_entries: Option<u32>,
    system_update_id: Option<u32>,
}

/// Reads all mappings: by pages where the gateway has them, by index where it does not, and by both where pages leave a
/// doubt.
pub(super) async fn gather(source: &impl Source) -> Result<Gathered, Error> {
    let until = Instant::now() + LONGEST;
    let total = source.number_of_entries().await;
    if !source.has_pages() {
        return by_index(source, total, Found::default(), 0, until).await;
    }
    let mut pager = Pager::default();
    while let Some(request) = pager.next() {
        pager.feed(match Instant::now() < until {
            true => source.page(request).await,
            false => Page::Refused,
        });
    }
    let pages = pager.finish();
    let counted = total.map(|total| u32::try_from(pages.found.len()).is_ok_and(|found| found >= total));
    // A gateway that cuts its list without order may by chance show a page in order: the count tells.
    let complete = match pages.end {
        End::Complete => counted != Some(false),
        End::Doubtful => counted == Some(true),
        End::Refused => false,
    };
    if complete {
        return Ok(Gathered {
            entries: pages.found.into_entries(),
            skipped: 0,
            total,
            how: How::Pages {
                requests: pages.requests,
            },
            complete: true,
        });
    }
    by_index(source, total, pages.found, pages.requests, until).await
}

/// Reads the array until it does not change meanwhile, in addition to what pages have shown.
async fn by_index(
    source: &impl Source,
    mut total: Option<u32>,
    pages: Found,
    mut requests: u32,
    until: Instant,
) -> Result<Gathered, Error> {
    let paged = !pages.is_empty();
    let mut seen = pages.clone();
    let mut before = Mark {
        number_of_entries: total,
        system_update_id: source.system_update_id().await,
    };
    for repetition in 0.. {
        let walked = walk(source, before.number_of_entries, until).await?;
        requests += walked.requests;
        if let (Some(error), true) = (walked.refusal, walked.found.is_empty() && seen.is_empty()) {
            return Err(error);
        }
        let after = Mark::of(source, before).await;
        total = after.number_of_entries;
        let unchanged = before == after;
        let skipped = walked.skipped;
        seen.enter_all(walked.found.clone());
        if unchanged || repetition == REPETITIONS {
            // What an array in motion showed is all believed, since there is nothing better.
            let entries = match unchanged {
                true => with(pages, walked.found),
                false => seen,
            };
            let how = match paged {
                true => How::PagesAndIndices { requests },
                false => How::Indices { requests },
            };
            return Ok(Gathered {
                entries: entries.into_entries(),
                skipped,
                total,
                how,
                complete: unchanged && walked.complete,
            });
        }
        before = after;
    }
    unreachable!("the last repetition returns")
}

async fn walk(source: &impl Source, total: Option<u32>, until: Instant) -> Result<Walked, Error> {
    let mut walk = Walk::new(total);
    while let Some(index) = walk.next()
        && Instant::now() < until
    {
        walk.feed(source.slot(index).await?);
    }
    Ok(walk.finish())
}

fn with(mut pages: Found, walked: Found) -> Found {
    pages.enter_all(walked);
    pages
}

impl Mark {
    /// As it is now, of what the gateway told before.
    async fn of(source: &impl Source, before: Self) -> Self {
        Self {
            number_of_entries: match before.number_of_entries {
                Some(_) => source.number_of_entries().await,
                None => None,
            },
            system_update_id: match before.system_update_id {
                Some(_) => source.system_update_id().await,
                None => None,
            },
        }
    }
}
