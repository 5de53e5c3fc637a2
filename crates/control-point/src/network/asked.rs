//! What gateways in tests are asked over HTTP.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, DuplexStream};

/// A request.
pub(crate) struct Asked {
    /// Path of the URL.
    pub(crate) path: String,
    /// The SOAPACTION header.
    pub(crate) soap_action: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// The next request, if there is one.
pub(crate) async fn read(stream: &mut BufReader<DuplexStream>) -> io::Result<Option<Asked>> {
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
            "content-length" => length = value.parse().expect("our own client sends numbers"),
            "soapaction" => soap_action = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Asked {
        path,
        soap_action,
        body,
    }))
}
