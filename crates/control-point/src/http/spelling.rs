//! The letter case of `SOAPAction`, which some routers compare letter by letter (syncthing#1696), and of the header fields
//! of eventing, which the standard prints in capitals.
//!
//! hyper sends names in lower case or In Title Case, which makes `Soapaction` of it. But for proxies it can keep the case
//! in which a head came. So a head spelt as wanted is read once, and what hyper remembers of it goes with each request.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper::http::Extensions;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HEAD: &[u8] = b"HTTP/1.1 204 No Content\r\nSOAPAction: x\r\nNT: x\r\nCALLBACK: x\r\nSID: x\r\nTIMEOUT: x\r\n\
                      Connection: close\r\n\r\n";

/// What spells them as miniupnpc and Windows do; empty if hyper has changed its ways, and then it is `Soapaction`.
pub(super) async fn spelling() -> Extensions {
    let (near, far) = tokio::io::duplex(1024);
    let learn = async {
        let (mut sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(near))
            .await?;
        let response = sender.send_request(Request::new(Empty::<Bytes>::new()));
        let (response, _ended, ()) = tokio::join!(response, connection, answer(far));
        response
    };
    learn
        .await
        .map(|response| response.extensions().clone())
        .unwrap_or_default()
}

async fn answer(mut stream: tokio::io::DuplexStream) {
    // An answer to a request that was not sent yet is an error.
    if stream.read(&mut [0; 256]).await.is_ok() {
        // If it fails, the response does too.
        let _written = stream.write_all(HEAD).await;
    }
}
