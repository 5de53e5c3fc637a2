//! GUPnP, the UPnP library of GNOME and the one behind gupnp-tools, driven through its introspection.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::PortMapping;
use portreeve_testkit::Process;

use crate::support::{require_typelib, script};

const SOON: Duration = Duration::from_secs(10);

/// GUPnP on LAN host 1, which has found the gateway and subscribed to this version of WANIPConnection.
fn watcher(bed: &Bed, python: &str, version: u8) -> Watcher {
    let script = script("with_gupnp.py");
    let arguments = [script, "eth0".to_owned(), version.to_string()];
    Watcher {
        process: bed.lan_host(1).spawn(python, arguments),
        seen: 0,
    }
}

struct Watcher {
    process: Process,
    /// How much of its output has been looked at.
    seen: usize,
}

impl Watcher {
    /// Waits for a line that has not been looked at yet.
    #[track_caller]
    fn tells(&mut self, line: &str) {
        let line = format!("{line}\n");
        let mut end = None;
        portreeve_testkit::wait_until(SOON, || {
            let output = self.process.stdout();
            end = output[self.seen..].find(&line).map(|at| self.seen + at + line.len());
            end.is_some() || !self.process.is_running()
        });
        let Some(end) = end else {
            panic!(
                "no {line:?} in\n{}{}",
                &self.process.stdout()[self.seen..],
                self.process.stderr()
            );
        };
        self.seen = end;
    }
}

#[track_caller]
fn hears_the_initial_event_and_each_change(version: u8) {
    let Some(python) = require_typelib("GUPnP", "1.6", "gir1.2-gupnp-1.6") else {
        return;
    };
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let mut client = watcher(&bed, &python.display().to_string(), version);
    client.tells("PossibleConnectionTypes=IP_Routed");
    client.tells("ConnectionStatus=Connected");
    client.tells("ExternalIPAddress=11.11.11.2");
    client.tells("PortMappingNumberOfEntries=0");
    let other = bed.client(2);
    for entries in 1..=3_u16 {
        let mapping = PortMapping::new(&other, 9000 + entries);
        other.add(&mapping).expect("an own mapping");
        client.tells(&format!("PortMappingNumberOfEntries={entries}"));
        if version == 2 {
            client.tells(&format!("SystemUpdateID={entries}"));
        }
    }
    other.delete(&PortMapping::new(&other, 9001)).expect("an own mapping");
    client.tells("PortMappingNumberOfEntries=2");
    bed.set_wan_address(Some([11, 11, 11, 77].into()));
    client.tells("ExternalIPAddress=11.11.11.77");
    bed.set_wan_address(None);
    client.tells("ConnectionStatus=Disconnected");
    let left = client.process.stop();
    assert!(
        left.stdout.contains("GetExternalIPAddress answers 11.11.11.2\n"),
        "{left:?}"
    );
    assert!(left.stdout.ends_with("unsubscribed\n"), "{left:?}");
    assert!(!left.stdout.contains("lost"), "{left:?}");
}

#[test]
fn it_hears_the_initial_event_and_each_change() {
    hears_the_initial_event_and_each_change(2);
}

#[test]
fn it_hears_the_initial_event_and_each_change_of_version_1() {
    hears_the_initial_event_and_each_change(1);
}
