//! `portreeve map`.

mod family;
mod keep;
mod told;

use std::time::Duration;

use portreeve::{Gateway, MapRequest, Mapping, Protocol};
use tokio::time::timeout;

use crate::args::{Map, Reach};
use crate::exit::End;
use crate::output::{Output, Text};
use crate::views::Ending;

use super::reach;
use family::Way;

/// How long a gateway gets for removing what was made before.
const FAREWELL: Duration = Duration::from_secs(3);

/// Maps, and keeps the mappings until stopped unless they are to be left alone.
pub(super) async fn run(output: &Output, reach: &Reach, options: &Map) -> Result<(), End> {
    let way = Way::of(options)?;
    let gateway = reach::gateway(output, reach).await?;
    if way == Way::Pinhole {
        return family::open(output, &gateway, options).await;
    }
    let ended = if options.detach {
        leave(output, &gateway, options).await
    } else {
        keep::run(output, &gateway, options).await
    };
    match ended {
        Err(End::Failed(failure)) if way == Way::Either && family::may_replace(&failure, &gateway) => {
            family::explain(output, &failure)?;
            family::open(output, &gateway, options).await
        }
        ended => ended.map_err(|end| insist(end, &gateway)),
    }
}

/// Tells those who are behind another NAT how to open the port all the same.
fn insist(end: End, gateway: &Gateway) -> End {
    let End::Failed(mut failure) = end else { return end };
    if matches!(failure.code, "double-nat" | "carrier-grade-nat") {
        let mut remedy = failure.remedy.as_ref().map(Text::as_str).unwrap_or_default().to_owned();
        if family::is_reachable_over_ipv6(gateway) {
            remedy += "\nTo open the port over IPv6 instead: `--family ipv6`.";
        }
        remedy += "\nTo map all the same, for hosts between the two: `--despite-status`.";
        failure.remedy = Some(Text::sentences(remedy));
    }
    End::Failed(failure)
}

/// Makes the mappings and leaves them alone. If one cannot be had, those before it are taken back.
async fn leave(output: &Output, gateway: &Gateway, options: &Map) -> Result<(), End> {
    let mut made: Vec<Mapping> = Vec::new();
    for protocol in options.protocol.each() {
        let other = made.first().map(Mapping::external_port);
        let making = request(gateway, options, protocol, other).once();
        match output.during("opening the port", making).await {
            Ok(mapping) => made.push(mapping),
            Err(error) => {
                for mapping in made {
                    // The error is what counts; this ends with its lease.
                    let _ = timeout(FAREWELL, mapping.remove()).await;
                }
                return Err(error.into());
            }
        }
    }
    let mappings = made.iter().map(told::mapping).collect();
    output.result(&family::mapped(mappings, Ending::Left))
}

/// What was asked for, of one protocol. The other protocol's external port is preferred, so that both have the same.
fn request(gateway: &Gateway, options: &Map, protocol: Protocol, other: Option<u16>) -> MapRequest {
    let mut request = gateway.map(protocol, options.port).lease(options.lease);
    request = match (options.external, other) {
        (Some(port), _) => request.external(port),
        (None, Some(port)) => request.prefer(port),
        (None, None) if options.any => request.any(),
        (None, None) => request,
    };
    if let Some(client) = options.client {
        request = request.client(client);
    }
    if let Some(host) = options.remote_host {
        request = request.remote_host(host);
    }
    if let Some(text) = &options.description {
        request = request.description(text);
    }
    if options.despite_status {
        request = request.despite_status();
    }
    request
}
