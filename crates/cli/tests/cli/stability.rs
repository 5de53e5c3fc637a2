use nix::sys::signal::Signal;
use portreeve_testkit::ScriptedGateway;

use crate::tool::{LIMIT, Tool, lines, portreeve, result};

#[test]
fn a_steady_connection_is_fully_available() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = format!(
        "stability --for 400ms --interval 100ms --gateway {}",
        gateway.description_url()
    );
    let told = portreeve(&line).success();
    assert!(told.contains("Availability  100.00 %\n"), "{told}");
    assert!(told.contains("Drops         0\n"), "{told}");
    assert!(!told.contains('█'), "a chart is for terminals: {told}");
}

#[test]
fn it_is_watched_for_as_long_as_was_said() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = format!(
        "stability --for 1s --interval 500ms --json --gateway {}",
        gateway.description_url()
    );
    let result = result(&portreeve(&line));
    assert_eq!(result["samples"], 3, "{result}");
    assert_eq!(result["watched_seconds"], 1, "{result}");
}

#[test]
fn a_drop_is_counted_and_ctrl_c_ends_with_the_report() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    gateway.advance(std::time::Duration::from_secs(600));
    let line = format!(
        "stability --interval 100ms --json --gateway {}",
        gateway.description_url()
    );
    let mut running = Tool::new(&line).start();
    running.sees("\"up\":true");
    gateway.set_status("Disconnected", "ERROR_NO_CARRIER");
    running.sees("\"up\":false");
    gateway.set_status("Connected", "ERROR_NONE");
    let back = portreeve_testkit::wait_until(LIMIT, || {
        let told = running.process.stdout();
        told.rsplit("\"up\":false")
            .next()
            .is_some_and(|after| after.contains("\"up\":true"))
    });
    assert!(back, "{}", running.process.stdout());
    running.process.signal(Signal::SIGINT);
    let finished = running.process.wait(LIMIT);
    let lines = lines(&finished);
    let result = &lines.last().unwrap()["result"];
    assert_eq!(result["drops"], 1, "{result}");
    assert_eq!(result["outages"][0]["last_connection_error"], "ERROR_NO_CARRIER");
    assert_eq!(result["samples"], lines.len() - 1);
}
