//! What a person at a terminal sees.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portreeve_testkit::scripted::{Misbehaviour, On, PortMapping};
use portreeve_testkit::{ScriptedGateway, TempDir, wait_until};

use crate::tool::LIMIT;

const COLUMNS: u16 = 60;

/// The tool on a terminal of its own, which is as wide as `COLUMNS`.
struct Terminal {
    line: String,
    child: Child,
    drawn: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    _home: TempDir,
}

impl Terminal {
    fn open(line: &str) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).expect("there are terminals");
        let home = TempDir::new();
        let child = Command::new(env!("CARGO_BIN_EXE_portreeve"))
            .args(line.split_whitespace())
            .env_remove("NO_COLOR")
            .env("XDG_CACHE_HOME", home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(pty.slave.try_clone().expect("descriptors can be duplicated"))
            .stderr(pty.slave)
            .spawn()
            .expect("the tool starts");
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&drawn);
        let mut terminal = File::from(pty.master);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            // Reading fails once nobody has the other end open.
            while let Ok(length @ 1..) = terminal.read(&mut chunk) {
                sink.lock().expect("no panic holds it").extend(&chunk[..length]);
            }
        });
        Self {
            line: line.to_owned(),
            child,
            drawn,
            reader,
            _home: home,
        }
    }

    fn drawn(&self) -> String {
        String::from_utf8_lossy(&self.drawn.lock().expect("no panic holds it")).into_owned()
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        let seen = wait_until(LIMIT, || self.drawn().contains(text));
        assert!(seen, "{text:?} is missing: {:?}", self.drawn());
    }

    fn interrupt(&self) {
        let id = i32::try_from(self.child.id()).expect("process ids fit");
        kill(Pid::from_raw(id), Signal::SIGINT).expect("it is running");
    }

    /// All that was drawn until the tool ended.
    fn end(mut self) -> String {
        if !wait_until(LIMIT, || matches!(self.child.try_wait(), Ok(Some(_)))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            panic!("{} did not end", self.line);
        }
        let finished = wait_until(LIMIT, || self.reader.is_finished());
        assert!(finished, "the terminal is still open");
        self.drawn()
    }
}

/// All that the tool drew until it ended by itself.
fn on_terminal(line: &str) -> String {
    Terminal::open(line).end()
}

/// The text without what moves the cursor and colours.
fn plain(drawn: &str) -> String {
    let mut parts = drawn.split("\x1b[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|letter: char| letter.is_ascii_alphabetic())
            .map_or(0, |at| at + 1);
        text += &part[end..];
    }
    text.replace("\r\n", "\n")
}

#[test]
fn tables_keep_to_the_width_and_heads_stand_out() {
    let description = "a description that is longer than what is left of the line";
    let gateway = ScriptedGateway::builder()
        .mapping(PortMapping::new("TCP", 8000, "127.0.0.1", 80).description(description))
        .start_on_loopback();
    let drawn = on_terminal(&format!("list --gateway {}", gateway.description_url()));
    assert!(drawn.contains("\x1b[1m"), "{drawn:?}");
    let text = plain(&drawn);
    assert!(
        text.lines().all(|line| line.chars().count() <= usize::from(COLUMNS)),
        "{text}"
    );
    assert!(text.contains("8000"), "{text}");
}

#[test]
fn waiting_shows_a_sign_of_life_that_is_gone_afterwards() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::Slow(
            On::Action("GetStatusInfo"),
            Duration::from_millis(600),
        ))
        .start_on_loopback();
    let drawn = on_terminal(&format!("status --gateway {}", gateway.description_url()));
    let (before, after) = drawn.split_once("Gateway").expect("the status is told");
    assert!(before.contains('⠋'), "{drawn:?}");
    assert!(before.trim_end_matches("\x1b[2m").ends_with("\r\x1b[2K"), "{drawn:?}");
    assert!(!after.contains('⠋'), "{drawn:?}");
    let quiet = on_terminal(&format!("status --quiet --gateway {}", gateway.description_url()));
    assert!(!quiet.contains('⠋'), "{quiet:?}");
}

#[test]
fn a_watch_is_redrawn_in_its_place() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = format!("status --watch --interval 50ms --gateway {}", gateway.description_url());
    let terminal = Terminal::open(&line);
    terminal.sees("ready to map ports");
    gateway.set_status("Disconnected", "ERROR_NO_CARRIER");
    terminal.sees("ERROR_NO_CARRIER");
    terminal.interrupt();
    let drawn = terminal.end();
    let first = drawn.find("\x1b[J").expect("it is redrawn");
    let lines = drawn[..first].matches('\n').count();
    assert!(drawn[..first].ends_with(&format!("\x1b[{lines}A")), "{drawn:?}");
}

#[test]
fn stability_draws_a_chart() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let line = format!(
        "stability --for 300ms --interval 50ms --gateway {}",
        gateway.description_url()
    );
    let drawn = plain(&on_terminal(&line));
    assert!(
        drawn.lines().last().is_some_and(|line| line.starts_with('█')),
        "{drawn:?}"
    );
}

#[test]
fn failures_are_red_and_wrapped() {
    let drawn = on_terminal("status --gateway 127.222.111.98 --timeout 300ms");
    assert!(drawn.contains("\x1b[1m\x1b[31mportreeve:"), "{drawn:?}");
    let text = plain(&drawn);
    let text = text.rsplit('\r').next().unwrap();
    assert!(
        text.lines().all(|line| line.chars().count() <= usize::from(COLUMNS)),
        "{text}"
    );
}
