//! What a program does that uses igd-next with its defaults: searches the gateway and maps one TCP port.

use std::net::SocketAddr;
use std::process::ExitCode;

use igd_next::{PortMappingProtocol, SearchOptions, search_gateway};

const LEASE: u32 = 3600;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let internal = arguments.next().and_then(|text| text.parse::<SocketAddr>().ok());
    let external = arguments.next().and_then(|text| text.parse::<u16>().ok());
    let (Some(internal), Some(external)) = (internal, external) else {
        eprintln!("usage: igd-next-map ADDRESS:PORT EXTERNAL-PORT");
        return ExitCode::FAILURE;
    };
    let gateway = match search_gateway(SearchOptions::default()) {
        Ok(gateway) => gateway,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match gateway.add_port(PortMappingProtocol::TCP, external, internal, LEASE, "bench") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
