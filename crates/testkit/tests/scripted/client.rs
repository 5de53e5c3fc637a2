//! A client of a few lines, which shows bytes as they came.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream, UdpSocket};
use std::time::Duration;

use portreeve_testkit::ScriptedGateway;

pub(crate) const IP_CONNECTION: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";
/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test waits for what must not come.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

pub(crate) fn search(gateway: &ScriptedGateway, target: &str) -> Vec<String> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.set_read_timeout(Some(QUIET)).expect("a timeout can be set");
    send_search(&socket, gateway.ssdp_address(), target);
    let mut answers = Vec::new();
    let mut buffer = [0; 2048];
    while let Ok((length, _)) = socket.recv_from(&mut buffer) {
        answers.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    answers
}

pub(crate) fn send_search(socket: &UdpSocket, to: SocketAddrV4, target: &str) {
    let message = format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {target}\r\n\r\n"
    );
    socket.send_to(message.as_bytes(), to).expect("searches can be sent");
}

pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

pub(crate) fn get(gateway: &ScriptedGateway, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        gateway.address()
    );
    String::from_utf8_lossy(&exchange(gateway.http_address(), request.as_bytes())).into_owned()
}

pub(crate) fn post(gateway: &ScriptedGateway, path: &str, body: &str) -> String {
    let answer = exchange(gateway.http_address(), post_text(path, body).as_bytes());
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn post_text(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nSOAPACTION: \"urn:test#call\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Sends bytes and reads to the end of the stream.
pub(crate) fn exchange(to: SocketAddrV4, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.write_all(request).expect("it reads");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(e) if e.kind() != ErrorKind::ConnectionReset => panic!("no end of the answer: {e}"),
        _ => answer,
    }
}

pub(crate) fn envelope(service: &str, action: &str, arguments: &[(&str, &str)]) -> String {
    let arguments: String = arguments
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>"
    )
}

/// Calls an action of the only connection of a default gateway.
pub(crate) fn call(gateway: &ScriptedGateway, action: &str, arguments: &[(&str, &str)]) -> String {
    post(gateway, "/ctl/2", &envelope(IP_CONNECTION, action, arguments))
}

pub(crate) fn mapping<'a>(port: &'a str, lease: &'a str) -> [(&'a str, &'a str); 8] {
    [
        ("NewRemoteHost", ""),
        ("NewExternalPort", port),
        ("NewProtocol", "TCP"),
        ("NewInternalPort", "8080"),
        ("NewInternalClient", "127.0.0.1"),
        ("NewEnabled", "1"),
        ("NewPortMappingDescription", "web &amp; &lt;more&gt;"),
        ("NewLeaseDuration", lease),
    ]
}

pub(crate) fn add(gateway: &ScriptedGateway, port: u16, lease: u32) -> String {
    call(
        gateway,
        "AddPortMapping",
        &mapping(&port.to_string(), &lease.to_string()),
    )
}

pub(crate) fn specific(gateway: &ScriptedGateway, port: u16) -> String {
    let port = port.to_string();
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", &*port),
        ("NewProtocol", "TCP"),
    ];
    call(gateway, "GetSpecificPortMappingEntry", &key)
}

pub(crate) fn generic(gateway: &ScriptedGateway, index: usize) -> String {
    let index = index.to_string();
    call(
        gateway,
        "GetGenericPortMappingEntry",
        &[("NewPortMappingIndex", &*index)],
    )
}

pub(crate) fn list(gateway: &ScriptedGateway, start: u16, end: u16) -> String {
    let (start, end) = (start.to_string(), end.to_string());
    let arguments = [
        ("NewStartPort", &*start),
        ("NewEndPort", &*end),
        ("NewProtocol", "TCP"),
        ("NewManage", "1"),
        ("NewNumberOfPorts", "0"),
    ];
    call(gateway, "GetListOfPortMappings", &arguments)
}

pub(crate) fn query(gateway: &ScriptedGateway, variable: &str) -> String {
    let body = envelope(
        "urn:schemas-upnp-org:control-1-0",
        "QueryStateVariable",
        &[("varName", variable)],
    );
    let answer = post(gateway, "/ctl/2", &body);
    element(&answer, "return").expect("the variable has a value").to_owned()
}

/// Text of the first element of that name.
pub(crate) fn element<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text)
}

pub(crate) fn error_code(message: &str) -> Option<&str> {
    element(message, "errorCode")
}
