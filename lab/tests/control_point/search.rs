//! How fast the gateway is found, and how hard it is looked for.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::programs::require_program;
use portreeve_lab::tool::Tool;
use portreeve_lab::upnp::ssdp;
use portreeve_testkit::scripted::Misbehaviour;
use portreeve_testkit::{Lab, ScriptedGateway, require_root};

use crate::support::{Gateway, explains};

/// A gateway that answers searches is found by the first one: far less than this.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn a_cold_map_is_done_before_upnpc_has_stopped_waiting() {
    if require_program("upnpc", "miniupnpc").is_none() {
        return;
    }
    let Some(bed) = Gateway::Miniupnpd1.bed() else { return };
    let host = bed.lan_host(1);
    let begun = Instant::now();
    Tool::on(host).says("map 8080 --external 18080 --detach");
    let ours = begun.elapsed();
    let begun = Instant::now();
    let arguments = ["-a", "192.168.77.11", "8081", "18081", "TCP", "3600"];
    host.command("upnpc", arguments).success();
    let theirs = begun.elapsed();
    // `cargo xtask bench --only discover` compares them properly.
    eprintln!("cold map: portreeve {ours:?}, upnpc {theirs:?}");
    assert!(ours < AT_ONCE, "{ours:?}");
}

#[test]
fn that_there_is_no_gateway_is_told_within_two_seconds_after_several_searches() {
    let Some(()) = require_root("a search for a gateway that is not there") else {
        return;
    };
    let lab = Lab::builder().build();
    let ear = Ear::in_gateway(&lab);
    let tool = Tool::on(lab.lan_host(1));
    let (told, heard) = ear.while_running(|| {
        let begun = Instant::now();
        let error = tool.error("map 8080", 3);
        (error, begun.elapsed())
    });
    let (error, took) = told;
    explains(&error, "no-gateway", &["192.168.77.1", "UPnP"]);
    assert!(took < Duration::from_secs(2), "{took:?}");

    let bursts = bursts(heard.iter().map(|(at, _)| *at));
    assert!(bursts.len() >= 3, "searches: {bursts:?}");
    let pauses: Vec<Duration> = bursts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        pauses.windows(2).all(|pair| pair[0] < pair[1]),
        "pauses grow: {pauses:?}"
    );
    // A firewall on the host lets in only what answers something sent to the same address.
    let first = format!("HOST: {}:1900", lab.gateway().ipv4());
    assert!(
        heard[0].1.contains(&first),
        "the first is sent to the gateway alone: {heard:?}"
    );
}

#[test]
fn a_gateway_that_hears_only_the_group_is_found() {
    found_at_once(Misbehaviour::AnswersOnlyMulticast);
}

#[test]
fn a_gateway_that_hears_only_its_own_address_is_found() {
    found_at_once(Misbehaviour::AnswersOnlyUnicast);
}

#[test]
fn a_gateway_that_knows_itself_only_as_a_root_device_is_found() {
    found_at_once(Misbehaviour::AnswersOnlyRootDevice);
}

fn found_at_once(misbehaviour: Misbehaviour) {
    let Some(()) = require_root("a gateway that does not hear everything") else {
        return;
    };
    let lab = Lab::builder().build();
    let gateway = ScriptedGateway::builder()
        .misbehave(misbehaviour)
        .start_in(lab.gateway());
    let begun = Instant::now();
    let result = Tool::on(lab.lan_host(1)).result("map 8080 --detach");
    let took = begun.elapsed();
    assert_eq!(result["mappings"][0]["verified"], true, "{result}");
    assert_eq!(gateway.mappings().len(), 1);
    assert!(took < AT_ONCE, "{took:?}");
}

/// A socket that hears every search for a gateway on the LAN and answers none.
struct Ear(UdpSocket);

impl Ear {
    fn in_gateway(lab: &Lab) -> Self {
        let gateway = lab.gateway();
        let socket = gateway.run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, ssdp::PORT))?;
            socket.join_multicast_v4(&ssdp::GROUP, &gateway.ipv4())?;
            socket.set_read_timeout(Some(Duration::from_millis(20)))?;
            Ok::<_, std::io::Error>(socket)
        });
        Self(socket.expect("nothing else hears searches in the gateway"))
    }

    /// What was heard meanwhile, and when.
    fn while_running<T: Send>(&self, work: impl FnOnce() -> T + Send) -> (T, Vec<(Instant, String)>) {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let listening = scope.spawn(|| {
                let mut heard = Vec::new();
                let mut buffer = [0; 2048];
                while !done.load(Ordering::Relaxed) {
                    match self.0.recv(&mut buffer) {
                        Ok(n) => heard.push((Instant::now(), String::from_utf8_lossy(&buffer[..n]).into_owned())),
                        Err(e) => assert!(matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{e}"),
                    }
                }
                heard
            });
            // A thread of its own: if it panics, the other one ends all the same.
            let working = scope.spawn(work).join();
            done.store(true, Ordering::Relaxed);
            let result = working.unwrap_or_else(|panic| resume_unwind(panic));
            (result, listening.join().expect("listening does not fail"))
        })
    }
}

/// When searches began that consist of several datagrams each.
fn bursts(times: impl Iterator<Item = Instant>) -> Vec<Instant> {
    const ONE_BURST: Duration = Duration::from_millis(60);
    let mut bursts: Vec<Instant> = Vec::new();
    for at in times {
        if bursts.last().is_none_or(|begun| at - *begun > ONE_BURST) {
            bursts.push(at);
        }
    }
    bursts
}
