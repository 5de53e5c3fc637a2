//! `portreeve discover`.

use portreeve::Gateway;
use portreeve::gateway::{self, WanConnection};

use crate::args::Reach;
use crate::exit::End;
use crate::output::{Output, Text};
use crate::views::{Connection, Discovered, Found};

use super::reach;

/// Tells every gateway that answers in time.
pub(super) async fn run(output: &Output, reach: &Reach) -> Result<(), End> {
    let search = reach::discovery(reach)?;
    let gateways = output.during("searching for gateways", search.all()).await?;
    let found = gateways.iter().map(found).collect();
    output.result(&Discovered::ranked(found, reach.gateway.is_some()))
}

fn found(gateway: &Gateway) -> Found {
    let connections = gateway.connections().iter();
    let connections = connections.map(|connection| Connection {
        chosen: gateway
            .connection()
            .is_ok_and(|chosen| std::ptr::eq(connection, chosen)),
        ..told(connection)
    });
    Found {
        gateway: reach::view(gateway),
        chosen: false,
        reason: None,
        connections: connections.collect(),
    }
}

fn told(connection: &gateway::Connection) -> Connection {
    let wan = connection.wan();
    let name = match wan {
        WanConnection::Ppp(_) => "WANPPPConnection",
        _ => "WANIPConnection",
    };
    let seen = connection.status_seen();
    let address = seen.and_then(|seen| seen.external_ip_address());
    Connection {
        service: Text::clean(format!("{name}:{}", wan.version())),
        chosen: false,
        connection_status: seen.map(|seen| Text::clean(&seen.connection_status)),
        external_address: address,
        address_kind: reach::address_kind(address),
    }
}
