//! The daemon as its user meets it: the program itself, unprivileged in what it does, on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portreeve_testkit::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_portreeved");

/// A daemon that ends with the test.
struct Daemon {
    child: Child,
    directory: TempDir,
    port: u16,
}

impl Daemon {
    /// A daemon on loopback that serves already.
    fn start(port: u16, configuration: &str) -> Self {
        let directory = TempDir::new();
        std::fs::write(directory.join("portreeved.toml"), configuration).unwrap();
        let child = launch(directory.path(), port);
        let daemon = Self { child, directory, port };
        daemon.await_service();
        daemon
    }

    fn restart(&mut self) {
        self.child = launch(self.directory.path(), self.port);
        self.await_service();
    }

    fn await_service(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.ctl(&["status"]).status.success() {
            assert!(Instant::now() < deadline, "the daemon does not serve: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap()
    }

    /// Runs a command against the daemon.
    fn ctl(&self, arguments: &[&str]) -> Output {
        let state = self.directory.path().to_str().unwrap();
        Command::new(PROGRAM)
            .args(arguments)
            .args(["--state-dir", state])
            .output()
            .unwrap()
    }

    fn told(&self, arguments: &[&str]) -> String {
        let output = self.ctl(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asks the gateway for a mapping, and returns the status line.
    fn map(&self, external_port: u16) -> String {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:AddPortMapping \
             xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:2\"><NewRemoteHost/><NewExternalPort>{external_port}\
             </NewExternalPort><NewProtocol>TCP</NewProtocol><NewInternalPort>8080</NewInternalPort><NewInternalClient>\
             127.0.0.1</NewInternalClient><NewEnabled>1</NewEnabled><NewPortMappingDescription>test\
             </NewPortMappingDescription><NewLeaseDuration>600</NewLeaseDuration></u:AddPortMapping></s:Body></s:Envelope>"
        );
        let head = format!(
            "POST /ctl/IPConn HTTP/1.0\r\nSOAPAction: \"urn:schemas-upnp-org:service:WANIPConnection:2#AddPortMapping\"\
             \r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn await_end(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the daemon does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(directory: &Path, port: u16) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("log"))
        .unwrap();
    Command::new(PROGRAM)
        .args(["--lan", "lo", "--backend", "relay", "--http-port", &port.to_string()])
        // Their port is one for the whole machine, and other daemons run beside this one.
        .args(["--set", "pcp.enabled=false", "--set", "nat-pmp.enabled=false"])
        .arg("--state-dir")
        .arg(directory)
        .arg("-c")
        .arg(directory.join("portreeved.toml"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_mapping_lives_from_request_over_restart_to_revocation() {
    let mut daemon = Daemon::start(15_701, "");
    assert_eq!(daemon.map(28_701), "HTTP/1.0 200 OK");
    assert!(
        daemon
            .told(&["mappings"])
            .contains("28701/TCP  anywhere  127.0.0.1:8080")
    );
    let status: serde_json::Value = serde_json::from_str(&daemon.told(&["status", "--json"])).unwrap();
    assert_eq!(
        (&status["backend"], &status["mappings"]["count"]),
        (&"relay".into(), &1.into())
    );
    assert!(
        TcpStream::connect(("127.0.0.1", 28_701)).is_ok() || status["connection"]["external-address"] != "127.0.0.1"
    );

    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.await_end().code(), Some(0));
    daemon.restart();
    assert!(
        daemon.told(&["mappings"]).contains("28701/TCP"),
        "kept: {}",
        daemon.log()
    );

    assert!(daemon.told(&["revoke", "28701/tcp"]).starts_with("removed 1 mapping\n"));
    assert_eq!(daemon.told(&["mappings"]), "no mappings\n");
    assert_eq!(daemon.ctl(&["revoke", "28701/tcp"]).status.code(), Some(69));

    assert_eq!(daemon.map(28_701), "HTTP/1.0 200 OK");
    assert_eq!(daemon.told(&["stop", "--flush"]), "stopped\n");
    assert_eq!(daemon.await_end().code(), Some(0));
    daemon.restart();
    assert_eq!(daemon.told(&["mappings"]), "no mappings\n");
}

#[test]
fn a_reload_changes_what_it_can_and_refuses_a_bad_file() {
    let daemon = Daemon::start(15_702, "");
    let file = daemon.directory.join("portreeved.toml");
    std::fs::write(&file, "[[rule]]\naction = \"deny\"\n[gateway]\nname = \"other\"\n").unwrap();
    let told = daemon.told(&["reload"]);
    assert_eq!(told, "changed: rule\nchanges that need a restart: gateway.name\n");
    assert_eq!(daemon.map(28_702), "HTTP/1.0 500 Internal Server Error");

    std::fs::write(&file, "[limits]\nmappings = \"many\"\n").unwrap();
    let refused = daemon.ctl(&["reload"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && told.contains("portreeved.toml:2: limits.mappings: must be"),
        "{told}"
    );
    assert_eq!(
        daemon.map(28_702),
        "HTTP/1.0 500 Internal Server Error",
        "the rule before is still in force"
    );

    std::fs::write(&file, "").unwrap();
    daemon.signal(Signal::SIGHUP);
    let deadline = Instant::now() + Duration::from_secs(10);
    while daemon.map(28_702) != "HTTP/1.0 200 OK" {
        assert!(Instant::now() < deadline, "{}", daemon.log());
    }
}

#[test]
fn what_is_taken_is_named_and_the_status_says_so() {
    let daemon = Daemon::start(15_703, "");
    let other = TempDir::new();
    let (state, port) = (other.path().to_str().unwrap(), daemon.port.to_string());
    let arguments = ["--lan", "lo", "--backend", "relay", "-c", "/dev/null"];
    let (code, _, told) = run(&[&arguments[..], &["--http-port", &port, "--state-dir", state]].concat());
    assert_eq!(code, Some(69));
    assert!(
        told.contains("TCP port 15703 of 127.0.0.1 is in use") && told.contains("--http-port"),
        "{told}"
    );

    let state = daemon.directory.path().to_str().unwrap();
    let (code, _, told) = run(&[&arguments[..], &["--http-port", "15704", "--state-dir", state]].concat());
    assert_eq!(code, Some(69));
    assert!(told.contains("another portreeved answers on"), "{told}");
}

#[test]
fn mistakes_end_with_the_status_that_fits() {
    let (code, _, told) = run(&["--nonsense"]);
    assert!(code == Some(64) && told.contains("--nonsense"), "{told}");
    let (code, _, told) = run(&["check", "--set", "limits.mappings=0"]);
    assert!(
        code == Some(78) && told.contains("limits.mappings: must be a whole number from 1"),
        "{told}"
    );
    let (code, _, told) = run(&["--lan", "nonesuch", "-c", "/dev/null"]);
    assert!(
        code == Some(78) && told.contains("LAN interface nonesuch does not exist"),
        "{told}"
    );
    let (code, _, told) = run(&["status", "--socket", "/nonexistent/s"]);
    assert!(code == Some(69) && told.contains("is it running?"), "{told}");
    let (code, told, _) = run(&["--version"]);
    assert!(code == Some(0) && told.starts_with("portreeved "), "{told}");
}

#[test]
fn check_prints_a_configuration_that_checks() {
    let directory = TempDir::new();
    let (code, printed, _) = run(&["check", "-c", "/dev/null", "--set", "gateway.name=hall"]);
    assert_eq!(code, Some(0));
    assert!(
        printed.contains("name = \"hall\"") && printed.contains("# On this machine:"),
        "{printed}"
    );
    let file = directory.join("printed.toml");
    std::fs::write(&file, &printed).unwrap();
    let (code, again, told) = run(&["check", "-c", file.to_str().unwrap()]);
    assert_eq!((code, again), (Some(0), printed), "{told}");
}
