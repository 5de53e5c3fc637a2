use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::actions::{self, Outcome};
use super::description;
use super::dress::dress;
use super::events;
use super::http::{After, Delivery, Framing, Request, Response};
use super::misbehaviour::{FaultStyle, Misbehaviour, Purpose};
use super::reply::ScriptedReply;
use super::services::Service;
use super::soap::{self, Call, Fault};
use super::state::State;

const XML: &str = "text/xml; charset=\"utf-8\"";
const HTML: &str = "text/html";

/// An answer and how it is given.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) purpose: Purpose,
    pub(super) response: Response,
    pub(super) delivery: Delivery,
    /// How long the client waits before the first byte.
    pub(super) wait: Duration,
    /// Whether the connection is closed although the response does not say so.
    pub(super) after: After,
}

/// Decides on the answer to a request.
pub(super) fn respond(state: &mut State, request: &Request, call: Option<&Call>, peer: IpAddr) -> Exchange {
    state.expire();
    let (purpose, response, delivery) = route(state, request, call, peer);
    let mut exchange = Exchange {
        purpose,
        response,
        delivery,
        wait: Duration::ZERO,
        after: After::Keep,
    };
    dress(state, &mut exchange);
    let wants_close = request
        .header("Connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if (wants_close || request.version == "HTTP/1.0") && exchange.response.framing != Framing::UntilClose {
        let close = ("Connection".to_owned(), "close".to_owned());
        exchange.response.headers.push(close);
    }
    exchange
}

fn route(state: &mut State, request: &Request, call: Option<&Call>, peer: IpAddr) -> (Purpose, Response, Delivery) {
    let page = |status: &str| {
        let text = format!("<html><title>Router</title><body>{status}</body></html>");
        (Purpose::Other, Response::new(status, HTML, text), Delivery::Whole)
    };
    if state.plays(&Misbehaviour::UpnpOff) {
        return page("200 OK");
    }
    let Some(path) = request.path.strip_prefix(&state.prefix()) else {
        return page("404 Not Found");
    };
    let service = |kind: &str, end: &str| -> Option<Service> {
        let index: usize = path.strip_prefix(kind)?.strip_suffix(end)?.parse().ok()?;
        state.services.get(index).copied()
    };
    match request.method.as_str() {
        "GET" if path == "/rootDesc.xml" => {
            let text = next_description(state);
            (
                Purpose::Description,
                Response::new("200 OK", XML, text),
                Delivery::Whole,
            )
        }
        "GET" => match service("/scpd/", ".xml") {
            Some(service) => {
                let text = description::scpd(state, service);
                (Purpose::Scpd, Response::new("200 OK", XML, text), Delivery::Whole)
            }
            None if path == "/" => page("200 OK"),
            None => page("404 Not Found"),
        },
        // R56: nobody reads chunks.
        "POST" if request.header("Transfer-Encoding").is_some() => page("411 Length Required"),
        "POST" => match (service("/ctl/", ""), call) {
            (Some(service), Some(call)) => {
                let (response, delivery) = act(state, service, request, call, peer);
                (Purpose::Action(call.action.clone()), response, delivery)
            }
            (Some(_), None) => page("400 Bad Request"),
            (None, _) => page("404 Not Found"),
        },
        "SUBSCRIBE" => match service("/evt/", "") {
            Some(service) => {
                let response = events::subscribe(state, service, request, peer);
                (Purpose::Subscription, response, Delivery::Whole)
            }
            None => page("404 Not Found"),
        },
        "UNSUBSCRIBE" => (
            Purpose::Subscription,
            events::unsubscribe(state, request),
            Delivery::Whole,
        ),
        _ => page("501 Not Implemented"),
    }
}

fn next_description(state: &mut State) -> String {
    state.descriptions_served += 1;
    let empty = state.played(|m| match m {
        Misbehaviour::EmptyDescriptions(count) => Some(*count),
        _ => None,
    });
    if empty.is_some_and(|count| state.descriptions_served <= count) {
        return String::new();
    }
    description::description(state)
}

fn act(state: &mut State, service: Service, request: &Request, call: &Call, peer: IpAddr) -> (Response, Delivery) {
    let plain = |status| (Response::new(status, HTML, "<html>Error</html>"), Delivery::Whole);
    let pause = state.played(|m| match m {
        Misbehaviour::NeedsPauses(pause) => Some(*pause),
        _ => None,
    });
    let too_soon = pause.is_some_and(|pause| {
        let quiet = state.last_action_ended.map(|ended| Instant::now() - ended);
        state.actions_in_flight > 0 || quiet.is_some_and(|quiet| quiet < pause)
    });
    let default_namespace = request.body.windows(7).any(|window| window == b" xmlns=");
    if too_soon || (default_namespace && state.plays(&Misbehaviour::RefusesDefaultNamespace)) {
        return plain("500 Internal Server Error");
    }
    let reply = hooked(state, service, call);
    if reply == ScriptedReply::Pass {
        let outcome = actions::perform(state, service, call, peer);
        return (envelope(state, call, outcome), Delivery::Whole);
    }
    scripted(state, call, reply)
}

fn hooked(state: &mut State, service: Service, call: &Call) -> ScriptedReply {
    let State { hooks, links, .. } = state;
    let table = &mut links[service.connection].table;
    let asked = hooks.iter_mut().filter(|(action, _)| *action == call.action);
    asked
        .map(|(_, hook)| hook(call, table))
        .find(|reply| *reply != ScriptedReply::Pass)
        .unwrap_or(ScriptedReply::Pass)
}

fn scripted(state: &State, call: &Call, reply: ScriptedReply) -> (Response, Delivery) {
    match reply {
        ScriptedReply::Pass => (envelope(state, call, Ok(Vec::new())), Delivery::Whole),
        ScriptedReply::Answer(arguments) => (envelope(state, call, Ok(arguments)), Delivery::Whole),
        ScriptedReply::Fault(code, description) => {
            (envelope(state, call, Err(Fault { code, description })), Delivery::Whole)
        }
        ScriptedReply::Raw { status, headers, body } => {
            let mut response = Response::new(&status, XML, body);
            response.headers = headers;
            (response, Delivery::Whole)
        }
        ScriptedReply::Silence => (envelope(state, call, Ok(Vec::new())), Delivery::Never),
        ScriptedReply::HangUp => (envelope(state, call, Ok(Vec::new())), Delivery::HangUp),
        ScriptedReply::Drip(inner, pause) => (scripted(state, call, *inner).0, Delivery::Drip(pause)),
        ScriptedReply::Truncated(inner) => (scripted(state, call, *inner).0, Delivery::Truncated),
    }
}

fn envelope(state: &State, call: &Call, outcome: Outcome) -> Response {
    match outcome {
        Ok(arguments) => {
            let style = state.played(|m| match m {
                Misbehaviour::Answers(style) => Some(*style),
                _ => None,
            });
            Response::new("200 OK", XML, soap::answer(call, &arguments, style))
        }
        Err(fault) => {
            let style = state.played(|m| match m {
                Misbehaviour::Faults(style) => Some(*style),
                _ => None,
            });
            let status = match style {
                Some(FaultStyle::Http200) => "200 OK",
                _ => "500 Internal Server Error",
            };
            Response::new(status, XML, soap::fault(&fault, style))
        }
    }
}
