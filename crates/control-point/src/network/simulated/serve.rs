//! HTTP as the simulated gateway speaks it.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::Simulated;

pub(super) async fn serve(stream: DuplexStream, network: Simulated) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        tokio::time::sleep(network.time_for(request.soap_action.as_deref())).await;
        let (status, body) = {
            let mut gateway = network.gateway();
            if !gateway.is_up() {
                return Ok(());
            }
            gateway.respond(&request)
        };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

pub(super) struct Request {
    pub(super) path: String,
    pub(super) soap_action: Option<String>,
    pub(super) body: Vec<u8>,
}

async fn read(stream: &mut BufReader<DuplexStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let Some(path) = line.split(' ').nth(1).map(str::to_owned) else {
        return Ok(None);
    };
    let (mut soap_action, mut length) = (None, 0);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "soapaction" => soap_action = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Request {
        path,
        soap_action,
        body,
    }))
}
