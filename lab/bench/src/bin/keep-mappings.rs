//! An application that keeps many mappings with the library, and nothing else, until it is killed.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use portreeve::{Error, KeptMapping, Protocol};

const FIRST_PORT: u16 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().and_then(|text| text.parse::<u16>().ok());
    let lease = arguments.next().and_then(|text| text.parse::<u64>().ok());
    let (Some(count), Some(lease)) = (count, lease) else {
        eprintln!("usage: keep-mappings COUNT LEASE-SECONDS");
        return ExitCode::FAILURE;
    };
    match keep(count, Duration::from_secs(lease)).await {
        Ok(kept) => {
            println!("keeping {}", kept.len());
            // The other side waits for this line.
            let _ = std::io::stdout().flush();
            std::future::pending().await
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn keep(count: u16, lease: Duration) -> Result<Vec<KeptMapping>, Error> {
    let gateway = portreeve::discover().without_cache().await?;
    let mut kept = Vec::new();
    for port in FIRST_PORT..FIRST_PORT + count {
        let request = gateway.map(Protocol::Tcp, port).external(port).lease(lease);
        kept.push(request.keep().await?);
    }
    Ok(kept)
}
