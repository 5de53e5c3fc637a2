//! One run of a program of the administrator's.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::config::Hook;

/// How long a program gets between SIGTERM and SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);
/// How long its output is read on after its end: what it leaves running may hold on to it.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How much of its output is kept.
const KEPT: usize = 4096;
/// Where it finds other programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that runs, the leader of its process group. Dropped before it has ended, the group is killed.
pub(super) struct Running {
    child: Child,
    group: Pid,
    stdout: Stream<ChildStdout>,
    stderr: Stream<ChildStderr>,
    ended: bool,
}

/// A program that has ended.
pub(super) struct Ended {
    /// How.
    pub(super) status: ExitStatus,
    /// The beginning of its standard output.
    pub(super) stdout: String,
    /// The beginning of its standard error.
    pub(super) stderr: String,
}

/// An output of which the beginning is kept, and the rest read so that nobody waits for it to be read.
struct Stream<P> {
    pipe: P,
    kept: Vec<u8>,
}

impl Running {
    /// Starts a program for this interface, with nothing of ours but our user and privileges.
    pub(super) fn start(hook: &Hook, wan: &str) -> io::Result<Self> {
        let mut child = Command::new(&hook.program)
            .args(&hook.arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("PORTREEVE_WAN", wan)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            group: Pid::from_raw(group.expect("a process that was not waited for has an id, which is a pid_t")),
            stdout: Stream::new(child.stdout.take().expect("it is piped")),
            stderr: Stream::new(child.stderr.take().expect("it is piped")),
            child,
            ended: false,
        })
    }

    /// Waits for its end; may be given up and taken up again. What it has left running stays.
    pub(super) async fn end(&mut self) -> io::Result<Ended> {
        let Self {
            child,
            stdout,
            stderr,
            ended,
            ..
        } = self;
        let status = {
            let mut reading = std::pin::pin!(async { tokio::join!(stdout.read(), stderr.read()) });
            let mut read = false;
            let status = loop {
                tokio::select! {
                    status = child.wait() => break status?,
                    _ = &mut reading, if !read => read = true,
                }
            };
            // From here on its id, and its group's, may be another's.
            *ended = true;
            if !read {
                // Whoever holds on to the output has nothing to tell us.
                let _ = tokio::time::timeout(LAST_WORDS, reading).await;
            }
            status
        };
        Ok(Ended {
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        })
    }

    /// Ends it and its group: SIGTERM, and SIGKILL for what is left when its leader has ended or the grace is over.
    /// Where it has ended already, what it has left running stays.
    pub(super) async fn kill(mut self) {
        if self.ended {
            return;
        }
        self.signal(Signal::SIGTERM);
        let asked = Instant::now();
        while asked.elapsed() < GRACE && self.leader_lives() {
            tokio::time::sleep(LOOK).await;
        }
        self.signal(Signal::SIGKILL);
        self.ended = true;
        // It cannot but end now; there is nobody to tell its status.
        let _ = self.child.wait().await;
    }

    /// Looks without waiting for it, so that its id, which is the group's, goes to nobody else meanwhile.
    fn leader_lives(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        matches!(waitid(Id::Pid(self.group), flags), Ok(WaitStatus::StillAlive))
    }

    fn signal(&self, signal: Signal) {
        // It fails only if there is nobody left.
        let _ = killpg(self.group, signal);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.signal(Signal::SIGKILL);
        }
    }
}

impl<P: AsyncRead + Unpin> Stream<P> {
    fn new(pipe: P) -> Self {
        Self { pipe, kept: Vec::new() }
    }

    async fn read(&mut self) {
        let mut chunk = [0; 1024];
        while let Ok(count @ 1..) = self.pipe.read(&mut chunk).await {
            let room = KEPT.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&chunk[..count.min(room)]);
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Running {
        let hook = Hook {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
        };
        Running::start(&hook, "wan7").unwrap()
    }

    /// Whether a process is there that is not waiting to be reaped.
    fn lives(id: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, state)| !state.trim_start().starts_with('Z'))
    }

    async fn until(mut condition: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn it_gets_a_clean_environment_and_its_outputs_are_kept() {
        let ended = start("env; pwd; cat; echo oops >&2; exit 3").end().await.unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.stderr, "oops\n");
        let mut lines: Vec<&str> = ended.stdout.lines().filter(|line| !line.starts_with('_')).collect();
        lines.sort_unstable();
        let path = format!("PATH={PATH}");
        assert_eq!(lines, ["/", &path, "PORTREEVE_WAN=wan7", "PWD=/"]);
    }

    #[tokio::test]
    async fn of_much_output_the_beginning_is_kept_and_nobody_is_held_up() {
        let ended = start("echo first; head -c 1000000 /dev/zero; exit 4")
            .end()
            .await
            .unwrap();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(4), KEPT));
        assert!(ended.stdout.starts_with("first\n"));
    }

    #[tokio::test]
    async fn what_it_leaves_running_is_not_waited_for_and_lives_on() {
        let mut running = start("sleep 60 & echo $!");
        let ended = tokio::time::timeout(Duration::from_secs(10), running.end())
            .await
            .unwrap();
        let left = ended.unwrap().stdout;
        drop(running);
        assert!(lives(&left));
        let id = left.trim().parse().unwrap();
        nix::sys::signal::kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    }

    #[tokio::test]
    async fn killed_while_its_last_words_are_awaited_it_has_ended_and_what_it_leaves_lives_on() {
        let directory = portreeve_testkit::TempDir::new();
        let file = directory.join("id");
        let mut running = start(&format!("sleep 60 & echo $! > {}", file.display()));
        let leader = running.group.to_string();
        let mut end = Box::pin(running.end());
        // It is waited for, and no longer there, while the one that it left holds on to its output.
        let reaped = async { until(|| !std::path::Path::new("/proc").join(&leader).exists()).await };
        tokio::select! { _ = &mut end => {}, () = reaped => {} }
        drop(end);
        running.kill().await;
        let left = std::fs::read_to_string(&file).unwrap();
        // A signal is delivered later than it is sent.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(lives(&left));
        let id = left.trim().parse().unwrap();
        nix::sys::signal::kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    }

    #[tokio::test]
    async fn killed_it_ends_with_all_that_it_started() {
        let directory = portreeve_testkit::TempDir::new();
        let file = directory.join("ids");
        let deaf = format!(
            "trap '' TERM; sleep 60 & echo $! $$ > {}; while :; do wait; done",
            file.display()
        );
        for script in [&deaf, &deaf.replace("trap '' TERM; ", "")] {
            let _ = std::fs::remove_file(&file);
            let mut running = start(script);
            let ids = || std::fs::read_to_string(&file).unwrap_or_default();
            let mut end = Box::pin(running.end());
            let waiting = async { until(|| ids().ends_with('\n')).await };
            tokio::select! { _ = &mut end => panic!("it has not ended"), () = waiting => {} }
            drop(end);
            assert!(ids().split_whitespace().all(lives));
            running.kill().await;
            assert!(!ids().split_whitespace().last().is_some_and(lives), "{script}");
            until(|| !ids().split_whitespace().any(lives)).await;
        }
    }

    #[tokio::test]
    async fn dropped_it_is_killed() {
        let running = start("sleep 60");
        let id = running.group.to_string();
        drop(running);
        until(|| !lives(&id)).await;
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let hook = Hook {
            program: "/nonexistent".into(),
            arguments: Vec::new(),
        };
        assert!(Running::start(&hook, "wan7").is_err());
    }
}
