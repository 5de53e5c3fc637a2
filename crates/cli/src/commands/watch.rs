//! `portreeve watch`.

use std::time::{Duration, SystemTime};

use portreeve::events::{self, News, Variable, Watch};
use portreeve::status::{AddressKind, ConnectionStatus};

use crate::args::{Reach, Watch as Options};
use crate::exit::{End, Failure};
use crate::output::{Output, Text, count, utc};
use crate::views::{self, Learnt, Means, Reason, WatchEvent, Watched, WatchedService, Words};

use super::reach;
use super::stop::Stop;

/// Tells what changes until stopped, or until nobody reads it any more; then ends the subscriptions.
pub(super) async fn run(output: &Output, reach: &Reach, options: &Options) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    let mut stop = Stop::listen()?;
    let request = gateway.watch().interval(options.interval);
    let services = options.service.iter();
    let mut watch = services.fold(request, |request, name| request.service(name)).start()?;
    let mut watched = Watched::default();
    let ended = tokio::select! {
        ended = tell(output, &mut watch, options.interval, &mut watched) => ended,
        () = stop.asked() => Ok(()),
        () = output.abandoned() => Err(End::ReaderGone),
    };
    output.during("ending the subscriptions", watch.end()).await;
    ended?;
    output.conclude(&watched)
}

/// Ends only with a failure.
async fn tell(output: &Output, watch: &mut Watch, interval: Duration, watched: &mut Watched) -> Result<(), End> {
    while let Some(news) = watch.next().await {
        if let Some(event) = event(news, interval) {
            watched.changes += u64::from(matches!(event, WatchEvent::Change { .. }));
            output.event(&event)?;
        }
    }
    Ok(())
}

fn event(news: News, interval: Duration) -> Option<WatchEvent> {
    let time = utc(SystemTime::now());
    Some(match news {
        News::Change(change) => WatchEvent::Change {
            time,
            service: service(&change.service),
            variable: Text::clean(change.variable.name()),
            value: Text::clean(change.variable.value()),
            learnt: match change.learnt {
                events::Learnt::Poll => Learnt::Poll,
                _ => Learnt::Event,
            },
            words: words(&change.variable),
        },
        News::Means { service: about, means } => {
            let (means, why) = match means {
                events::Means::Events => (Means::Events, None),
                events::Means::Polling(why) => (Means::Polling, Some(why)),
                events::Means::Nothing(why) => (Means::Nothing, Some(why)),
                _ => return None,
            };
            WatchEvent::Means {
                time,
                service: service(&about),
                means,
                reason: why.map(|why| Reason {
                    code: why.code(),
                    text: Text::clean(why.to_string()),
                }),
                interval,
            }
        }
        News::Unreachable { why } => WatchEvent::Unreachable {
            time,
            error: Failure::from(&why),
        },
        News::Back => WatchEvent::Back { time },
        _ => return None,
    })
}

fn service(service: &events::Service) -> WatchedService {
    WatchedService {
        service: Text::clean(service.to_string()),
        service_id: Text::clean(&service.service_id),
    }
}

/// The value for people. Truth values are numbers on the wire.
fn words(variable: &Variable) -> Words {
    let plain = |text: String| Words { text, good: None };
    match variable {
        Variable::ConnectionStatus(status) => Words {
            text: Text::clean(status.to_string()).to_string(),
            good: status.passes_packets().map(|_| *status == ConnectionStatus::Connected),
        },
        Variable::ExternalIpAddress(address) => Words {
            text: views::address_in_words(*address, reach::address_kind(*address)),
            good: address
                .is_none_or(|address| AddressKind::of(address) != AddressKind::Public)
                .then_some(false),
        },
        Variable::PortMappingNumberOfEntries(number) => plain(count((*number).into(), "mapping", "mappings")),
        Variable::Other { name, value } => plain(match (name.as_str(), value.as_str()) {
            ("EnabledForInternet" | "FirewallEnabled" | "InboundPinholeAllowed", "1") => "yes".to_owned(),
            ("EnabledForInternet" | "FirewallEnabled" | "InboundPinholeAllowed", "0") => "no".to_owned(),
            (_, value) => Text::clean(value).or("(empty)").to_owned(),
        }),
        other => plain(other.value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_in_words_where_these_say_more() {
        let address = |text: &str| Variable::ExternalIpAddress(text.parse().ok());
        for (variable, text, good) in [
            (address("11.11.11.2"), "11.11.11.2 (public)", None),
            (address(""), "none", Some(false)),
            (
                Variable::ConnectionStatus(ConnectionStatus::Connected),
                "Connected",
                Some(true),
            ),
            (
                Variable::ConnectionStatus(ConnectionStatus::Disconnected),
                "Disconnected",
                Some(false),
            ),
            (Variable::PortMappingNumberOfEntries(1), "1 mapping", None),
            (Variable::SystemUpdateId(7), "7", None),
        ] {
            let words = words(&variable);
            assert_eq!((words.text.as_str(), words.good), (text, good));
        }
    }
}
