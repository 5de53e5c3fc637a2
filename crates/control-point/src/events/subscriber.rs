//! The shell around [`Subscription`]: a task that keeps the subscriptions to some services of one gateway.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::Url;
use portreeve_wire::gena::subscriber::{Granted, NOTIFICATION_TYPE, Sid, asked_timeout, callback, granted};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::listener::{Delivered, Listener};
use super::subscription::{ASKED, Failure, News, Order, Subscription};
use crate::error::Conversation;
use crate::gateway::Gateway;
use crate::http::{self, Repetition, Response};
use crate::network::BoxFuture;

/// News that wait to be read. Who does not read them keeps the gateway waiting, which ends the subscription in the end.
const QUEUE: usize = 64;

/// How long ending the subscriptions is tried.
const FAREWELL: Duration = Duration::from_secs(2);

/// Subscriptions to services of a gateway. Dropped, they are ended in the background, if the runtime lasts so long.
#[derive(Debug)]
pub(crate) struct Subscriber {
    news: mpsc::Receiver<(usize, News)>,
    commands: mpsc::UnboundedSender<Command>,
}

#[derive(Debug)]
enum Command {
    /// Events about this service are missing.
    Doubt(usize),
    /// The gateway may have started anew.
    Confirm,
    /// End the subscriptions, and tell when that is done.
    End(oneshot::Sender<()>),
}

impl Subscriber {
    /// Subscribes to the events at these URLs of the gateway, and keeps to it. News name the position in this list.
    pub(crate) fn start(gateway: &Gateway, urls: Vec<Url>) -> io::Result<Self> {
        let network = gateway.discovery().network_searched();
        let (listener, messages) = Listener::open(&*network, callback_address(gateway), gateway.address())?;
        let (told, news) = mpsc::channel(QUEUE);
        let (commands, commanded) = mpsc::unbounded_channel();
        let now = Instant::now();
        let task = Task {
            line: Line {
                http: Arc::clone(gateway.http()),
                local: gateway.local_address(),
            },
            subscriptions: urls.into_iter().map(|url| (url, Subscription::new(now))).collect(),
            listener,
            messages,
            told,
            commanded,
        };
        tokio::spawn(task.run());
        Ok(Self { news, commands })
    }

    /// What happens next, and to which service. It may be dropped at any time without losing anything.
    pub(crate) async fn next(&mut self) -> (usize, News) {
        match self.news.recv().await {
            Some(news) => news,
            // The task ends only with this, or with its runtime.
            None => std::future::pending().await,
        }
    }

    /// The gateway has been seen in a state that it had to tell of, and did not.
    pub(crate) fn doubt(&self, service: usize) {
        self.command(Command::Doubt(service));
    }

    /// The gateway may have started anew: finds out whether it still knows us.
    pub(crate) fn confirm(&self) {
        self.command(Command::Confirm);
    }

    /// Ends the subscriptions; tries it for two seconds.
    pub(crate) async fn end(self) {
        let (done, ended) = oneshot::channel();
        self.command(Command::End(done));
        // Whatever waits to be told is told to nobody.
        drop(self.news);
        let _ended = ended.await;
    }

    fn command(&self, command: Command) {
        // Fails only if the task's runtime has ended; then there are no subscriptions.
        let _sent = self.commands.send(command);
    }
}

/// Our address as the gateway sees it. One that means something on one link only needs to be told which.
fn callback_address(gateway: &Gateway) -> SocketAddr {
    let at = SocketAddr::new(gateway.local_address(), 0);
    match (at, gateway.host()) {
        (SocketAddr::V6(mut at), SocketAddr::V6(there)) => {
            at.set_scope_id(there.scope_id());
            at.into()
        }
        (at, _) => at,
    }
}

struct Task {
    line: Line,
    subscriptions: Vec<(Url, Subscription)>,
    listener: Listener,
    messages: mpsc::Receiver<Delivered>,
    told: mpsc::Sender<(usize, News)>,
    commanded: mpsc::UnboundedReceiver<Command>,
}

/// The way to the gateway.
#[derive(Clone, Debug)]
struct Line {
    http: Arc<http::Client>,
    local: IpAddr,
}

/// What came of an order.
enum Outcome {
    Subscribed(Result<Granted, Failure>),
    Renewed(Result<Granted, Failure>),
    Unsubscribed,
}

/// An order that is being carried out.
struct Work {
    service: usize,
    since: Instant,
    outcome: BoxFuture<'static, Outcome>,
}

impl Task {
    async fn run(mut self) {
        let mut work: Option<Work> = None;
        loop {
            if work.is_none() {
                work = self.begin();
            }
            if self.tell().await.is_err() {
                let done = self.last_wish().await;
                return self.leave(work, done).await;
            }
            let wake_at = self.subscriptions.iter().filter_map(|(_, s)| s.wake_at()).min();
            let busy = work.is_some();
            tokio::select! {
                biased;
                command = self.commanded.recv() => match command {
                    Some(Command::Doubt(service)) => {
                        if let Some((_, subscription)) = self.subscriptions.get_mut(service) {
                            subscription.doubt(Instant::now());
                        }
                    }
                    Some(Command::Confirm) => {
                        for (_, subscription) in &mut self.subscriptions {
                            subscription.confirm(Instant::now());
                        }
                    }
                    Some(Command::End(done)) => return self.leave(work, Some(done)).await,
                    None => return self.leave(work, None).await,
                },
                outcome = outcome(&mut work), if busy => {
                    if let Some(done) = work.take() {
                        self.conclude(done.service, outcome, done.since);
                    }
                }
                Some(delivered) = self.messages.recv() => self.receive(delivered),
                () = until(wake_at), if !busy => {}
            }
        }
    }

    /// Starts the next thing that is to be done. One at a time: some gateways are upset by more.
    fn begin(&mut self) -> Option<Work> {
        let now = Instant::now();
        let mut subscriptions = self.subscriptions.iter_mut().enumerate();
        let (service, url, order) = subscriptions
            .find_map(|(service, (url, subscription))| Some((service, url.clone(), subscription.order(now)?)))?;
        tracing::debug!(%url, ?order, "eventing");
        let line = self.line.clone();
        let outcome: BoxFuture<'static, Outcome> = match order {
            Order::Subscribe => {
                let callback = self.listener.url(service);
                Box::pin(async move { Outcome::Subscribed(line.subscribe(&url, &callback).await) })
            }
            Order::Renew(sid) => Box::pin(async move { Outcome::Renewed(line.renew(&url, &sid).await) }),
            Order::Unsubscribe(sid) => Box::pin(async move {
                line.unsubscribe(&url, &sid).await;
                Outcome::Unsubscribed
            }),
        };
        Some(Work {
            service,
            since: now,
            outcome,
        })
    }

    fn conclude(&mut self, service: usize, outcome: Outcome, since: Instant) {
        let now = Instant::now();
        let Some((_, subscription)) = self.subscriptions.get_mut(service) else {
            return;
        };
        match outcome {
            Outcome::Subscribed(result) => subscription.subscribed(result, since, now),
            Outcome::Renewed(result) => subscription.renewed(result, since, now),
            Outcome::Unsubscribed => {}
        }
    }

    fn receive(&mut self, delivered: Delivered) {
        let Delivered {
            service,
            message,
            properties,
            became,
        } = delivered;
        if let Some((_, subscription)) = self.subscriptions.get_mut(service) {
            let reception = subscription.received(message, properties, Instant::now());
            // The connection may be gone meanwhile.
            let _answered = became.send(reception);
        }
    }

    /// Tells what has happened. An error means that nobody wants to know any more.
    async fn tell(&mut self) -> Result<(), mpsc::error::SendError<(usize, News)>> {
        for (service, (_, subscription)) in self.subscriptions.iter_mut().enumerate() {
            for news in subscription.news() {
                self.told.send((service, news)).await?;
            }
        }
        Ok(())
    }

    /// Who is to be told of the end, if somebody is. Nobody reads news any more, so that this does not take long.
    async fn last_wish(&mut self) -> Option<oneshot::Sender<()>> {
        loop {
            match self.commanded.recv().await? {
                Command::End(done) => return Some(done),
                Command::Doubt(_) | Command::Confirm => {}
            }
        }
    }

    /// Ends all subscriptions.
    async fn leave(self, work: Option<Work>, done: Option<oneshot::Sender<()>>) {
        let Self {
            line,
            mut subscriptions,
            listener,
            ..
        } = self;
        let farewell = async {
            if let Some(Work {
                service,
                since,
                outcome,
            }) = work
            {
                // What has been asked for may be granted any moment, and could then not be ended.
                let outcome = outcome.await;
                if let (Outcome::Subscribed(result), Some((_, subscription))) =
                    (outcome, subscriptions.get_mut(service))
                {
                    subscription.subscribed(result, since, Instant::now());
                }
            }
            for (url, subscription) in subscriptions {
                for sid in subscription.leave() {
                    line.unsubscribe(&url, &sid).await;
                }
            }
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::debug!("subscriptions could not be ended in time; they run out");
        }
        drop(listener);
        if let Some(done) = done {
            // Nobody waits any more.
            let _told = done.send(());
        }
    }
}

impl Line {
    async fn subscribe(&self, url: &Url, to: &Url) -> Result<Granted, Failure> {
        let fields = [
            ("callback", &*callback(to)),
            ("nt", NOTIFICATION_TYPE),
            ("timeout", &*asked_timeout(ASKED)),
        ];
        // Asked twice, there are two.
        self.ask(url, "SUBSCRIBE", &fields, Repetition::Harmful).await
    }

    async fn renew(&self, url: &Url, sid: &Sid) -> Result<Granted, Failure> {
        let fields = [("sid", sid.as_str()), ("timeout", &*asked_timeout(ASKED))];
        self.ask(url, "SUBSCRIBE", &fields, Repetition::Harmless).await
    }

    /// If it fails, the subscription runs out.
    async fn unsubscribe(&self, url: &Url, sid: &Sid) {
        let fields = [("sid", sid.as_str())];
        let _ended = self.ask(url, "UNSUBSCRIBE", &fields, Repetition::Harmless).await;
    }

    async fn ask(
        &self,
        url: &Url,
        method: &'static str,
        fields: &[(&'static str, &str)],
        repetition: Repetition,
    ) -> Result<Granted, Failure> {
        let answer = self
            .http
            .subscription(url, method, fields, Some(self.local), repetition)
            .await;
        match answer {
            Ok(response) if (200..300).contains(&response.status) => Ok(granted_by(&response)),
            Ok(Response { status, .. }) | Err(Conversation::Status { status, .. }) => Err(Failure::Refused(status)),
            Err(error) => {
                tracing::debug!(%error, method, "eventing");
                Err(Failure::Silence)
            }
        }
    }
}

fn granted_by(response: &Response) -> Granted {
    granted(response.header("sid"), response.header("timeout"))
}

async fn outcome(work: &mut Option<Work>) -> Outcome {
    match work {
        Some(work) => (&mut work.outcome).await,
        None => std::future::pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
