//! What hosts of the LAN may throw at the port.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::nat_pmp::{self, EXTERNAL_ADDRESS};
use portreeve_lab::port_control::pcp::{Answer, Map, Request};

use super::client;
use crate::support::{assert_healthy, bed, memory_kib, shared};

/// Numbers that look random and are the same each time.
struct Noise(u64);

/// Ends the flood when it goes.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn octets(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_be_bytes()[3]).collect()
    }
}

#[test]
fn garbage_kills_nothing_and_leaves_nothing_behind() {
    let Some(bed) = bed(&[]) else { return };
    let (first, mut noise) = (client(&bed, 1), Noise(0x5eed_0000_0001));
    let good = Request::map(first.address(), &Map::new(Protocol::Tcp, 7000), 600)
        .port_set(4, 7000)
        .filter(128, 0, [11, 11, 11, 7].into())
        .option(128, b"text")
        .bytes();
    for round in 0..8000_usize {
        let datagram = match round % 4 {
            0 => noise.octets(round % 1500),
            // The beginning of something known.
            1 => [
                &[[0, 1], [0, 2], [2, 1], [2, 2]][round / 4 % 4][..],
                &noise.octets(round % 120),
            ]
            .concat(),
            // Something good with a few octets changed.
            2 => {
                let mut octets = good.clone();
                for _ in 0..3 {
                    let at = usize::try_from(noise.next() % 1000).unwrap_or(0) % octets.len();
                    octets[at] = noise.next().to_be_bytes()[5];
                }
                octets
            }
            // Something good that ends too early.
            _ => good[..round % good.len()].to_vec(),
        };
        first.send(&datagram);
    }
    while first.receive(Duration::from_millis(50)).is_some() {}
    assert_healthy(&bed);
    assert!(first.is_served(Duration::from_secs(3)), "{}", bed.subject().log());
    // At most what one host may have.
    assert!(bed.client(1).number_of_entries() <= 256);
}

#[test]
fn while_one_host_floods_another_is_served() {
    let Some(bed) = bed(&[]) else { return };
    let (first, second, over) = (client(&bed, 1), client(&bed, 2), AtomicBool::new(false));
    let before = memory_kib(&bed);
    let worst = thread::scope(|scope| {
        // Also where the test fails.
        let _end = End(&over);
        scope.spawn(|| {
            let mut noise = Noise(0x5eed_0000_0002);
            while !over.load(Ordering::Relaxed) {
                first.send(&EXTERNAL_ADDRESS);
                let port = u16::try_from(noise.next() % 60_000).unwrap_or(0) + 1024;
                first.send(&nat_pmp::map(Protocol::Udp, port, port, 600));
                let map = Map::new(Protocol::Tcp, port);
                first.send(&Request::map(first.address(), &map, 600).bytes());
            }
        });
        thread::sleep(Duration::from_millis(300));
        let mut worst = Duration::ZERO;
        for port in 7000..7020 {
            let asked = Instant::now();
            let request = Request::map(second.address(), &Map::new(Protocol::Tcp, port), 600);
            // The queue of the gateway's socket is everybody's, and overflows.
            let answer = second
                .ask_patiently(&request.bytes())
                .expect("one of four gets through");
            Answer::read(&answer).granted();
            worst = worst.max(asked.elapsed());
        }
        worst
    });
    println!("measured: during a flood the slowest answer took {worst:.0?}");
    while first.receive(Duration::from_millis(50)).is_some() {}
    assert_healthy(&bed);
    let grown = memory_kib(&bed).saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
}

#[test]
fn what_clients_hear_is_never_taken_for_a_request() {
    let Some(bed) = shared() else { return };
    let first = client(&bed, 1);
    let announcement = [0, 128, 0, 0, 0, 0, 0, 1, 11, 11, 11, 66];
    let mut pcp = [0; 24];
    pcp[..2].copy_from_slice(&[2, 128]);
    for forged in [&announcement[..], &pcp] {
        first.is_silent_about(forged);
    }
    let answer = nat_pmp::without_epoch(first.ask(&EXTERNAL_ADDRESS));
    assert_eq!(answer[8..], [11, 11, 11, 2], "it believed a stranger");
}
