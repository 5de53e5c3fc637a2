//! A bare HTTP server on the library that portreeved uses, with the same settings: it reads each body and gives a fixed answer of the
//! size of a real one. What a daemon on this library can do at best.

use std::convert::Infallible;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

const BACKLOG: i32 = 4096;
const HEAD: usize = 8 * 1024;
const BODY: &str = "<?xml version=\"1.0\"?>\r\n\
    <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
    <u:AddPortMappingResponse xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:2\">\
    </u:AddPortMappingResponse><!-- GetExternalIPAddressResponse --></s:Body></s:Envelope>\r\n";

fn main() -> ExitCode {
    let Some(Ok(address)) = std::env::args().nth(1).map(|address| address.parse()) else {
        eprintln!("usage: http-floor ADDRESS:PORT");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served = runtime.and_then(|runtime| runtime.block_on(serve(address)));
    if let Err(error) = served {
        eprintln!("cannot serve at {address}: {error}");
    }
    ExitCode::FAILURE
}

async fn serve(address: std::net::SocketAddr) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from_std(socket.into())?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(stream));
    }
}

async fn connection(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    // A client that goes away is no concern of a floor.
    let _ = http1::Builder::new()
        .title_case_headers(true)
        .half_close(true)
        .max_header_size(HEAD)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, BODY.len().into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=\"utf-8\""));
    headers.insert(SERVER, HeaderValue::from_static("Linux/6 UPnP/1.1 floor/1"));
    headers.insert("ext", HeaderValue::from_static(""));
    Ok(response)
}
