//! Watching the services of a gateway, by events where they work and else by asking: when to ask, when to search for the
//! gateway, and what is news. Pure: time and results are passed in, orders come out.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use portreeve_wire::gena::subscriber::Property;
use tokio::time::Instant;

use super::look::{Depth, Seen};
use super::{Change, Learnt, Means, News, Service, Variable};
use crate::error::Error;
use crate::keeper::schedule;

/// Between two looks at a gateway that sends events: one that is silent may be gone.
pub(super) const PULSE: Duration = Duration::from_secs(60);

/// How long a message may be under way after the gateway was seen in another state.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// A restart takes longer than this, so that what was asked before it is of no use.
const MOMENT: Duration = Duration::from_secs(1);

/// Most variables of a service that are remembered; those of the standard are some twenty.
const VARIABLES: usize = 64;

/// All services of one gateway that are watched.
#[derive(Debug)]
pub(super) struct Watching {
    services: Vec<Watched>,
    interval: Duration,
    presence: Presence,
    /// How often the gateway was found in a row and then did not answer after all.
    found_in_vain: u32,
    /// Before then, no announcement leads to a search: anybody can send them.
    calm_until: Option<Instant>,
    news: Vec<News>,
}

/// A service, and what is known about it.
#[derive(Debug)]
struct Watched {
    service: Service,
    ability: Ability,
    means: Option<Means>,
    values: BTreeMap<String, Variable>,
    poll_at: Option<Instant>,
    uptime: Option<u32>,
    /// A value that was seen and not told, unless a message is under way.
    doubted: Option<Variable>,
    /// Whether what was seen has been told meanwhile is looked up at the next poll.
    doubts: Doubts,
}

/// Whether a service can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ability {
    /// Yes, and the answer shows whether the gateway is as it was.
    Pulse,
    /// Yes.
    Asked,
    /// No.
    Mute,
}

#[derive(Debug, PartialEq, Eq)]
enum Doubts {
    No,
    /// A message may still be under way.
    Waiting,
}

#[derive(Debug)]
enum Presence {
    Here,
    /// It does not answer.
    Away {
        since: Instant,
        searches: u32,
        search_at: Instant,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Ask this service; then [`Watching::polled`].
    Poll(usize, Depth),
    /// Find the gateway again; then [`Watching::found`] or [`Watching::not_found`].
    Search,
}

/// What follows from a look for the subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    AsTold,
    /// Something was not told.
    Untold,
    /// The gateway has started anew.
    Restarted,
}

impl Watching {
    /// Services of which nothing is known yet. Where there are no events, they are asked once in each interval.
    pub(super) fn new(services: Vec<(Service, Ability)>, interval: Duration) -> Self {
        let services = services.into_iter().map(|(service, ability)| Watched {
            service,
            ability,
            means: None,
            values: BTreeMap::new(),
            poll_at: None,
            uptime: None,
            doubted: None,
            doubts: Doubts::No,
        });
        Self {
            services: services.collect(),
            interval,
            presence: Presence::Here,
            found_in_vain: 0,
            calm_until: None,
            news: Vec::new(),
        }
    }

    /// What to do now.
    pub(super) fn order(&mut self, now: Instant) -> Option<Order> {
        if let Presence::Away { search_at, .. } = self.presence {
            return (search_at <= now).then_some(Order::Search);
        }
        let interval = self.interval;
        let due = |watched: &Watched| watched.poll_at.is_some_and(|at| at <= now);
        // The one that has waited longest, so that a gateway that is slow to answer about one is asked about all.
        let waiting = self.services.iter_mut().enumerate().filter(|(_, watched)| due(watched));
        let (position, watched) = waiting.min_by_key(|(_, watched)| watched.poll_at)?;
        watched.poll_at = watched.next_poll(now, interval);
        Some(Order::Poll(position, watched.depth()))
    }

    /// When [`Self::order`] has something to say, if nothing comes in between.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        match self.presence {
            Presence::Away { search_at, .. } => Some(search_at),
            Presence::Here => self.services.iter().filter_map(|watched| watched.poll_at).min(),
        }
    }

    /// What has happened since this was asked before, in order.
    pub(super) fn news(&mut self) -> std::vec::Drain<'_, News> {
        self.news.drain(..)
    }

    /// How changes of a service are learnt from now on, as far as events go.
    pub(super) fn learns_by(&mut self, position: usize, means: Means, now: Instant) {
        let interval = self.interval;
        let Some(watched) = self.services.get_mut(position) else {
            return;
        };
        let means = match means {
            Means::Polling(why) if watched.ability == Ability::Mute => Means::Nothing(why),
            means => means,
        };
        let before = watched.means.replace(means.clone());
        watched.poll_at = match means {
            Means::Polling(_) if !matches!(before, Some(Means::Polling(_))) => Some(now),
            Means::Polling(_) => watched.poll_at,
            Means::Events | Means::Nothing(_) => watched.next_poll(now, interval),
        };
        if before.as_ref() != Some(&means) {
            let service = watched.service.clone();
            self.news.push(News::Means { service, means });
        }
    }

    /// An event message.
    pub(super) fn told(&mut self, position: usize, properties: Vec<Property>, now: Instant) {
        self.found_in_vain = 0;
        for Property { name, value } in properties {
            match Variable::read(&name, &value) {
                Some(variable) => self.takes(position, variable, Learnt::Event),
                None => self.asks_soon(position, now),
            }
        }
    }

    /// The result of a look. What was seen and should have been told is only believed to be untold if no message about
    /// it comes in a while.
    pub(super) fn polled(&mut self, position: usize, result: Result<Seen, Error>, now: Instant) -> Verdict {
        let Some(watched) = self.services.get_mut(position) else {
            return Verdict::AsTold;
        };
        let seen = match result {
            Ok(seen) => seen,
            Err(why) => {
                self.gone(why, now);
                return Verdict::AsTold;
            }
        };
        self.found_in_vain = 0;
        let before = std::mem::replace(&mut watched.uptime, seen.uptime);
        let restarted = matches!((before, seen.uptime), (Some(before), Some(now)) if now < before);
        let has_events = watched.means == Some(Means::Events);
        let variables: Vec<Variable> = seen
            .properties
            .iter()
            .filter_map(|property| Variable::read(&property.name, &property.value))
            .collect();
        let mut untold = variables.iter().filter(|variable| watched.contradicts(variable));
        let untold = untold.next().cloned();
        if has_events && !restarted {
            if untold.is_some() && watched.doubts == Doubts::No {
                watched.doubts = Doubts::Waiting;
                watched.poll_at = Some(now + UNDER_WAY);
                return Verdict::AsTold;
            }
            watched.doubts = Doubts::No;
        }
        for variable in variables {
            self.takes(position, variable, Learnt::Poll);
        }
        match (restarted, has_events, untold) {
            (true, ..) => Verdict::Restarted,
            (false, true, Some(untold)) => self.doubts(position, untold),
            _ => Verdict::AsTold,
        }
    }

    /// Whether the gateway does not answer.
    pub(super) fn is_away(&self) -> bool {
        matches!(self.presence, Presence::Away { .. })
    }

    /// The gateway says that it is there: in another run than the one known, or in another place.
    pub(super) fn came_anew(&mut self, now: Instant) {
        match &mut self.presence {
            Presence::Away { search_at, .. } => *search_at = now,
            Presence::Here => {
                self.presence = Presence::Away {
                    since: now,
                    searches: 0,
                    search_at: self.calm_until.map_or(now, |calm| calm.max(now)),
                }
            }
        }
    }

    /// The gateway says that it leaves. Anybody can say so.
    pub(super) fn says_farewell(&mut self, now: Instant) {
        if let Presence::Here = self.presence
            && let Some(watched) = self
                .services
                .iter_mut()
                .find(|watched| watched.ability != Ability::Mute)
        {
            let soon = now + MOMENT;
            watched.poll_at = Some(watched.poll_at.map_or(soon, |at| at.min(soon)));
        }
    }

    /// The gateway was found. How changes are learnt from now on is told next.
    pub(super) fn found(&mut self, now: Instant) {
        self.found_in_vain += 1;
        self.calm_until = Some(now + schedule::CALM);
        if let Presence::Away { .. } = self.presence {
            self.news.push(News::Back);
        }
        self.presence = Presence::Here;
        let interval = self.interval;
        for watched in &mut self.services {
            watched.uptime = None;
            watched.doubts = Doubts::No;
            watched.poll_at = watched.next_poll(now, interval);
        }
    }

    /// The gateway was not found.
    pub(super) fn not_found(&mut self, why: Error, now: Instant) {
        let Presence::Away {
            since,
            ref mut searches,
            ref mut search_at,
        } = self.presence
        else {
            return;
        };
        *searches += 1;
        *search_at = now + schedule::search_after(now.saturating_duration_since(since), *searches);
        if *searches == 1 {
            self.news.push(News::Unreachable { why });
        }
    }

    fn gone(&mut self, why: Error, now: Instant) {
        let pause = schedule::pause_after(self.found_in_vain);
        self.presence = Presence::Away {
            since: now,
            searches: 1,
            search_at: now + pause,
        };
        self.news.push(News::Unreachable { why });
    }

    fn takes(&mut self, position: usize, variable: Variable, learnt: Learnt) {
        let Some(watched) = self.services.get_mut(position) else {
            return;
        };
        let known = watched.values.contains_key(variable.name());
        if !watched.is_news(&variable) || (!known && watched.values.len() == VARIABLES) {
            return;
        }
        watched.values.insert(variable.name().to_owned(), variable.clone());
        self.news.push(News::Change(Change {
            service: watched.service.clone(),
            variable,
            learnt,
        }));
    }

    /// What a message says cannot be: the gateway may tell it otherwise (R84).
    fn asks_soon(&mut self, position: usize, now: Instant) {
        if let Some(watched) = self.services.get_mut(position)
            && watched.ability != Ability::Mute
        {
            let soon = now + MOMENT;
            watched.poll_at = Some(watched.poll_at.map_or(soon, |at| at.min(soon)));
        }
    }

    /// A gateway that tells one thing and shows another is not asked for all its events again and again.
    fn doubts(&mut self, position: usize, untold: Variable) -> Verdict {
        let watched = self.services.get_mut(position);
        let before = watched.and_then(|watched| watched.doubted.replace(untold.clone()));
        match before == Some(untold) {
            true => Verdict::AsTold,
            false => Verdict::Untold,
        }
    }
}

impl Watched {
    fn is_news(&self, variable: &Variable) -> bool {
        self.values.get(variable.name()) != Some(variable)
    }

    /// Whether what is known of it is something else.
    fn contradicts(&self, variable: &Variable) -> bool {
        let known = self.values.get(variable.name());
        known.is_some_and(|known| known != variable)
    }

    fn depth(&self) -> Depth {
        match self.means {
            Some(Means::Events) => Depth::Pulse,
            Some(_) | None => Depth::All,
        }
    }

    fn next_poll(&self, now: Instant, interval: Duration) -> Option<Instant> {
        match (&self.means, self.ability) {
            (_, Ability::Mute) | (None | Some(Means::Nothing(_)), _) => None,
            (Some(Means::Polling(_)), _) => Some(now + interval),
            (Some(Means::Events), Ability::Pulse) => Some(now + PULSE),
            (Some(Means::Events), Ability::Asked) => None,
        }
    }
}
