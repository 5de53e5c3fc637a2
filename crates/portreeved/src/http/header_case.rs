//! Header names in the case in which the standard prints them.
//!
//! hyper sends names in lower case or In Title Case, and UPnP's own headers are spelt EXT, SERVER, SID: some peers compare
//! them letter by letter. hyper can keep the case in which a response came, for proxies; so a response spelt as wanted
//! passes once through its client, and what it remembered of the spelling goes into every response that we send.

use std::io;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::http::Extensions;
use hyper::{Request, client};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SPELLING: &[u8] = b"HTTP/1.1 200 OK\r\nCONTENT-TYPE: x\r\nCONTENT-LENGTH: 0\r\nEXT:\r\nSERVER: x\r\n\
    CONTENT-LANGUAGE: x\r\nALLOW: x\r\nDATE: x\r\nRETRY-AFTER: 1\r\nSID: x\r\nTIMEOUT: x\r\nCONNECTION: close\r\n\r\n";

/// What makes a response spell its header names as the standard prints them.
pub(super) async fn spelling() -> io::Result<Extensions> {
    let (near, mut far) = tokio::io::duplex(1024);
    let mut builder = client::conn::http1::Builder::new();
    let (mut sender, connection) = builder
        .preserve_header_case(true)
        .handshake(TokioIo::new(near))
        .await
        .map_err(io::Error::other)?;
    let response = sender.send_request(Request::new(Empty::<Bytes>::new()));
    let answer = async {
        // The response to a request that was not sent yet is an error.
        let _request = far.read(&mut [0; 256]).await?;
        far.write_all(SPELLING).await
    };
    // The connection ends with the response, which says so; its own result adds nothing.
    let (response, _ended, answered) = tokio::join!(response, connection, answer);
    answered?;
    Ok(response.map_err(io::Error::other)?.extensions().clone())
}
