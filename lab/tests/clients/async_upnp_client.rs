//! async-upnp-client from PyPI, the library of Home Assistant: it validates every document and argument against the
//! SCPD.

use std::time::Duration;

use nix::sys::signal::Signal;
use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::PortMapping;

use crate::support::{Protocol, is_closed, is_open, require_python, script};

#[test]
fn it_reads_maps_lists_and_deletes() {
    let Some(python) = require_python("async_upnp_client") else {
        return;
    };
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let python = python.display().to_string();
    let script = script("with_async_upnp_client.py");
    let run = |arguments: &str| {
        let arguments = [script.as_str(), "192.168.77.11"]
            .into_iter()
            .chain(arguments.split_whitespace());
        bed.lan_host(1).command(&python, arguments).success()
    };
    assert_eq!(
        run("status"),
        "status=Connected\naddress=11.11.11.2\nlink=Up\nnat=True\n"
    );
    let echo = Protocol::Tcp.echo(&bed);
    run(&format!("map 9000 TCP {}", echo.port()));
    is_open(&bed, Protocol::Tcp, 9000);
    assert_eq!(run("list"), format!("9000 TCP 192.168.77.11 {}\n", echo.port()));
    run("unmap 9000 TCP");
    is_closed(&bed, Protocol::Tcp, 9000);
    assert_eq!(run("list"), "");
}

#[test]
fn it_hears_of_changes_until_it_unsubscribes() {
    const SOON: Duration = Duration::from_secs(10);
    let Some(python) = require_python("async_upnp_client") else {
        return;
    };
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (python, script) = (python.display().to_string(), script("with_async_upnp_client.py"));
    let address = bed.lan_host(1).ipv4().to_string();
    let mut client = bed.lan_host(1).spawn(&python, [script.as_str(), &address, "events"]);
    let mut hears = |text: &str| {
        let heard = client.wait_for_output(text, SOON);
        assert!(heard, "no {text:?} in\n{}{}", client.stdout(), client.stderr());
    };
    hears("subscribed\n");
    // The first message of each service.
    for variable in [
        "ConnectionStatus=Connected",
        "ExternalIPAddress=11.11.11.2",
        "PortMappingNumberOfEntries=0",
        "PhysicalLinkStatus=Up",
        "DefaultConnectionService=uuid:",
    ] {
        hears(variable);
    }
    bed.client(2)
        .add(&PortMapping::new(&bed.client(2), 9000))
        .expect("an own mapping");
    hears("PortMappingNumberOfEntries=1 SystemUpdateID=1\n");
    bed.set_wan_address(Some([11, 11, 11, 77].into()));
    hears("ExternalIPAddress=11.11.11.77");
    client.signal(Signal::SIGUSR1);
    assert!(client.wait_for_output("renewed\n", SOON), "{}", client.stderr());
    let left = client.stop();
    assert!(
        left.stdout.ends_with("unsubscribed\n") && left.status.success(),
        "{left:?}"
    );
}
