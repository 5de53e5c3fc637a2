//! Eventing: the subscriber's side.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portreeve_testkit::Host;

use super::control_point::ControlPoint;
use super::http::Response;
use super::xml::{self, Element};

/// How often the listener looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(10);
/// How long a sender may take for its message.
const PATIENCE: Duration = Duration::from_secs(5);

/// An event message as it came.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The request line.
    pub request: String,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// A host's listener for event messages; each is answered with 200.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    heard: Receiver<Notification>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Notification {
    /// Value of a header field, by its name in capitals as the standard prints it.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or_else(|| panic!("no {name} in {self:?}"), |(_, value)| value)
    }

    /// The property set.
    ///
    /// # Panics
    /// If the body is no document.
    #[track_caller]
    pub fn document(&self) -> Element {
        xml::parse(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// Names and values of the variables, in order.
    #[track_caller]
    pub fn variables(&self) -> Vec<(String, String)> {
        let properties = self.document().children;
        let variables = properties.into_iter().flat_map(|property| property.children);
        variables.map(|variable| (variable.name, variable.text)).collect()
    }

    /// Value of a variable, if the message has it.
    #[track_caller]
    pub fn value(&self, name: &str) -> Option<String> {
        let mut variables = self.variables().into_iter();
        variables.find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl Listener {
    /// Listens on a host.
    ///
    /// # Panics
    /// If it has no port left.
    pub fn on(host: &Host) -> Self {
        Self::at(host, (host.ipv4(), 0).into())
    }

    /// Listens at an address of a host, on any port.
    ///
    /// # Panics
    /// If it has no port left, or no such address.
    pub fn at(host: &Host, own: SocketAddr) -> Self {
        let listener = host.run(|| TcpListener::bind(own)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("a socket can be told so");
        let ends = Arc::new(AtomicBool::new(false));
        let (tell, heard) = channel();
        let thread = {
            let ends = Arc::clone(&ends);
            thread::spawn(move || listen(&listener, &tell, &ends))
        };
        Self {
            address,
            heard,
            ends,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL as CALLBACK has it: without a scope.
    pub fn callback(&self) -> String {
        let address = SocketAddr::new(self.address.ip(), self.address.port());
        format!("<http://{address}/events>")
    }

    /// The next message, if one comes in time.
    pub fn next_within(&self, limit: Duration) -> Option<Notification> {
        self.heard.recv_timeout(limit).ok()
    }

    /// The next message.
    ///
    /// # Panics
    /// If none comes within five seconds.
    #[track_caller]
    pub fn next(&self) -> Notification {
        self.next_within(PATIENCE).expect("an event message comes")
    }

    /// The first message, from the next on, in which a variable has a value.
    ///
    /// # Panics
    /// If a message is five seconds in coming.
    #[track_caller]
    pub fn until(&self, variable: &str, value: &str) -> Notification {
        loop {
            let next = self.next();
            if next.value(variable).as_deref() == Some(value) {
                return next;
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it panicked of has been printed.
            let _ = thread.join();
        }
    }
}

impl ControlPoint<'_> {
    /// Sends SUBSCRIBE or UNSUBSCRIBE for a service with these header fields, each line of them ended.
    #[track_caller]
    pub fn gena(&self, method: &str, service_type: &str, fields: &str) -> Response {
        let path = self.service(service_type).event_sub_url;
        self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHOST: {}\r\n{fields}CONNECTION: close\r\n\r\n",
            self.authority()
        ))
    }

    /// Subscribes to a service; returns the SID.
    ///
    /// # Panics
    /// If that is refused.
    #[track_caller]
    pub fn subscribe(&self, service_type: &str, callback: &str) -> String {
        let fields = format!("CALLBACK: {callback}\r\nNT: upnp:event\r\nTIMEOUT: Second-1800\r\n");
        let response = self.gena("SUBSCRIBE", service_type, &fields);
        assert_eq!(response.status, 200, "{response:?}");
        response.header("SID").expect("a SID").to_owned()
    }
}

fn listen(listener: &TcpListener, tell: &Sender<Notification>, ends: &AtomicBool) {
    while !ends.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                // A message that is cut off is one that does not come.
                if let Ok(message) = take(stream)
                    && tell.send(message).is_err()
                {
                    return;
                }
            }
            Err(_) => thread::sleep(TICK),
        }
    }
}

fn take(mut stream: TcpStream) -> io::Result<Notification> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.split("\r\n");
            let request = lines.next().unwrap_or_default().to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect();
            let length = headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let body = body.to_owned();
                stream.write_all(b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 0\r\nCONNECTION: close\r\n\r\n")?;
                return Ok(Notification { request, headers, body });
            }
        }
        let mut buffer = [0; 2048];
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text += &String::from_utf8_lossy(&buffer[..read]);
    }
}
