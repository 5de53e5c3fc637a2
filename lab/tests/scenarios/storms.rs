//! A whole house that wakes up at once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::upnp::soap;

use crate::support::{assert_healthy, bed, raise_descriptor_limit};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";
const CONNECTIONS: usize = 1000;

/// Connects, asks once everybody is connected, and returns the answer's head; an error is a reset or a refusal.
fn ask(server: std::net::SocketAddr, request: &str, connected: &Barrier) -> std::io::Result<String> {
    let stream = TcpStream::connect_timeout(&server, Duration::from_secs(10));
    connected.wait();
    let mut stream = stream?;
    stream.set_read_timeout(Some(Duration::from_secs(12)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_burst_of_a_thousand_connections_from_one_host_is_answered_without_a_reset() {
    let Some(bed) = bed(&["limits.requests-per-second-per-client=100000"]) else {
        return;
    };
    raise_descriptor_limit();
    let client = bed.client(1);
    let path = client.service("WANIPConnection:2").control_url;
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    let action = format!("{SERVICE}#GetExternalIPAddress");
    let request = soap::request(&client.server().to_string(), &path, &action, &body);

    let (connected, answered) = (Barrier::new(CONNECTIONS), AtomicUsize::new(0));
    let server = client.server();
    let started = Instant::now();
    let failures: Vec<String> = client.host().run(|| {
        thread::scope(|scope| {
            let askers: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    let asker = thread::Builder::new().stack_size(64 << 10);
                    let ask = || match ask(server, &request, &connected) {
                        Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => {
                            answered.fetch_add(1, Ordering::Relaxed);
                            None
                        }
                        Ok(answer) => Some(answer.lines().next().unwrap_or("nothing").to_owned()),
                        Err(error) => Some(error.to_string()),
                    };
                    asker.spawn_scoped(scope, ask).expect("threads can be made")
                })
                .collect();
            askers.into_iter().filter_map(|asker| asker.join().unwrap()).collect()
        })
    });
    assert_eq!(
        answered.load(Ordering::Relaxed),
        CONNECTIONS,
        "{:?}",
        &failures[..failures.len().min(5)]
    );
    assert!(
        started.elapsed() < Duration::from_secs(12),
        "it took {:?}",
        started.elapsed()
    );
    assert_healthy(&bed);
}
