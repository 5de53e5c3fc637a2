//! Watching a gateway by its events, as gateways of the field send them. Tests named by a row play that row.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod falling_back;
mod listener;
mod quirks;
mod telling;

use std::time::{Duration, Instant};

use portreeve::discover;
use portreeve::events::{Change, Learnt, Means, News, Watch};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Misbehaviour, ReceivedRequest};
use tokio::time::timeout;

/// Far above what anything takes here.
const LIMIT: Duration = Duration::from_secs(30);

/// A gateway that does this, and who watches its connection.
struct World {
    gateway: ScriptedGateway,
    watch: Watch,
    began: Instant,
}

impl World {
    async fn of(misbehaviours: impl IntoIterator<Item = Misbehaviour>) -> Self {
        let builder = misbehaviours
            .into_iter()
            .fold(ScriptedGateway::builder(), |builder, misbehaviour| {
                builder.misbehave(misbehaviour)
            });
        let gateway = builder.start_on_loopback();
        let found = discover()
            .gateway(gateway.address())
            .without_cache()
            .timeout(Duration::from_millis(500));
        let request = found.await.unwrap().watch().service("WANIPConnection");
        Self {
            watch: request.interval(Duration::from_millis(100)).start().unwrap(),
            gateway,
            began: Instant::now(),
        }
    }

    async fn next(&mut self) -> News {
        let next = timeout(LIMIT, self.watch.next()).await;
        next.expect("something happens").expect("it is watched")
    }

    /// Skips news until one is like this.
    async fn until<T>(&mut self, like: impl Fn(&News) -> Option<T>) -> T {
        loop {
            let news = self.next().await;
            if let Some(found) = like(&news) {
                return found;
            }
            assert!(self.began.elapsed() < LIMIT, "{news:?} is not it");
        }
    }

    /// Waits until a variable has this value, and tells how that was learnt.
    async fn becomes(&mut self, variable: &str, value: &str) -> Learnt {
        self.until(|news| match news {
            News::Change(Change {
                variable: it, learnt, ..
            }) => (it.name() == variable && it.value() == value).then_some(*learnt),
            _ => None,
        })
        .await
    }

    /// Waits until changes are learnt in another way.
    async fn means(&mut self) -> Means {
        self.until(|news| match news {
            News::Means { means, .. } => Some(means.clone()),
            _ => None,
        })
        .await
    }

    fn asked(&self, method: &str) -> Vec<ReceivedRequest> {
        let mut requests = self.gateway.requests();
        requests.retain(|request| request.method == method);
        requests
    }

    /// Waits until so many requests with this method have come.
    async fn until_asked(&self, method: &str, times: usize) {
        let start = Instant::now();
        while self.asked(method).len() < times {
            assert!(start.elapsed() < LIMIT, "{:?}", self.gateway.requests());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
