//! HTTP as the simulated gateway speaks it.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncWriteExt, BufReader, DuplexStream};

use super::Simulated;
use crate::network::asked;

pub(super) async fn serve(stream: DuplexStream, network: Simulated, peer: IpAddr) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = asked::read(&mut stream).await? {
        tokio::time::sleep(network.time_for(request.soap_action.as_deref())).await;
        let (status, fields, body) = {
            let mut gateway = network.gateway();
            if !gateway.is_up() {
                return Ok(());
            }
            gateway.respond(&request, peer, |callback| network.sender(&callback))
        };
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{fields}\r\n{body}");
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        network.publish();
    }
    Ok(())
}
