//! `portreeve pinhole`.

mod keep;
mod told;

use std::time::Duration;

use portreeve::pinhole::Traffic;
use portreeve::{Error, Gateway, Opened, PinholeRequest};

use crate::args::{AddPinhole, Pinhole, Reach};
use crate::exit::{End, Failure, Status};
use crate::output::{Output, Text};
use crate::views::{self, Ending, PinholeChecked, PinholeDeleted, PinholePackets, PinholeUpdated, PinholesKept};

use super::reach;
pub(super) use keep::run as keep;

/// How long a gateway gets for closing what was opened before.
const FAREWELL: Duration = Duration::from_secs(3);

/// Does what was asked for.
pub(super) async fn run(output: &Output, reach: &Reach, request: &Pinhole) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    match *request {
        Pinhole::Add(ref options) => add(output, &gateway, options).await,
        Pinhole::Update { id, lease } => {
            output
                .during("asking the gateway", gateway.update_pinhole(id, lease))
                .await?;
            output.result(&PinholeUpdated {
                id,
                lease_seconds: lease.as_secs(),
            })
        }
        Pinhole::Delete { id } => match output.during("closing", gateway.delete_pinhole(id)).await? {
            true => output.result(&PinholeDeleted { id }),
            false => Err(nothing_there(id).into()),
        },
        Pinhole::Check { id } => {
            let traffic = output.during("asking the gateway", gateway.check_pinhole(id)).await?;
            output.result(&PinholeChecked {
                id,
                traffic: match traffic {
                    Traffic::Passes => views::PinholeTraffic::Passes,
                    Traffic::NoneYet => views::PinholeTraffic::NoneYet,
                    _ => views::PinholeTraffic::Blocked,
                },
            })
        }
        Pinhole::Packets { id } => {
            let packets = output.during("asking the gateway", gateway.pinhole_packets(id)).await?;
            output.result(&PinholePackets { id, packets })
        }
    }
}

/// Opens pinholes and leaves them alone. If one cannot be had, those before it are closed.
pub(super) async fn leave(output: &Output, requests: Vec<PinholeRequest>) -> Result<PinholesKept, Error> {
    let mut opened: Vec<Opened> = Vec::new();
    for request in requests {
        match output.during("opening the pinhole", request.add()).await {
            Ok(pinhole) => opened.push(pinhole),
            Err(error) => {
                for pinhole in opened {
                    if let Opened::Pinhole(pinhole) = pinhole {
                        // The error is what counts; this ends with its lease.
                        let _ = tokio::time::timeout(FAREWELL, pinhole.delete()).await;
                    }
                }
                return Err(error);
            }
        }
    }
    Ok(PinholesKept {
        pinholes: opened.iter().map(told::opened).collect(),
        ending: Ending::Left,
    })
}

async fn add(output: &Output, gateway: &Gateway, options: &AddPinhole) -> Result<(), End> {
    let request = request(gateway, options);
    if options.detach {
        let left = leave(output, vec![request]).await?;
        return output.result(&left);
    }
    let (kept, ended) = keep(output, vec![request]).await?;
    ended?;
    output.result(&kept)
}

fn request(gateway: &Gateway, options: &AddPinhole) -> PinholeRequest {
    let mut request = gateway.pinhole(options.protocol, options.port).lease(options.lease);
    if let Some(client) = options.client {
        request = request.client(client);
    }
    if let Some(host) = options.remote_host {
        request = request.remote_host(host);
    }
    if let Some(port) = options.remote_port {
        request = request.remote_port(port);
    }
    request
}

fn nothing_there(id: u16) -> Failure {
    Failure {
        status: Status::Refused,
        code: "no-such-pinhole",
        problem: Text::clean(format!("The gateway has no pinhole {id}.")),
        remedy: Some(Text::clean(
            "It has run out, was closed before, or was lost when the gateway restarted.",
        )),
        upnp: None,
    }
}
