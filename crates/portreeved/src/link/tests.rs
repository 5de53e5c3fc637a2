//! Drivers with hooks, as the engine meets them.

use std::path::PathBuf;

use portreeve_engine::link::LastConnectionError;
use portreeve_testkit::TempDir;
use tokio::time::timeout;

use super::*;
use crate::config::Hook;

/// Far above what any hook here needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A driver at work, with scripts of the shell for hooks.
struct Bench {
    directory: TempDir,
    settings: LinkSettings,
}

/// Its other ends.
struct Engine {
    commands: mpsc::UnboundedSender<LinkCommand>,
    said: mpsc::UnboundedReceiver<DriverReport>,
    driver: JoinHandle<()>,
}

impl Bench {
    fn new(connect: &str, disconnect: &str) -> Self {
        let directory = TempDir::new();
        let settings = LinkSettings {
            kind: LinkDriver::Command,
            connect: Some(script(&directory, connect)),
            disconnect: Some(script(&directory, disconnect)),
            ..LinkSettings::default()
        };
        Self { directory, settings }
    }

    /// With a status hook, which is run often.
    fn with_status(mut self, status: &str) -> Self {
        self.settings.status = Some(script(&self.directory, status));
        self.settings.status_interval = Duration::from_millis(50);
        self
    }

    fn start(&self) -> Engine {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (tell, said) = mpsc::unbounded_channel();
        let wires = Wires {
            commands: receiver,
            report: move |report| {
                let _ = tell.send(report);
            },
        };
        let (_, network) = watch::channel(Snapshot::default());
        let driver = start(&self.settings, Some("wan7"), network, wires).expect("there is a driver");
        Engine { commands, said, driver }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Lines that the scripts wrote into a file.
    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    async fn until(&self, name: &str, lines: usize) {
        let enough = async {
            while self.lines(name).len() < lines {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, enough)
            .await
            .unwrap_or_else(|_| panic!("{name}: {:?}", self.lines(name)));
    }
}

impl Engine {
    fn command(&self, command: LinkCommand) {
        self.commands.send(command).expect("the driver lives");
    }

    async fn hears(&mut self) -> DriverReport {
        let said = timeout(PATIENCE, self.said.recv()).await;
        said.expect("it says something in time").expect("the driver lives")
    }

    /// Waits for a report, whatever comes before it.
    async fn hears_at_last(&mut self, wanted: DriverReport) {
        while self.hears().await != wanted {}
    }

    async fn end(self) {
        drop(self.commands);
        timeout(PATIENCE, self.driver)
            .await
            .expect("it ends with the engine")
            .unwrap();
    }
}

/// A script that runs in the directory.
fn script(directory: &TempDir, text: &str) -> Hook {
    Hook {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), format!("cd {}; {text}", directory.path().display())],
    }
}

#[tokio::test]
async fn without_a_status_hook_exit_statuses_tell() {
    let bench = Bench::new("echo up >>log", "echo down >>log");
    let mut engine = bench.start();
    // At start the interface tells.
    assert_eq!(engine.hears().await, DriverReport::Connected);
    engine.command(LinkCommand::Disconnect);
    assert_eq!(engine.hears().await, DriverReport::Disconnected(None));
    engine.command(LinkCommand::Connect);
    assert_eq!(engine.hears().await, DriverReport::Connected);
    assert_eq!(bench.lines("log"), ["down", "up"]);
    engine.end().await;
}

#[tokio::test]
async fn a_failure_comes_with_its_cause_and_a_link_that_does_not_go_down_is_up() {
    let bench = Bench::new("echo ERROR_DNS_FAILURE; exit 1", "exit 10");
    let mut engine = bench.start();
    assert_eq!(engine.hears().await, DriverReport::Connected);
    engine.command(LinkCommand::Connect);
    assert_eq!(
        engine.hears().await,
        DriverReport::Failed(LastConnectionError::DnsFailure)
    );
    engine.command(LinkCommand::Disconnect);
    assert_eq!(
        engine.hears().await,
        DriverReport::Failed(LastConnectionError::PppNegotiation)
    );
    assert_eq!(engine.hears().await, DriverReport::Connected);
    engine.end().await;
}

#[tokio::test]
async fn a_program_that_has_gone_is_a_failure() {
    let mut bench = Bench::new("", "");
    bench.settings.connect = Some(Hook {
        program: "/nonexistent".into(),
        arguments: Vec::new(),
    });
    bench.settings.auto_connect = true;
    let mut engine = bench.start();
    assert_eq!(engine.hears().await, DriverReport::Connecting);
    assert_eq!(engine.hears().await, DriverReport::Failed(LastConnectionError::Unknown));
    engine.end().await;
}

#[tokio::test]
async fn a_hook_that_hangs_is_killed_and_cleaned_up_after() {
    let mut bench = Bench::new("echo $$ >>ids; sleep 60 & echo $! >>ids; wait", "echo down >>log");
    bench.settings.connect_timeout = Duration::from_millis(500);
    let mut engine = bench.start();
    engine.hears().await;
    engine.command(LinkCommand::Connect);
    assert_eq!(engine.hears().await, DriverReport::TimedOut);
    bench.until("log", 1).await;
    for id in bench.lines("ids") {
        assert!(is_gone(&id), "{id} lives");
    }
    engine.end().await;
}

#[tokio::test]
async fn a_later_command_ends_a_hook_that_runs_and_two_never_run_at_a_time() {
    let hang = "mkdir running || echo two >>log; trap 'rmdir running; exit 1' TERM; echo up >>log; sleep 60 & wait";
    let bench = Bench::new(
        hang,
        "mkdir running && rmdir running || echo two >>log; echo down >>log",
    );
    let mut engine = bench.start();
    engine.hears().await;
    engine.command(LinkCommand::Connect);
    bench.until("log", 1).await;
    engine.command(LinkCommand::Disconnect);
    assert_eq!(engine.hears().await, DriverReport::Disconnected(None));
    assert_eq!(bench.lines("log"), ["up", "down"]);
    engine.end().await;
}

#[tokio::test]
async fn a_hook_that_runs_ends_with_the_engine() {
    let bench = Bench::new("echo $$ >>ids; sleep 60 & echo $! >>ids; wait", "");
    let mut engine = bench.start();
    engine.hears().await;
    engine.command(LinkCommand::Connect);
    bench.until("ids", 2).await;
    engine.end().await;
    for id in bench.lines("ids") {
        let gone = async {
            while !is_gone(&id) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("{id} lives"));
    }
}

#[tokio::test]
async fn the_status_hook_tells_what_happens_by_itself() {
    let bench = Bench::new("echo connecting >state", "echo disconnected >state").with_status("cat state");
    std::fs::write(bench.file("state"), "connected").unwrap();
    let mut engine = bench.start();
    assert_eq!(engine.hears().await, DriverReport::Connected);
    let write = |text: &str| {
        // In one step, so that the hook reads one or the other.
        std::fs::write(bench.file("new"), text).unwrap();
        std::fs::rename(bench.file("new"), bench.file("state")).unwrap();
    };
    write("disconnected ERROR_AUTHENTICATION");
    let login = DriverReport::Disconnected(Some(LastConnectionError::Authentication));
    engine.hears_at_last(login).await;
    // That the hook has begun is not that the link is up.
    engine.command(LinkCommand::Connect);
    engine.hears_at_last(DriverReport::Connecting).await;
    write("connected");
    engine.hears_at_last(DriverReport::Connected).await;
    // What makes no sense, and what cannot be read, says nothing.
    write("perhaps");
    while let Ok(said) = timeout(Duration::from_millis(200), engine.said.recv()).await {
        assert_eq!(said, Some(DriverReport::Connected));
    }
    write("disconnected");
    engine.hears_at_last(DriverReport::Disconnected(None)).await;
    engine.end().await;
}

#[tokio::test]
async fn a_status_hook_that_hangs_says_nothing_and_holds_nothing_up() {
    let mut bench = Bench::new("echo up >>log", "").with_status("echo asked >>asked; sleep 60");
    bench.settings.status_timeout = Duration::from_millis(100);
    let mut engine = bench.start();
    bench.until("asked", 2).await;
    engine.command(LinkCommand::Connect);
    bench.until("log", 1).await;
    assert!(engine.said.try_recv().is_err());
    engine.end().await;
}

#[tokio::test]
async fn at_start_a_link_that_is_up_is_left_alone_and_another_is_brought_up_if_wanted() {
    for (state, said) in [
        ("connected", vec![DriverReport::Connected]),
        ("connecting", vec![DriverReport::Connecting]),
        (
            "disconnected",
            vec![
                DriverReport::Disconnected(None),
                DriverReport::Connecting,
                DriverReport::Connected,
            ],
        ),
        ("", vec![DriverReport::Connecting, DriverReport::Connected]),
    ] {
        let mut bench = Bench::new("echo connected >state; echo up >>log", "").with_status("cat state");
        bench.settings.auto_connect = true;
        bench.settings.status_interval = Duration::from_secs(60);
        std::fs::write(bench.file("state"), state).unwrap();
        let mut engine = bench.start();
        for report in &said {
            assert_eq!(engine.hears().await, *report, "{state:?}");
        }
        assert_eq!(bench.lines("log").len(), usize::from(said.len() > 1), "{state:?}");
        engine.end().await;
    }
}

#[tokio::test]
async fn a_link_that_is_watched_has_no_driver() {
    let (_, commands) = mpsc::unbounded_channel();
    let (_, network) = watch::channel(Snapshot::default());
    let wires = Wires {
        commands,
        report: |_| {},
    };
    assert!(start(&LinkSettings::default(), Some("wan7"), network, wires).is_none());
}

#[test]
fn setting_an_interface_wants_the_privilege() {
    let mut settings = Settings::default();
    assert!(permitted(&settings, Privilege::None).is_ok());
    settings.link.set_interface = true;
    assert!(permitted(&settings, Privilege::NetAdmin).is_ok());
    let refused = permitted(&settings, Privilege::None).unwrap_err();
    assert_eq!(refused.status, Status::Permission);
    assert!(
        refused
            .to_string()
            .starts_with("link.set-interface needs CAP_NET_ADMIN")
    );
}

/// Whether there is no such process, or one that waits to be reaped.
fn is_gone(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_none_or(|(_, state)| state.trim_start().starts_with('Z'))
}
