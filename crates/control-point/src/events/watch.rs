//! The shell around [`Watching`]: a task that subscribes, asks and searches, and the application's end of it.

use std::time::Duration;

use portreeve_wire::Url;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::look::{self, Asked, Seen};
use super::subscriber::Subscriber;
use super::subscription;
use super::watching::{Ability, Order, Verdict, Watching};
use super::{Means, News, NoEvents, Service};
use crate::discovery::{Announcement, Announcements};
use crate::error::{Conversation, Error};
use crate::gateway::{Gateway, OfferedService};
use crate::keeper::{find_again, is_elsewhere};
use crate::network::BoxFuture;

/// News that wait to be read. Who does not read them is told no more after a while: the subscriptions run out.
const QUEUE: usize = 64;

/// How often a gateway without events is asked, unless said otherwise.
const INTERVAL: Duration = Duration::from_secs(5);

/// Some gateways stumble over requests in a hurry.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// What a watch shall be. Begun with [`Gateway::watch`], ended with [`start`](Self::start).
#[derive(Clone, Debug)]
#[must_use = "nothing is watched before `start`"]
pub struct WatchRequest {
    gateway: Gateway,
    services: Vec<String>,
    interval: Duration,
}

/// News of a gateway, until this is dropped or [ended](Self::end).
#[derive(Debug)]
pub struct Watch {
    news: mpsc::Receiver<News>,
    /// Asks the task to end, and hears when it has.
    end: Option<oneshot::Sender<oneshot::Sender<()>>>,
}

impl Gateway {
    /// Watches the gateway's state variables: by its events, and where it has none or they do not come through, by asking.
    ///
    /// The first news tell the values that there are, and for each service how changes are learnt.
    pub fn watch(&self) -> WatchRequest {
        WatchRequest {
            gateway: self.clone(),
            services: Vec::new(),
            interval: INTERVAL,
        }
    }
}

impl WatchRequest {
    /// Only this service, and others named in the same way: by type or identifier, `WANIPConnection`,
    /// `WANIPConnection:2`, `WANIPConn1`, or the whole URN of either. The default is all.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.services.push(name.into());
        self
    }

    /// Time between two questions to a gateway without events: at least a tenth of a second. The default is 5 seconds.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(SHORTEST_INTERVAL);
        self
    }

    /// Begins, in a task of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the gateway has no service of that name.
    pub fn start(self) -> Result<Watch, Error> {
        let sources = self.sources()?;
        let (told, news) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        let services = sources.iter().map(|source| (source.service.clone(), source.ability()));
        let task = Task {
            watching: Watching::new(services.collect(), self.interval),
            announcements: Announcements::of(&self.gateway).ok(),
            boot_id: self.gateway.boot_id(),
            subscriber: None,
            subscribed: Vec::new(),
            sources,
            request: self,
            told,
        };
        tokio::spawn(task.run(ended));
        Ok(Watch { news, end: Some(end) })
    }

    fn sources(&self) -> Result<Vec<Source>, Error> {
        let gateway = &self.gateway;
        if self.services.is_empty() {
            return Ok(gateway
                .offered()
                .iter()
                .map(|offered| Source::of(gateway, offered))
                .collect());
        }
        let named = self.services.iter().map(|name| gateway.offered_by_name(name));
        named
            .map(|offered| offered.map(|offered| Source::of(gateway, offered)))
            .collect()
    }
}

impl Watch {
    /// The next news; `None` once the runtime that it was begun in has ended. It may be dropped at any time without losing
    /// anything.
    pub async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// Ends the subscriptions, which is tried for two seconds. Dropped instead, the watch does so in the background.
    pub async fn end(mut self) {
        let (done, ended) = oneshot::channel();
        if let Some(end) = self.end.take() {
            // It fails if the task has ended with its runtime.
            let _asked = end.send(done);
        }
        // Whatever waits to be told is told to nobody.
        drop(self.news);
        let _ended = ended.await;
    }
}

/// A service that is watched.
#[derive(Debug)]
struct Source {
    service: Service,
    events: Option<Url>,
    asked: Option<Asked>,
    untold: Vec<&'static str>,
}

impl Source {
    fn of(gateway: &Gateway, offered: &OfferedService) -> Self {
        Self {
            service: Service {
                service_type: offered.service_type.as_str().into(),
                service_id: offered.service_id.as_str().into(),
            },
            events: offered.events.clone(),
            asked: look::asked(gateway, offered),
            untold: Vec::new(),
        }
    }

    fn ability(&self) -> Ability {
        match self.asked {
            Some(Asked::Wan(_)) => Ability::Pulse,
            Some(_) => Ability::Asked,
            None => Ability::Mute,
        }
    }
}

struct Task {
    request: WatchRequest,
    sources: Vec<Source>,
    watching: Watching,
    subscriber: Option<Subscriber>,
    /// Which service each subscription is for.
    subscribed: Vec<usize>,
    announcements: Option<Announcements>,
    /// The run of the gateway that is known.
    boot_id: Option<u32>,
    told: mpsc::Sender<News>,
}

enum Outcome {
    Polled(usize, Result<Seen, Error>),
    Searched(Result<Gateway, Error>),
}

/// What ended a wait.
enum Happened {
    Done(Outcome),
    Heard(Announcement),
    Deaf,
    Told(usize, subscription::News),
    Time,
}

impl Task {
    async fn run(mut self, mut end: oneshot::Receiver<oneshot::Sender<()>>) {
        let told = self.told.clone();
        let done = tokio::select! {
            biased;
            // An error means that the application has dropped its end.
            done = &mut end => done.ok(),
            () = told.closed() => None,
            () = self.watch() => None,
        };
        // Both may have come at once.
        let done = done.or_else(|| end.try_recv().ok());
        if let Some(subscriber) = self.subscriber.take() {
            subscriber.end().await;
        }
        if let Some(done) = done {
            // Nobody waits any more.
            let _told = done.send(());
        }
    }

    /// Ends only when nobody wants to know any more.
    async fn watch(&mut self) {
        self.subscribe();
        let mut work: Option<BoxFuture<'static, Outcome>> = None;
        loop {
            let news: Vec<News> = self.watching.news().collect();
            for news in news {
                if self.told.send(news).await.is_err() {
                    return;
                }
            }
            if work.is_none() {
                work = self.watching.order(Instant::now()).map(|order| self.carry_out(order));
            }
            let wake_at = self.watching.wake_at().filter(|_| work.is_none());
            let happened = tokio::select! {
                biased;
                outcome = outcome(&mut work) => Happened::Done(outcome),
                (position, news) = told(&mut self.subscriber) => Happened::Told(position, news),
                announcement = heard(&mut self.announcements) => announcement.map_or(Happened::Deaf, Happened::Heard),
                () = until(wake_at) => Happened::Time,
            };
            let now = Instant::now();
            match happened {
                Happened::Done(outcome) => {
                    work = None;
                    self.take(outcome, now);
                }
                Happened::Told(position, news) => self.take_news(position, news, now),
                Happened::Heard(announcement) => self.hear(&announcement, now),
                Happened::Deaf => self.announcements = None,
                Happened::Time => {}
            }
        }
    }

    /// Subscribes to what there are events for. What was subscribed to before is ended in the background.
    fn subscribe(&mut self) {
        let now = Instant::now();
        let (mut subscribed, mut urls) = (Vec::new(), Vec::new());
        for (position, source) in self.sources.iter().enumerate() {
            match &source.events {
                Some(url) => {
                    subscribed.push(position);
                    urls.push(url.clone());
                }
                None => self
                    .watching
                    .learns_by(position, Means::Polling(NoEvents::NotOffered), now),
            }
        }
        self.subscribed = subscribed;
        self.subscriber = None;
        if urls.is_empty() {
            return;
        }
        match Subscriber::start(&self.request.gateway, urls) {
            Ok(subscriber) => self.subscriber = Some(subscriber),
            Err(error) => {
                let reason = error.to_string();
                for &position in &self.subscribed {
                    let why = NoEvents::NoListener { reason: reason.clone() };
                    self.watching.learns_by(position, Means::Polling(why), now);
                }
            }
        }
    }

    fn carry_out(&self, order: Order) -> BoxFuture<'static, Outcome> {
        match order {
            Order::Poll(position, depth) => {
                let source = self.sources.get(position);
                let (asked, untold) = source.map_or((None, Vec::new()), |source| {
                    (source.asked.clone(), source.untold.clone())
                });
                Box::pin(async move {
                    let result = match asked {
                        Some(asked) => look::look(asked, depth, untold).await,
                        None => Ok(Seen::default()),
                    };
                    Outcome::Polled(position, result)
                })
            }
            Order::Search => {
                let gateway = self.request.gateway.clone();
                Box::pin(async move { Outcome::Searched(find_again(gateway).await) })
            }
        }
    }

    fn take(&mut self, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Polled(position, result) => {
                if let (Ok(seen), Some(source)) = (&result, self.sources.get_mut(position)) {
                    source.untold.clone_from(&seen.untold);
                }
                match self.watching.polled(position, result, now) {
                    Verdict::AsTold => {}
                    Verdict::Untold => self.doubt(|other| other == position),
                    Verdict::Restarted => self.doubt(|_| true),
                }
                if self.watching.is_away() {
                    // What it asks in vain only keeps the search waiting.
                    self.subscriber = None;
                }
            }
            Outcome::Searched(Ok(gateway)) => {
                // Its services are those that it had, or it cannot be watched any more.
                let request = WatchRequest {
                    gateway,
                    ..self.request.clone()
                };
                match request.sources() {
                    Ok(sources) if sources.len() == self.sources.len() => {
                        self.boot_id = request.gateway.boot_id().or(self.boot_id);
                        if request.gateway.local_address() != self.request.gateway.local_address() {
                            self.announcements = Announcements::of(&request.gateway).ok();
                        }
                        (self.request, self.sources) = (request, sources);
                        self.watching.found(now);
                        self.subscribe();
                    }
                    Ok(_) => self.watching.not_found(
                        Conversation::NotOffered("service that it had before".to_owned()).into(),
                        now,
                    ),
                    Err(error) => self.watching.not_found(error, now),
                }
            }
            Outcome::Searched(Err(error)) => self.watching.not_found(error, now),
        }
    }

    fn take_news(&mut self, subscription: usize, news: subscription::News, now: Instant) {
        let Some(&position) = self.subscribed.get(subscription) else {
            return;
        };
        match news {
            subscription::News::Values(properties) => self.watching.told(position, properties, now),
            subscription::News::Means(means) => self.watching.learns_by(position, means, now),
            // What has changed, the first message of the next one tells.
            subscription::News::Lost => {}
        }
    }

    fn doubt(&self, which: impl Fn(usize) -> bool) {
        let Some(subscriber) = &self.subscriber else { return };
        let subscribed = self.subscribed.iter().enumerate();
        for (subscription, _) in subscribed.filter(|(_, position)| which(**position)) {
            subscriber.doubt(subscription);
        }
    }

    fn hear(&mut self, announcement: &Announcement, now: Instant) {
        match announcement {
            Announcement::Alive { boot_id, location } => {
                let another_run = boot_id.is_some() && self.boot_id.is_some() && *boot_id != self.boot_id;
                self.boot_id = boot_id.or(self.boot_id);
                let known = self.request.gateway.location();
                let elsewhere = location
                    .as_deref()
                    .is_some_and(|location| is_elsewhere(location, known));
                if another_run || elsewhere || self.watching.is_away() {
                    self.watching.came_anew(now);
                } else if let Some(subscriber) = &self.subscriber {
                    // There are gateways whose BOOTID is always the same.
                    subscriber.confirm();
                }
            }
            Announcement::Byebye => self.watching.says_farewell(now),
            Announcement::Update { next_boot_id } => self.boot_id = next_boot_id.or(self.boot_id),
        }
    }
}

async fn outcome(work: &mut Option<BoxFuture<'static, Outcome>>) -> Outcome {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn told(subscriber: &mut Option<Subscriber>) -> (usize, subscription::News) {
    match subscriber {
        Some(subscriber) => subscriber.next().await,
        None => std::future::pending().await,
    }
}

async fn heard(announcements: &mut Option<Announcements>) -> Option<Announcement> {
    match announcements {
        Some(announcements) => announcements.next().await.ok(),
        None => std::future::pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
