//! What the gateway answers to which request.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{ACCEPT_LANGUAGE, ALLOW, CONTENT_LANGUAGE, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode};
use portreeve_engine::policy::Network;
use portreeve_wire::description::{Description, Identity};
use portreeve_wire::http::view_for;
use portreeve_wire::resource::{self, Resource};
use portreeve_wire::scpd::Scpd;
use portreeve_wire::view::View;
use portreeve_wire::{Offer, Quirks};

use super::answer::{Answer, Answers, HTML, XML};
use super::connections::{Phase, Watch};
use super::{Ask, header_case, host, page};
use crate::events::Events;
use crate::machine::Door;
use crate::pace::{Buckets, Pace, Verdict};

/// Answers requests; shared by all connections.
#[derive(Debug)]
pub struct Gateway<A> {
    pub(super) engine: A,
    pub(super) events: Arc<Events>,
    pub(super) answers: Answers,
    pub(super) offer: Offer,
    documents: Vec<(Resource, HeaderValue, Bytes)>,
    only_igd1: bool,
    buckets: Mutex<Buckets>,
    live: RwLock<Live>,
}

/// How the gateway shows itself.
#[derive(Clone, Debug)]
pub struct Appearance {
    /// The device's identity.
    pub identity: Identity,
    /// The services offered.
    pub offer: Offer,
    /// Number that changes with the documents ([`Appearance::config_id`]).
    pub config_id: u32,
    /// The SERVER header.
    pub server: String,
    /// Whether everyone gets the view of version 1.
    pub only_igd1: bool,
}

/// What a reload or a new address changes.
#[derive(Debug)]
struct Live {
    quirks: Quirks,
    lans: Arc<[Network]>,
}

impl Appearance {
    /// A number below 2^24 that follows from the documents (UDA 1.1 section 1.2: CONFIGID.UPNP.ORG).
    pub fn config_id(identity: &Identity, offer: Offer) -> u32 {
        let mut hash: u32 = 0x811c_9dc5;
        for (_, _, text) in documents(identity, offer, 0) {
            for byte in text.iter() {
                hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        }
        (hash ^ hash >> 24) & 0x00ff_ffff
    }
}

impl<A: Ask> Gateway<A> {
    /// A gateway that asks this engine, enters subscriptions there, lets each client make so many requests per second, and tolerates these quirks.
    pub async fn new(
        engine: A,
        events: Arc<Events>,
        appearance: &Appearance,
        per_second: u32,
        quirks: Quirks,
    ) -> anyhow::Result<Self> {
        let server = HeaderValue::from_str(&appearance.server)?;
        Ok(Self {
            engine,
            events,
            answers: Answers::new(header_case::spelling().await?, server),
            offer: appearance.offer,
            documents: documents(&appearance.identity, appearance.offer, appearance.config_id),
            only_igd1: appearance.only_igd1,
            buckets: Mutex::new(Buckets::new(Pace::of_requests(per_second))),
            live: RwLock::new(Live {
                quirks,
                lans: Arc::default(),
            }),
        })
    }

    /// Takes new settings into use.
    pub fn set(&self, per_second: u32, quirks: Quirks) {
        self.buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .set_pace(Pace::of_requests(per_second));
        self.live.write().unwrap_or_else(PoisonError::into_inner).quirks = quirks;
    }

    /// Tells which networks are served.
    pub fn set_lans(&self, lans: &[Network]) {
        self.live.write().unwrap_or_else(PoisonError::into_inner).lans = lans.into();
    }

    pub(super) fn quirks(&self) -> Quirks {
        self.live.read().unwrap_or_else(PoisonError::into_inner).quirks
    }

    pub(super) fn lans(&self) -> Arc<[Network]> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner).lans)
    }

    /// Answers one request that came to this door of ours.
    pub(super) async fn answer(&self, request: Request<Incoming>, watch: &Watch, door: Door) -> Answer {
        watch.set_unread_body(!request.body().is_end_stream());
        if let Err(foreign) = host::check(request.headers(), door.address) {
            return self.answers.refusal(StatusCode::FORBIDDEN, format!("{foreign}\n"));
        }
        if let Err(refusal) = self.pace(watch).await {
            return refusal;
        }
        let Some(resource) = resource::find(self.offer, request.uri().path()) else {
            return self.answers.refusal(StatusCode::NOT_FOUND, "There is nothing here.\n");
        };
        match (resource, request.method().as_str()) {
            (Resource::Control(service), "POST" | "M-POST") => self.control(service, request, watch).await,
            (Resource::Event(service, view), "SUBSCRIBE" | "UNSUBSCRIBE") => {
                let view = if self.only_igd1 { View::Igd1 } else { view };
                self.subscription((service, view), &request, watch.client(), door)
            }
            (Resource::Presentation | Resource::Description(_) | Resource::Scpd(..), "GET" | "HEAD") => {
                self.document(resource, request.headers())
            }
            (_, "GET" | "HEAD" | "POST" | "M-POST" | "SUBSCRIBE" | "UNSUBSCRIBE") => {
                let mut refusal = self
                    .answers
                    .refusal(StatusCode::METHOD_NOT_ALLOWED, "Not with this method.\n");
                refusal
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(resource.allowed_methods()));
                refusal
            }
            _ => self.answers.refusal(StatusCode::NOT_IMPLEMENTED, "No such method.\n"),
        }
    }

    /// Holds a request back, or refuses it, where its client makes too many.
    async fn pace(&self, watch: &Watch) -> Result<(), Answer> {
        let verdict = {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            buckets.take(watch.client(), watch.now())
        };
        match verdict {
            Verdict::Go => Ok(()),
            Verdict::Wait(delay) => {
                watch.enter(Phase::Serving);
                tokio::time::sleep(delay).await;
                Ok(())
            }
            Verdict::Refuse(after) => {
                let reason = "Too many requests from this host.\n";
                let mut refusal = self.answers.refusal(StatusCode::SERVICE_UNAVAILABLE, reason);
                refusal.headers_mut().insert(RETRY_AFTER, whole_seconds(after).into());
                Err(refusal)
            }
        }
    }

    fn document(&self, resource: Resource, headers: &HeaderMap) -> Answer {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let shown = |asked| match self.only_igd1 {
            true => View::Igd1,
            false => view_for(agent, asked),
        };
        let resource = match resource {
            Resource::Description(view) => Resource::Description(shown(view)),
            Resource::Scpd(service, view) => Resource::Scpd(service, shown(view)),
            other => other,
        };
        let found = self.documents.iter().find(|(candidate, ..)| *candidate == resource);
        let Some((_, content_type, text)) = found else {
            return self.answers.refusal(StatusCode::NOT_FOUND, "There is nothing here.\n");
        };
        let mut answer = self.answers.with(StatusCode::OK, content_type.clone(), text.clone());
        if let Some(wanted) = headers.get(ACCEPT_LANGUAGE) {
            answer.headers_mut().insert(CONTENT_LANGUAGE, language(wanted));
        }
        answer
    }
}

fn documents(identity: &Identity, offer: Offer, config_id: u32) -> Vec<(Resource, HeaderValue, Bytes)> {
    let render = |resource| match resource {
        Resource::Presentation => Some((HTML, page::render(&identity.friendly_name))),
        Resource::Description(view) => Some((XML, Description::of(identity, offer, view, config_id).render())),
        Resource::Scpd(service, view) => Some((XML, Scpd::of(service, view, config_id).render())),
        Resource::Control(_) | Resource::Event(..) => None,
    };
    let rendered =
        Resource::all(offer).filter_map(|resource| render(resource).map(|(kind, text)| (resource, kind, text)));
    rendered
        .map(|(resource, kind, text)| (resource, kind, text.into()))
        .collect()
}

/// The first language asked for: what we have is English, and some clients want to see their own word again.
fn language(wanted: &HeaderValue) -> HeaderValue {
    let first = wanted
        .to_str()
        .unwrap_or_default()
        .split([',', ';'])
        .next()
        .unwrap_or_default()
        .trim();
    let is_tag =
        (1..=35).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let tag = if is_tag {
        HeaderValue::from_str(first).ok()
    } else {
        None
    };
    tag.unwrap_or(HeaderValue::from_static("en"))
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
