//! Keeping mappings until stopped.

use std::time::Duration;

use portreeve::{Change, Gateway, KeptMapping};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::args::Map;
use crate::exit::{End, Failure};
use crate::output::Output;
use crate::views::{Ending, MapEvent, Mapped};

use super::super::stop::Stop;
use super::{FAREWELL, family, request, told};

/// A lease that differs by less is the one that was asked for.
const ROUNDING: Duration = Duration::from_secs(3);

/// Keeps the mappings until stopped, or until nobody reads what happens; then removes them.
pub(super) async fn run(output: &Output, gateway: &Gateway, options: &Map) -> Result<(), End> {
    let mut stop = Stop::listen()?;
    let mut kept = Kept::new();
    let ended = kept.until_stopped(output, gateway, options, &mut stop).await;
    let last = output.during("closing the port", kept.remove()).await;
    ended?;
    output.result(&last)
}

/// Mappings, and what happens to them: which one, and what.
struct Kept {
    mappings: Vec<KeptMapping>,
    happened: mpsc::UnboundedSender<(usize, Change)>,
    happens: mpsc::UnboundedReceiver<(usize, Change)>,
}

impl Kept {
    fn new() -> Self {
        let (happened, happens) = mpsc::unbounded_channel();
        Self {
            mappings: Vec::new(),
            happened,
            happens,
        }
    }

    async fn until_stopped(
        &mut self,
        output: &Output,
        gateway: &Gateway,
        options: &Map,
        stop: &mut Stop,
    ) -> Result<(), End> {
        {
            let mut making = std::pin::pin!(self.make(output, gateway, options));
            tokio::select! {
                made = &mut making => made?,
                // What has been asked for may be granted any moment, and could then not be removed.
                () = stop.asked() => return timeout(FAREWELL, making).await.unwrap_or(Ok(())),
            }
        }
        tokio::select! {
            ended = self.tell(output) => ended,
            () = stop.asked() => Ok(()),
            () = output.abandoned() => Err(End::ReaderGone),
        }
    }

    async fn make(&mut self, output: &Output, gateway: &Gateway, options: &Map) -> Result<(), End> {
        for protocol in options.protocol.each() {
            let other = self.mappings.first().map(|first| first.external().port);
            let making = request(gateway, options, protocol, other).keep();
            let kept = output.during("opening the port", making).await?;
            let mapping = kept.mapping();
            self.listen(&kept);
            self.mappings.push(kept);
            output.event(&MapEvent::Mapped {
                mapping: told::mapping(&mapping),
                renewal_seconds: renewal(options.lease, mapping.lease()),
            })?;
        }
        Ok(())
    }

    fn listen(&self, kept: &KeptMapping) {
        let mut changes = kept.changes();
        let (number, happened) = (self.mappings.len(), self.happened.clone());
        tokio::spawn(async move {
            while let Some(change) = changes.next().await {
                if happened.send((number, change)).is_err() {
                    break;
                }
            }
        });
    }

    /// Tells what happens. Ends only with a failure.
    async fn tell(&mut self, output: &Output) -> Result<(), End> {
        while let Some((number, change)) = self.happens.recv().await {
            let kept = self.mappings.get(number);
            if let Some(event) = kept.and_then(|kept| event(output, kept, change)) {
                output.event(&event)?;
            }
        }
        Ok(())
    }

    /// Removes all at once, as far as the gateway does it in time.
    async fn remove(self) -> Mapped {
        let mappings = self.mappings.iter().map(|kept| told::mapping(&kept.mapping()));
        let mappings = mappings.collect();
        let removing: JoinSet<_> = self.mappings.into_iter().map(KeptMapping::remove).collect();
        let removed = timeout(FAREWELL, removing.join_all()).await;
        let ending = match removed {
            Ok(removed) if removed.iter().all(Result::is_ok) => Ending::Removed,
            _ => Ending::Stuck,
        };
        family::mapped(mappings, ending)
    }
}

/// Time between renewals, in seconds, if the mapping has a lease. Gateways count down while they are being asked.
fn renewal(asked: Duration, granted: Option<Duration>) -> Option<u64> {
    let lease = granted.map(|granted| {
        if granted.abs_diff(asked) < ROUNDING {
            asked
        } else {
            granted
        }
    })?;
    Some(lease.as_secs() / 2)
}

/// What is told of a change; renewals only to those who want to know all.
fn event(output: &Output, kept: &KeptMapping, change: Change) -> Option<MapEvent> {
    let mapping = told::mapping(&kept.mapping());
    match change {
        Change::Renewed { .. } => output.verbose.then_some(MapEvent::Renewed { mapping }),
        Change::Unconfirmed { why } => Some(MapEvent::Unconfirmed {
            mapping,
            error: Failure::from(&why),
        }),
        Change::Lost { why } => Some(MapEvent::Lost {
            mapping,
            error: Failure::from(&why),
        }),
        Change::Restored => Some(MapEvent::Restored { mapping }),
        Change::ExternalAddress { .. } => Some(MapEvent::ExternalAddress { mapping }),
        Change::ExternalPort { .. } => Some(MapEvent::ExternalPort { mapping }),
        Change::InternalClient { .. } => Some(MapEvent::InternalClient { mapping }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_has_just_begun_is_told_as_it_was_asked_for() {
        let seconds = Duration::from_secs;
        assert_eq!(renewal(seconds(3600), Some(seconds(3599))), Some(1800));
        assert_eq!(renewal(seconds(3600), Some(seconds(600))), Some(300));
        assert_eq!(renewal(seconds(3600), None), None);
    }
}
