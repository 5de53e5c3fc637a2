//! miniupnpc from PyPI, a newer release than Debian's.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;

use crate::support::{Protocol, is_closed, is_open, require_python, script};

#[test]
fn it_maps_lists_and_deletes() {
    let Some(python) = require_python("miniupnpc") else {
        return;
    };
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let python = python.display().to_string();
    let script = script("with_miniupnpc.py");
    let run = |arguments: &str| {
        let arguments = [script.as_str()].into_iter().chain(arguments.split_whitespace());
        bed.lan_host(1).command(&python, arguments).success()
    };
    assert_eq!(run("status"), "status=Connected\naddress=11.11.11.2\n");
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let echo = protocol.echo(&bed);
        let name = protocol.name();
        run(&format!("map 9000 {name} {}", echo.port()));
        is_open(&bed, protocol, 9000);
        let expected = format!("9000 {name} 192.168.77.11 {}\n", echo.port());
        assert_eq!(run("list"), expected);
        run(&format!("unmap 9000 {name}"));
        is_closed(&bed, protocol, 9000);
        assert_eq!(run("list"), "");
    }
}
