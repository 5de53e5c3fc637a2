//! `portreeve status`.

use std::net::IpAddr;
use std::time::Duration;

use portreeve::events::{Means, News, Service, Watch};
use portreeve::status::{self, LinkStatus};
use portreeve::{Error, Gateway};
use tokio::time::{Instant, sleep_until};

use crate::args::{Reach, Status as Options};
use crate::exit::{End, Failure};
use crate::output::{Output, Text, View};
use crate::views::{Firewall, Link, Reading, StatusEvent, Traffic, Unusable};

use super::reach;
use super::stop::Stop;

/// Time between two looks, unless said otherwise.
const OFTEN: Duration = Duration::from_secs(2);

/// The same for scripts, while the gateway tells by itself of what they are told.
const RARELY: Duration = Duration::from_secs(30);

/// What changes together, a gateway may tell in several messages.
const TOGETHER: Duration = Duration::from_millis(50);

/// Tells the status once, or until stopped.
pub(super) async fn run(output: &Output, reach: &Reach, options: &Options) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    let first = output.during("asking the gateway", look(&gateway)).await?;
    if options.watch {
        watch(output, reach, options, gateway, first).await
    } else {
        output.result(&first)
    }
}

async fn watch(output: &Output, reach: &Reach, options: &Options, gateway: Gateway, first: Reading) -> Result<(), End> {
    let mut stop = Stop::listen()?;
    let mut screen = Screen::new(output);
    let mut last = first.clone();
    screen.show(first)?;
    let mut occasions = Occasions::of(&gateway, options, screen.redraws())?;
    let ended = tokio::select! {
        ended = tell(&mut screen, reach, gateway, &mut last, &mut occasions) => ended,
        () = stop.asked() => Ok(()),
        () = output.abandoned() => Err(End::ReaderGone),
    };
    output.during("ending the subscription", occasions.watch.end()).await;
    ended?;
    output.conclude(&last)
}

/// Looks on every occasion. Ends only with a failure.
async fn tell(
    screen: &mut Screen<'_>,
    reach: &Reach,
    mut gateway: Gateway,
    last: &mut Reading,
    occasions: &mut Occasions,
) -> Result<(), End> {
    let mut answering = true;
    loop {
        occasions.next().await;
        match look(&gateway).await {
            Ok(reading) => {
                if screen.redraws() || !answering || reading.differs(last) {
                    screen.show(reading.clone())?;
                }
                *last = reading;
                answering = true;
            }
            Err(error) => {
                if answering {
                    let error = Failure::from(&error);
                    screen.tell(&StatusEvent::Unreachable { error })?;
                }
                answering = false;
                // It may have started again at another URL.
                if let Ok(found) = reach::discovery(reach)?.await {
                    gateway = found;
                }
            }
        }
    }
}

/// When to look: when the gateway tells that something has changed, and now and then.
struct Occasions {
    watch: Watch,
    asked_for: Option<Duration>,
    /// Whether counters are shown, of which no event tells.
    counts: bool,
    events_come: bool,
    look_at: Instant,
}

impl Occasions {
    fn of(gateway: &Gateway, options: &Options, counts: bool) -> Result<Self, End> {
        /// What events do not tell is looked at here.
        const NEVER: Duration = Duration::from_secs(86_400);
        let mut occasions = Self {
            watch: gateway.watch().interval(NEVER).start()?,
            asked_for: options.interval,
            counts,
            events_come: false,
            look_at: Instant::now(),
        };
        occasions.look_at += occasions.interval();
        Ok(occasions)
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                news = self.watch.next() => match news {
                    Some(News::Change(_)) => self.look_at = self.look_at.min(Instant::now() + TOGETHER),
                    Some(News::Means { service, means }) if is_connection(&service) => {
                        self.events_come = means == Means::Events;
                    }
                    Some(News::Unreachable { .. }) => {
                        self.events_come = false;
                        self.look_at = Instant::now();
                    }
                    Some(_) => {}
                    None => self.events_come = false,
                },
                () = sleep_until(self.look_at) => {
                    self.look_at = Instant::now() + self.interval();
                    return;
                }
            }
        }
    }

    fn interval(&self) -> Duration {
        let usual = if self.events_come && !self.counts {
            RARELY
        } else {
            OFTEN
        };
        self.asked_for.unwrap_or(usual)
    }
}

async fn look(gateway: &Gateway) -> Result<Reading, Error> {
    let status = gateway.status().await?;
    Ok(reading(gateway, &status))
}

/// Where the status is told again and again: in one place on a terminal, one below the other elsewhere.
struct Screen<'a> {
    output: &'a Output,
    lines: usize,
}

impl<'a> Screen<'a> {
    fn new(output: &'a Output) -> Self {
        Self { output, lines: 0 }
    }

    fn redraws(&self) -> bool {
        self.output.is_screen()
    }

    fn show(&mut self, reading: Reading) -> Result<(), End> {
        let status = Box::new(reading);
        self.tell(&StatusEvent::Status { status })
    }

    fn tell(&mut self, event: &StatusEvent) -> Result<(), End> {
        if self.redraws() {
            let text = event.human(self.output.page());
            let up = match self.lines {
                0 => String::new(),
                lines => format!("\x1b[{lines}A\x1b[J"),
            };
            self.lines = text.lines().count();
            return self.output.write(&format!("{up}{text}"));
        }
        if self.lines > 0 {
            self.output.separate()?;
        }
        self.lines = 1;
        self.output.event(event)
    }
}

/// The status as it is told.
fn reading(gateway: &Gateway, status: &status::Status) -> Reading {
    let unusable = status.usable().err().map(|unusable| {
        let explanation = unusable.explanation();
        Unusable {
            code: explanation.code,
            problem: Text::sentences(&explanation.problem),
            remedy: (!explanation.remedy.is_empty()).then(|| Text::sentences(&explanation.remedy)),
        }
    });
    Reading {
        gateway: reach::view(gateway),
        connection_status: Text::clean(status.connection_status.to_string()),
        last_connection_error: Text::clean(&status.last_connection_error),
        uptime_seconds: status.uptime.map(|uptime| uptime.as_secs()),
        external_address: status.external_address,
        address_kind: reach::address_kind(status.external_address),
        external_ipv6_address: status.external_ipv6.map(IpAddr::V6),
        nat_enabled: status.nat_enabled,
        ipv6_firewall: status.firewall.map(|firewall| Firewall {
            enabled: firewall.enabled,
            pinholes_allowed: firewall.pinholes_allowed,
        }),
        link: status.link.as_ref().map(link),
        traffic: status.link.as_ref().map(traffic),
        mappings: status.port_mapping_entries,
        capacity: status.capacity,
        unusable,
    }
}

fn link(link: &LinkStatus) -> Link {
    Link {
        access_type: Text::clean(&link.access_type),
        physical_status: Text::clean(&link.physical_status),
        up_bits_per_second: link.upstream_bits_per_second.into(),
        down_bits_per_second: link.downstream_bits_per_second.into(),
    }
}

fn traffic(link: &LinkStatus) -> Traffic {
    Traffic {
        sent_bytes: link.bytes_sent.map(Into::into),
        received_bytes: link.bytes_received.map(Into::into),
        sent_packets: link.packets_sent.map(Into::into),
        received_packets: link.packets_received.map(Into::into),
    }
}

/// Whether it is the service whose changes `status` shows.
fn is_connection(service: &Service) -> bool {
    ["WANIPConnection", "WANPPPConnection"]
        .iter()
        .any(|name| service.service_type.contains(name))
}
