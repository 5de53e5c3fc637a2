//! What a TCP connection through the relay is like.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use portreeve_backend::relay::Settings;

use crate::world::*;

#[test]
fn bytes_go_both_ways() {
    let mut world = World::new();
    world.add(&Arc::new(mapping(Tcp, 20080, echo("web "))));
    let mut stream = world.connect(20080);
    stream.write_all(b"hello").unwrap();
    expect(&mut stream, "web hello");
    stream.write_all(b"again").unwrap();
    expect(&mut stream, "again");
}

#[test]
fn the_client_may_go_on_talking_after_the_remote_host_has_finished() {
    let target = serve(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        thread::sleep(Duration::from_millis(50));
        stream.write_all(format!("{} bytes", all.len()).as_bytes()).unwrap();
    });
    let mut world = World::new();
    world.add(&Arc::new(mapping(Tcp, 20080, target)));
    let mut stream = world.connect(20080);
    stream.write_all(&[7; 100_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "100000 bytes");
}

#[test]
fn the_remote_host_may_go_on_talking_after_the_client_has_finished() {
    let (sender, received) = mpsc::channel();
    let target = serve(move |mut stream| {
        stream.write_all(b"that is all from me").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        sender.send(all.len()).unwrap();
    });
    let mut world = World::new();
    world.add(&Arc::new(mapping(Tcp, 20080, target)));
    let mut stream = world.connect(20080);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "that is all from me");
    stream.write_all(&[7; 100_000]).unwrap();
    drop(stream);
    assert_eq!(received.recv_timeout(SOON).unwrap(), 100_000);
}

/// Byte number `at` of a stream in which no piece repeats for long.
fn pattern(at: usize) -> u8 {
    (at ^ (at >> 8) ^ (at >> 16)).to_le_bytes()[0]
}

#[test]
fn a_slow_reader_slows_the_sender_down_and_loses_nothing() {
    let (begin, may_begin) = mpsc::channel::<()>();
    let (sender, received) = mpsc::channel();
    let may_begin = Arc::new(std::sync::Mutex::new(may_begin));
    let target = serve(move |mut stream| {
        may_begin.lock().unwrap().recv().unwrap();
        let (mut buffer, mut count) = (vec![0; 100_003], 0);
        loop {
            let piece = stream.read(&mut buffer).unwrap();
            assert!(
                buffer[..piece]
                    .iter()
                    .zip(count..)
                    .all(|(&byte, at)| byte == pattern(at))
            );
            count += piece;
            if piece == 0 {
                break sender.send(count).unwrap();
            }
        }
    });
    let mut world = World::new();
    world.add(&Arc::new(mapping(Tcp, 20080, target)));
    let mut stream = world.connect(20080);
    stream.set_nonblocking(true).unwrap();
    let (mut sent, mut last_progress) = (0, Instant::now());
    while last_progress.elapsed() < Duration::from_millis(500) {
        let piece: Vec<u8> = (sent..sent + 65_536).map(pattern).collect();
        match stream.write(&piece) {
            Ok(count) => (sent, last_progress) = (sent + count, Instant::now()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("{error}"),
        }
        // The kernel's own buffers, of four sockets, hold some 20 MB at most.
        assert!(sent < 60_000_000, "nobody reads, and {sent} bytes were taken");
    }
    begin.send(()).unwrap();
    stream.set_nonblocking(false).unwrap();
    let rest: Vec<u8> = (sent..sent + 30_000_000).map(pattern).collect();
    stream.write_all(&rest).unwrap();
    drop(stream);
    assert_eq!(received.recv_timeout(6 * SOON).unwrap(), sent + rest.len());
}

#[test]
fn a_reset_is_passed_on_in_both_directions() {
    let (sender, received) = mpsc::channel();
    let target = serve(move |mut stream| {
        stream.write_all(b"ready").unwrap();
        let mut byte = [0];
        let end = stream.read(&mut byte).map_err(|error| error.kind());
        if end == Ok(1) {
            return reset_at_end(&stream);
        }
        sender.send(end).unwrap();
    });
    let mut world = World::new();
    world.add(&Arc::new(mapping(Tcp, 20080, target)));
    let mut stream = world.connect(20080);
    expect(&mut stream, "ready");
    reset_at_end(&stream);
    drop(stream);
    assert_eq!(received.recv_timeout(SOON).unwrap(), Err(ErrorKind::ConnectionReset));
    let mut stream = world.connect(20080);
    expect(&mut stream, "ready");
    stream.write_all(b"x").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_client_that_does_not_listen_means_a_reset() {
    let mut world = World::new();
    let nobody = SocketAddr::from((own_address(), 9));
    world.add(&Arc::new(mapping(Tcp, 20080, nobody)));
    let mut stream = world.connect(20080);
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_client_that_does_not_answer_means_a_reset_in_time() {
    let mut world = World::with(Settings {
        connect_timeout: Duration::from_millis(200),
        ..Settings::default()
    });
    // A listener with a full queue does not answer.
    let full = TcpListener::bind((own_address(), 0)).unwrap();
    socket2::SockRef::from(&full).listen(0).unwrap();
    let target = full.local_addr().unwrap();
    let _queued: Vec<_> = (0..2).map(|_| connect_in_background(target)).collect();
    thread::sleep(Duration::from_millis(50));
    world.add(&Arc::new(mapping(Tcp, 20080, target)));
    let begin = Instant::now();
    assert!(is_cut(&mut world.connect(20080)));
    assert!(begin.elapsed() >= Duration::from_millis(190), "{:?}", begin.elapsed());
}

fn connect_in_background(to: SocketAddr) -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    let _ = socket.connect(&to.into());
    socket
}

#[test]
fn a_mapping_carries_so_many_connections_and_no_more() {
    let mut world = World::with(Settings {
        connections_per_mapping: 2,
        in_all: 3,
        ..Settings::default()
    });
    let target = echo("!");
    world.add(&Arc::new(mapping(Tcp, 20080, target)));
    world.add(&Arc::new(mapping(Tcp, 20081, target)));
    let open = |port| {
        let mut stream = world.connect(port);
        expect(&mut stream, "!");
        stream
    };
    let first = open(20080);
    let _second = open(20080);
    assert!(
        is_turned_away(Ipv4Addr::LOCALHOST, world.external(20080)),
        "two for this mapping"
    );
    let _third = open(20081);
    assert!(
        is_turned_away(Ipv4Addr::LOCALHOST, world.external(20081)),
        "three in all"
    );
    drop(first);
    eventually("a place that became free is given away", || {
        let mut stream = world.connect(20081);
        stream.read_exact(&mut [0]).is_ok()
    });
}

#[test]
fn hundreds_of_connections_at_once_each_get_their_own_bytes() {
    let mut world = World::new();
    world.add(&Arc::new(mapping(Tcp, 20080, echo(""))));
    let mut streams: Vec<_> = (0..400).map(|_| world.connect(20080)).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.write_all(format!("this is {number:03}").as_bytes()).unwrap();
    }
    for (number, stream) in streams.iter_mut().enumerate().rev() {
        expect(stream, &format!("this is {number:03}"));
    }
}
