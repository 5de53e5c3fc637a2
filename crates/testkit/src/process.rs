use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::wait::wait_until;

/// How long a process gets between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// A background process whose output is collected; stopped on drop (SIGTERM, then SIGKILL).
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

/// What a process that ended has left.
#[derive(Debug)]
pub struct Finished {
    /// Exit status, or the signal that ended it.
    pub status: ExitStatus,
    /// Everything it wrote to standard output (lossy UTF-8).
    pub stdout: String,
    /// Everything it wrote to standard error (lossy UTF-8).
    pub stderr: String,
}

impl Process {
    /// Starts `command`, feeding it `input`.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn start(mut command: Command, input: &str) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input closes the pipe: not an error here.
            let _ = stdin.write_all(input.as_bytes());
        }
        let stdout = Stream::collect(child.stdout.take().expect("standard output is piped"));
        let stderr = Stream::collect(child.stderr.take().expect("standard error is piped"));
        Self {
            name,
            child,
            stdout,
            stderr,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until standard output or error contains `text`; returns whether that happened within `limit`.
    pub fn wait_for_output(&mut self, text: &str, limit: Duration) -> bool {
        wait_until(limit, || self.stdout().contains(text) || self.stderr().contains(text))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn signal(&self, signal: Signal) {
        signal::kill(self.pid(), signal).unwrap_or_else(|e| panic!("{signal} to {}: {e}", self.name));
    }

    /// SIGTERM, then SIGKILL after five seconds; returns what it left.
    pub fn stop(mut self) -> Finished {
        self.end();
        self.finished()
    }

    /// SIGKILL: no chance to clean up.
    pub fn kill(mut self) -> Finished {
        let _ = self.child.kill();
        self.finished()
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// If it does not within `limit`; it is killed then.
    pub fn wait(mut self, limit: Duration) -> Finished {
        let deadline = Instant::now() + limit;
        while self.is_running() {
            if Instant::now() > deadline {
                let name = self.name.clone();
                let left = self.kill();
                panic!("{name} did not end within {limit:?}\n{}{}", left.stdout, left.stderr);
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.finished()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("process ids fit in pid_t"))
    }

    fn end(&mut self) {
        if !self.is_running() {
            return;
        }
        let _ = signal::kill(self.pid(), Signal::SIGTERM);
        if !wait_until(GRACE, || !self.is_running()) {
            let _ = self.child.kill();
        }
    }

    fn finished(&mut self) -> Finished {
        let status = self
            .child
            .wait()
            .unwrap_or_else(|e| panic!("cannot wait for {}: {e}", self.name));
        self.stdout.finish();
        self.stderr.finish();
        Finished {
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Standard output of a program that must have succeeded.
    ///
    /// # Panics
    /// If it failed; the message holds both outputs.
    #[track_caller]
    pub fn success(self) -> String {
        assert!(self.status.success(), "{}\n{}{}", self.status, self.stdout, self.stderr);
        self.stdout
    }
}

/// One collected output stream.
#[derive(Debug)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn collect(mut source: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = source.read(&mut chunk) {
                sink.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&chunk[..n]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits a little for the last bytes; not for ever, since a grandchild may hold the pipe open.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take()
            && wait_until(Duration::from_secs(1), || reader.is_finished())
        {
            let _ = reader.join();
        }
    }
}
