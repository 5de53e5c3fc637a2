//! gssdp-discover of the GUPnP tools, GNOME's SSDP stack.

use portreeve_lab::Bed;

use crate::support::require_program;

#[test]
fn it_finds_the_gateway_under_both_versions() {
    let Some(()) = require_program("gssdp-discover", "gupnp-tools") else {
        return;
    };
    let Some(bed) = Bed::shared() else { return };
    for version in [1, 2] {
        let target = format!("urn:schemas-upnp-org:device:InternetGatewayDevice:{version}");
        let output = bed
            .lan_host(1)
            .command(
                "gssdp-discover",
                ["-i", "eth0", "-n", "5", "-m", "available", "-t", &target],
            )
            .success();
        assert!(output.contains(&target), "{target} is not among:\n{output}");
        assert!(output.contains("http://192.168.77.1:"), "{output}");
    }
}
