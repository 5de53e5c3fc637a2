//! async-upnp-client from PyPI, the library of Home Assistant: it validates every document and argument against the
//! SCPD.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;

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
