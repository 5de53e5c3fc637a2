//! Section 1.2: advertisements.

use std::collections::BTreeMap;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::description::Device;
use portreeve_lab::upnp::ssdp::{Listener, Message};

/// Longer than two copies of the set, a few hundred milliseconds apart, after up to 100 ms.
pub(super) const STARTUP: Duration = Duration::from_secs(3);

/// The advertisements of one start, and the description that goes with them.
fn heard_at_startup() -> Option<(Vec<Message>, Device)> {
    let bed = Bed::idle(&Settings::default())?;
    let listener = Listener::join(bed.lan_host(1));
    bed.start();
    let heard = listener.hear(STARTUP);
    Some((heard, bed.client(1).root_device().clone()))
}

pub(super) fn alive(heard: &[Message]) -> impl Iterator<Item = &Message> {
    heard.iter().filter(|message| message.header("NTS") == "ssdp:alive")
}

/// NT and USN of everything that a tree advertises (table 1-1 to 1-3).
pub(super) fn advertised(root: &Device) -> BTreeMap<String, String> {
    let mut set = BTreeMap::new();
    set.insert(
        format!("{}::upnp:rootdevice", root.udn),
        String::from("upnp:rootdevice"),
    );
    for device in root.all() {
        set.insert(device.udn.clone(), device.udn.clone());
        for kind in std::iter::once(&device.device_type).chain(device.services.iter().map(|s| &s.service_type)) {
            set.insert(format!("{}::{kind}", device.udn), kind.clone());
        }
    }
    set
}

#[test]
fn exactly_the_set_of_the_tree_is_advertised() {
    let Some((heard, root)) = heard_at_startup() else {
        return;
    };
    let said: BTreeMap<_, _> = alive(&heard)
        .map(|m| (m.header("USN").to_owned(), m.header("NT").to_owned()))
        .collect();
    assert_eq!(said, advertised(&root));
}

#[test]
fn the_set_is_sent_more_than_once_and_at_most_three_times() {
    let Some((heard, _)) = heard_at_startup() else { return };
    let mut copies: BTreeMap<&str, u32> = BTreeMap::new();
    for message in alive(&heard) {
        *copies.entry(message.header("USN")).or_default() += 1;
    }
    assert!(!copies.is_empty());
    for (usn, count) in copies {
        assert!((2..=3).contains(&count), "{count} times {usn}");
    }
}

#[test]
fn every_message_has_the_start_line_and_the_host_of_the_group() {
    let Some((heard, _)) = heard_at_startup() else { return };
    assert!(!heard.is_empty());
    for message in &heard {
        assert_eq!(message.start_line, "NOTIFY * HTTP/1.1");
        assert!(
            ["239.255.255.250:1900", "239.255.255.250"].contains(&message.header("HOST")),
            "{message:?}"
        );
    }
}

#[test]
fn an_alive_has_all_required_header_fields() {
    let Some((heard, _)) = heard_at_startup() else { return };
    assert!(alive(&heard).next().is_some());
    for message in alive(&heard) {
        for name in ["CACHE-CONTROL", "LOCATION", "NT", "SERVER", "USN"] {
            assert!(!message.header(name).is_empty(), "no {name}: {message:?}");
        }
    }
}

#[test]
fn the_advertised_lifetime_is_at_least_half_an_hour() {
    let Some((heard, _)) = heard_at_startup() else { return };
    assert!(alive(&heard).next().is_some());
    for message in alive(&heard) {
        let value = message.header("CACHE-CONTROL").replace(' ', "");
        let seconds = value.strip_prefix("max-age=").and_then(|age| age.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds >= 1800), "{value}");
    }
}

#[test]
fn the_location_is_an_address_on_this_lan_with_a_port() {
    let Some((heard, _)) = heard_at_startup() else { return };
    assert!(alive(&heard).next().is_some());
    for message in alive(&heard) {
        let location = message.header("LOCATION");
        let rest = location.strip_prefix("http://192.168.77.1:");
        assert!(
            rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
            "{location}"
        );
        assert!(!location.contains('?'), "{location}");
    }
}

#[test]
fn the_server_names_system_architecture_and_product() {
    let Some((heard, _)) = heard_at_startup() else { return };
    let message = alive(&heard).next().expect("it says alive");
    let server = message.header("SERVER");
    let tokens: Vec<_> = server.split(' ').collect();
    assert!(
        tokens.len() >= 3 && tokens.iter().all(|token| token.contains('/')),
        "{server}"
    );
    assert!(tokens.iter().any(|token| token.starts_with("UPnP/1.")), "{server}");
}

#[test]
fn bootid_is_constant_within_a_session_and_rises_with_a_restart() {
    let Some(bed) = Bed::idle(&Settings::default()) else {
        return;
    };
    let listener = Listener::join(bed.lan_host(1));
    let session = || {
        bed.start();
        let heard = listener.hear(Duration::from_millis(1500));
        let mut ids: Vec<u32> = alive(&heard)
            .map(|m| {
                m.header("BOOTID.UPNP.ORG")
                    .parse()
                    .expect("a 31-bit number in every alive")
            })
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
        bed.subject().stop();
        let byebyes = listener.hear(Duration::from_millis(500));
        assert!(
            byebyes
                .iter()
                .all(|m| m.header("BOOTID.UPNP.ORG") == ids[0].to_string()),
            "{byebyes:?}"
        );
        ids[0]
    };
    let first = session();
    // A daemon may take the time of day, in seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let second = session();
    assert!(second > first, "{first}, then {second}");
}

#[test]
fn stopping_says_byebye_for_everything() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let set = advertised(bed.client(1).root_device());
    let listener = Listener::join(bed.lan_host(1));
    // Whatever of the start is still under way.
    listener.hear(Duration::from_secs(2));
    bed.subject().stop();
    let heard = listener.hear(Duration::from_secs(1));
    let gone: BTreeMap<_, _> = heard
        .iter()
        .filter(|m| m.header("NTS") == "ssdp:byebye")
        .map(|m| (m.header("USN").to_owned(), m.header("NT").to_owned()))
        .collect();
    assert_eq!(gone, set);
}

#[test]
fn every_lan_hears_a_location_of_its_own() {
    let settings = Settings {
        lans: 2,
        ..Settings::default()
    };
    let Some(bed) = Bed::idle(&settings) else { return };
    // Three hosts on each LAN: 1 to 3 and 4 to 6.
    let listeners = [Listener::join(bed.lan_host(1)), Listener::join(bed.lan_host(4))];
    bed.start();
    for (listener, prefix) in listeners.iter().zip(["http://192.168.77.1:", "http://192.168.78.1:"]) {
        let heard = listener.hear(Duration::from_secs(1));
        assert!(alive(&heard).next().is_some(), "nothing heard for {prefix}");
        for message in alive(&heard) {
            assert!(
                message.header("LOCATION").starts_with(prefix),
                "{}",
                message.header("LOCATION")
            );
        }
    }
}

#[test]
fn a_new_lan_address_is_announced() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let listener = Listener::join(bed.lan_host(1));
    listener.hear(Duration::from_secs(2));
    bed.gateway().ip("addr add 192.168.77.2/24 dev br0");
    bed.gateway().ip("addr del 192.168.77.1/24 dev br0");
    // Deleting the primary address promotes or removes the second, depending on the kernel's setting.
    bed.gateway().ip("addr replace 192.168.77.2/24 dev br0");
    let announced =
        |heard: &[Message]| alive(heard).any(|message| message.header("LOCATION").starts_with("http://192.168.77.2:"));
    let heard = listener.hear_until(Duration::from_secs(10), announced);
    assert!(
        announced(&heard),
        "{:?}",
        heard.iter().map(|m| m.header("LOCATION")).collect::<Vec<_>>()
    );
}

#[test]
fn a_message_is_sent_with_a_small_ttl() {
    let Some(bed) = Bed::idle(&Settings::default()) else {
        return;
    };
    // The kernel of the listener counts what it sees: one rule per TTL.
    bed.lan_host(1).nft(
        "table ip ttl { chain input { type filter hook input priority 0; \
         udp dport 1900 ip ttl > 4 counter comment \"large\"; udp dport 1900 ip ttl <= 4 counter comment \"small\"; }; }",
    );
    let listener = Listener::join(bed.lan_host(1));
    bed.start();
    assert!(!listener.hear(Duration::from_secs(1)).is_empty());
    let table = bed.lan_host(1).command("nft", ["list", "table", "ip", "ttl"]).success();
    let line = |comment: &str| {
        table
            .lines()
            .find(|line| line.contains(comment))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(line("large").contains("packets 0 "), "{table}");
    assert!(!line("small").contains("packets 0 "), "{table}");
}
