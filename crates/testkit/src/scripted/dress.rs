use super::events::LATE_ANSWER;
use super::http::{After, Delivery, Framing, Response};
use super::misbehaviour::{Misbehaviour, Purpose};
use super::respond::Exchange;
use super::state::State;

/// Makes of an answer what a gateway with these misbehaviours sends.
pub(super) fn dress(state: &State, exchange: &mut Exchange) {
    for misbehaviour in &state.misbehaviours {
        let Exchange {
            purpose,
            response,
            delivery,
            wait,
            after,
        } = &mut *exchange;
        match misbehaviour {
            Misbehaviour::NoContentLength => {
                let (_, status) = response.status_line.split_once(' ').unwrap_or_default();
                response.status_line = format!("HTTP/1.0 {status}");
                response.framing = Framing::UntilClose;
                response.headers = vec![("Content-Type".to_owned(), "application/octet-stream".to_owned())];
            }
            Misbehaviour::AlwaysChunked => response.framing = Framing::Chunked,
            Misbehaviour::TrailingNuls => {
                response.body.extend_from_slice(b" \0\0\0 \0");
                response.framing = Framing::SpacedContentLength;
            }
            Misbehaviour::ClosesUnannounced => *after = After::Close,
            Misbehaviour::OddHeaders => odd_headers(response),
            Misbehaviour::EventBeforeAnswer if *purpose == Purpose::Subscription => *wait = LATE_ANSWER,
            Misbehaviour::Slow(on, time) if on.covers(purpose) => *wait = *time,
            Misbehaviour::NeverAnswers(on) if on.covers(purpose) => *delivery = Delivery::Never,
            Misbehaviour::HangsUp(on) if on.covers(purpose) => *delivery = Delivery::HangUp,
            Misbehaviour::Truncated(on) if on.covers(purpose) => *delivery = Delivery::Truncated,
            Misbehaviour::Drip(on, pause) if on.covers(purpose) => *delivery = Delivery::Drip(*pause),
            Misbehaviour::EndlessBody(on) if on.covers(purpose) => *delivery = Delivery::Endless,
            Misbehaviour::HugeBody(on, size) if on.covers(purpose) => {
                response.body.resize(response.body.len() + size, b' ');
            }
            Misbehaviour::Redirect(on, url) if on.covers(purpose) => {
                *response = Response::new("302 Found", "text/html", "<html>Elsewhere</html>");
                response.headers.push(("Location".to_owned(), url.clone()));
            }
            Misbehaviour::Status(on, status) if on.covers(purpose) => {
                *response = Response::new(status, "text/html", "<html>Error</html>");
            }
            Misbehaviour::Garbage(on) if on.covers(purpose) => {
                *delivery = Delivery::Garbage(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 not HTTP at all\r\n\r\n");
            }
            _ => {}
        }
    }
}

/// R7.
fn odd_headers(response: &mut Response) {
    response.status_line.push(' ');
    let odd = [
        ("SERVER", ""),
        ("Cache_Control", "max-age=1"),
        ("X-User-Agent", "redsonic"),
        ("Ext", ""),
        ("EXT", ""),
    ];
    response
        .headers
        .extend(odd.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
