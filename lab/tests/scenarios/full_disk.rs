//! A disk that is full: what cannot be kept is not promised.

use std::time::Duration;

use portreeve_lab::subject::portreeved::binary;
use portreeve_lab::upnp::PortMapping;
use portreeve_testkit::Echo;

use crate::support::{NO_LIMITS, NONE, closed_ports, configuration, idle, state};

#[test]
fn with_a_full_disk_what_is_refused_is_not_in_force_and_what_was_granted_is() {
    let Some(bed) = idle(&[]) else { return };
    std::fs::create_dir(state(&bed)).expect("the bed's directory is writable");
    // `ip netns exec` gives the shell mounts of its own, so that nobody else sees the small disk.
    let script = format!(
        "mount -t tmpfs -o size=400k small {state} && exec {binary} run -c {file} --state-dir {state} --set {} --set {}",
        NO_LIMITS[0],
        NO_LIMITS[1],
        state = state(&bed).display(),
        binary = binary().display(),
        file = configuration(&bed).display(),
    );
    let mut daemon = bed.gateway().spawn("sh", ["-c", &script]);
    assert!(
        daemon.wait_for_output("Ready", Duration::from_secs(10)),
        "{}",
        daemon.stderr()
    );
    let client = bed.client(1);
    let echo = Echo::tcp(client.host(), 0);
    let (mut granted, mut refused) = (Vec::new(), Vec::new());
    for port in 20_000..24_000 {
        let mapping = PortMapping::new(&client, port)
            .to_port(echo.port())
            .described(&"a long story ".repeat(19));
        match client.add(&mapping) {
            Ok(_) => granted.push(port),
            Err(fault) => {
                assert_eq!(fault.code, 501, "{fault}");
                refused.push(port);
            }
        }
        if refused.len() == 20 {
            break;
        }
    }
    assert_eq!(refused.len(), 20, "the disk took {} mappings", granted.len());
    assert!(granted.len() > 20, "the disk took only {} mappings", granted.len());
    assert_eq!(
        closed_ports(&bed, &refused),
        refused,
        "nothing that was refused is in force"
    );
    assert_eq!(closed_ports(&bed, &granted), NONE, "everything that was granted is");
    assert_eq!(usize::from(client.number_of_entries()), granted.len());
    assert!(
        daemon.stderr().contains("stored") || daemon.stderr().contains("No space"),
        "the log tells"
    );

    let (id, state) = (daemon.id().to_string(), state(&bed).display().to_string());
    let remount = ["-t", &id, "-m", "mount", "-o", "remount,size=2m", &state];
    bed.gateway().command("nsenter", remount).success();
    let again = PortMapping::new(&client, refused[0]).to_port(echo.port());
    client.add(&again).expect("with room on the disk it goes on");
    assert_eq!(closed_ports(&bed, &refused[..1]), NONE);
    assert!(daemon.is_running());
}
