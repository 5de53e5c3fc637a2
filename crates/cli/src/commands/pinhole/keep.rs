//! Keeping pinholes until stopped.

use portreeve::pinhole::PinholeChange;
use portreeve::{KeptPinhole, PinholeRequest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::exit::{End, Failure};
use crate::output::Output;
use crate::views::{Ending, PinholeEvent, PinholesKept};

use super::super::stop::Stop;
use super::{FAREWELL, told};

/// Keeps the pinholes until stopped, or until nobody reads what happens; then closes them. What became of them, and how
/// keeping them ended.
pub(crate) async fn run(
    output: &Output,
    requests: Vec<PinholeRequest>,
) -> Result<(PinholesKept, Result<(), End>), End> {
    let mut stop = Stop::listen()?;
    let mut kept = Kept::new();
    let ended = kept.until_stopped(output, requests, &mut stop).await;
    let last = output.during("closing the pinhole", kept.remove()).await;
    Ok((last, ended))
}

/// Pinholes, and what happens to them: which one, and what.
struct Kept {
    pinholes: Vec<KeptPinhole>,
    happened: mpsc::UnboundedSender<(usize, PinholeChange)>,
    happens: mpsc::UnboundedReceiver<(usize, PinholeChange)>,
}

impl Kept {
    fn new() -> Self {
        let (happened, happens) = mpsc::unbounded_channel();
        Self {
            pinholes: Vec::new(),
            happened,
            happens,
        }
    }

    async fn until_stopped(
        &mut self,
        output: &Output,
        requests: Vec<PinholeRequest>,
        stop: &mut Stop,
    ) -> Result<(), End> {
        {
            let mut making = std::pin::pin!(self.make(output, requests));
            tokio::select! {
                made = &mut making => made?,
                // What has been asked for may be opened any moment, and could then not be closed.
                () = stop.asked() => return timeout(FAREWELL, making).await.unwrap_or(Ok(())),
            }
        }
        tokio::select! {
            ended = self.tell(output) => ended,
            () = stop.asked() => Ok(()),
            () = output.abandoned() => Err(End::ReaderGone),
        }
    }

    async fn make(&mut self, output: &Output, requests: Vec<PinholeRequest>) -> Result<(), End> {
        for request in requests {
            let kept = output.during("opening the pinhole", request.keep()).await?;
            self.listen(&kept);
            let event = present(&kept);
            self.pinholes.push(kept);
            output.event(&event)?;
        }
        Ok(())
    }

    fn listen(&self, kept: &KeptPinhole) {
        let mut changes = kept.changes();
        let (number, happened) = (self.pinholes.len(), self.happened.clone());
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
            let kept = self.pinholes.get(number);
            if let Some(event) = kept.and_then(|kept| event(output, kept, change)) {
                output.event(&event)?;
            }
        }
        Ok(())
    }

    /// Closes all at once, as far as the gateway does it in time.
    async fn remove(self) -> PinholesKept {
        let pinholes = self.pinholes.iter().map(told::kept).collect();
        let removing: JoinSet<_> = self.pinholes.into_iter().map(KeptPinhole::remove).collect();
        let removed = timeout(FAREWELL, removing.join_all()).await;
        let ending = match removed {
            Ok(removed) if removed.iter().all(Result::is_ok) => Ending::Removed,
            _ => Ending::Stuck,
        };
        PinholesKept { pinholes, ending }
    }
}

/// How one is that has just been opened, perhaps again.
fn present(kept: &KeptPinhole) -> PinholeEvent {
    let pinhole = told::kept(kept);
    match pinhole.needed {
        true => PinholeEvent::Opened {
            renewal_seconds: pinhole.lease_seconds / 2,
            pinhole,
        },
        false => PinholeEvent::NotNeeded { pinhole },
    }
}

/// What is told of a change; renewals only to those who want to know all.
fn event(output: &Output, kept: &KeptPinhole, change: PinholeChange) -> Option<PinholeEvent> {
    let pinhole = told::kept(kept);
    match change {
        PinholeChange::Renewed => output.verbose.then_some(PinholeEvent::Renewed { pinhole }),
        PinholeChange::Opened | PinholeChange::NotNeeded => Some(present(kept)),
        PinholeChange::Unconfirmed { why } => Some(PinholeEvent::Unconfirmed {
            pinhole,
            error: Failure::from(&why),
        }),
        PinholeChange::Lost { why } => Some(PinholeEvent::Lost {
            pinhole,
            error: Failure::from(&why),
        }),
        PinholeChange::InternalClient { .. } => Some(PinholeEvent::Client { pinhole }),
        _ => None,
    }
}
