//! A link that is driven by programs of the administrator's.

use std::time::Duration;

use portreeve_engine::link::{DriverReport, LinkCommand};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::hook::{Ended, Running};
use super::{Wires, verdict};
use crate::config::{Hook, LinkSettings};

/// How soon a link that is being set up is looked at again.
const CONNECTING_INTERVAL: Duration = Duration::from_secs(1);

/// Runs the hooks, one at a time; a new command ends a hook that runs.
pub(super) struct Hooks<R> {
    wan: String,
    connect: Timed,
    disconnect: Timed,
    status: Option<Timed>,
    interval: Duration,
    auto_connect: bool,
    commands: mpsc::UnboundedReceiver<LinkCommand>,
    report: R,
    /// When the status hook is to be run.
    look_at: Instant,
    /// Whether the status hook has made no sense, and that was told.
    complained: bool,
}

/// A hook and the time that it may take.
#[derive(Clone, Debug)]
struct Timed {
    name: &'static str,
    hook: Hook,
    limit: Duration,
}

/// How a run ended.
enum Run {
    /// By itself.
    Ended(Ended),
    /// It took too long.
    TimedOut,
    /// It could not be started.
    Impossible,
}

/// What comes next.
enum Next {
    /// To carry out what is commanded.
    Obey(LinkCommand),
    /// To wait for a command, or for the time to look.
    Wait,
    /// Nothing: the engine has ended.
    End,
}

impl<R: Fn(DriverReport) + Send> Hooks<R> {
    /// A driver that is yet to be started; none if the settings lack a hook that it needs.
    pub(super) fn new(settings: &LinkSettings, wan: String, Wires { commands, report }: Wires<R>) -> Option<Self> {
        let timed = |name, hook: &Option<Hook>, limit| hook.clone().map(|hook| Timed { name, hook, limit });
        Some(Self {
            wan,
            connect: timed("connect", &settings.connect, settings.connect_timeout)?,
            disconnect: timed("disconnect", &settings.disconnect, settings.disconnect_timeout)?,
            status: timed("status", &settings.status, settings.status_timeout),
            interval: settings.status_interval,
            auto_connect: settings.auto_connect,
            commands,
            report,
            look_at: Instant::now(),
            complained: false,
        })
    }

    /// Drives the link until the engine ends; a hook that runs then is killed.
    pub(super) async fn drive(mut self) {
        let mut next = self.begin().await;
        loop {
            next = match next {
                Next::Obey(LinkCommand::Connect) => self.connect().await,
                Next::Obey(LinkCommand::Disconnect) => self.disconnect().await,
                Next::Wait => self.wait().await,
                Next::End => return,
            };
        }
    }

    /// Finds out how the link is, and brings it up if that is wanted.
    async fn begin(&mut self) -> Next {
        let state = match &self.status {
            None => None,
            Some(_) => match self.look().await {
                Ok(state) => state,
                Err(next) => return next,
            },
        };
        if matches!(state, Some(DriverReport::Connected | DriverReport::Connecting)) {
            return Next::Wait;
        }
        if self.auto_connect {
            (self.report)(DriverReport::Connecting);
            return self.connect().await;
        }
        if self.status.is_none() {
            // An earlier run of the daemon may have brought it up: the interface tells.
            (self.report)(DriverReport::Connected);
        }
        Next::Wait
    }

    async fn wait(&mut self) -> Next {
        let look_at = self.status.is_some().then_some(self.look_at);
        let time_to_look = async {
            match look_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            command = self.commands.recv() => return Next::after(command),
            () = time_to_look => {}
        }
        match self.look().await {
            Ok(_) => Next::Wait,
            Err(next) => next,
        }
    }

    async fn connect(&mut self) -> Next {
        let run = match self.run(&self.connect.clone()).await {
            Ok(run) => run,
            Err(next) => return next,
        };
        match run {
            Run::Ended(ended) if ended.status.success() => self.believe_connected(),
            Run::Ended(ended) => (self.report)(DriverReport::Failed(failure(&self.connect, &ended))),
            Run::Impossible => (self.report)(DriverReport::Failed(verdict::cause(None, ""))),
            Run::TimedOut => {
                (self.report)(DriverReport::TimedOut);
                // Nobody knows how far it came.
                if let Err(next) = self.run(&self.disconnect.clone()).await {
                    return next;
                }
            }
        }
        Next::Wait
    }

    async fn disconnect(&mut self) -> Next {
        let run = match self.run(&self.disconnect.clone()).await {
            Ok(run) => run,
            Err(next) => return next,
        };
        let failed = match run {
            Run::Ended(ended) if ended.status.success() => {
                self.look_at = Instant::now() + self.interval;
                (self.report)(DriverReport::Disconnected(None));
                return Next::Wait;
            }
            Run::Ended(ended) => DriverReport::Failed(failure(&self.disconnect, &ended)),
            Run::Impossible => DriverReport::Failed(verdict::cause(None, "")),
            Run::TimedOut => DriverReport::TimedOut,
        };
        (self.report)(failed);
        self.believe_connected();
        Next::Wait
    }

    /// The link is up as far as the hooks for up and down can tell; the status hook can tell more.
    fn believe_connected(&mut self) {
        match self.status {
            Some(_) => self.look_at = Instant::now(),
            None => (self.report)(DriverReport::Connected),
        }
    }

    /// Runs the status hook and reports what it says.
    async fn look(&mut self) -> Result<Option<DriverReport>, Next> {
        let Some(status) = self.status.clone() else {
            return Ok(None);
        };
        let state = match self.run(&status).await? {
            Run::Ended(ended) => {
                let state = verdict::state(&ended.stdout);
                if state.is_none() && !self.complained {
                    let said = ended.stdout.trim().escape_debug().to_string();
                    warn!(said, status = %ended.status, "the status hook does not tell a state; the link stays as it is");
                }
                state
            }
            Run::TimedOut | Run::Impossible => None,
        };
        self.complained = state.is_none();
        let pause = match state {
            Some(DriverReport::Connecting) => self.interval.min(CONNECTING_INTERVAL),
            _ => self.interval,
        };
        self.look_at = Instant::now() + pause;
        state.into_iter().for_each(&self.report);
        Ok(state)
    }

    /// Runs a hook to its end, unless something else has to be done.
    async fn run(&mut self, timed: &Timed) -> Result<Run, Next> {
        let Timed { name, hook, limit } = timed;
        let mut running = match Running::start(hook, &self.wan) {
            Ok(running) => running,
            Err(error) => {
                warn!(hook = name, program = %hook.program.display(), %error, "the hook cannot be run");
                return Ok(Run::Impossible);
            }
        };
        let begun = Instant::now();
        let next = tokio::select! {
            ended = tokio::time::timeout(*limit, running.end()) => match ended {
                Ok(Ok(ended)) => {
                    log(name, &ended, begun.elapsed());
                    return Ok(Run::Ended(ended));
                }
                Ok(Err(error)) => {
                    warn!(hook = name, %error, "the hook's end cannot be seen");
                    return Ok(Run::Impossible);
                }
                Err(_) => None,
            },
            command = self.commands.recv() => Some(Next::after(command)),
        };
        running.kill().await;
        match next {
            None => {
                warn!(
                    hook = name,
                    seconds = limit.as_secs(),
                    "the hook took too long and was killed"
                );
                Ok(Run::TimedOut)
            }
            Some(next) => {
                info!(hook = name, "the hook was killed, since something else is wanted");
                Err(next)
            }
        }
    }
}

impl Next {
    fn after(command: Option<LinkCommand>) -> Self {
        command.map_or(Self::End, Self::Obey)
    }
}

/// Why a hook failed, told to the administrator too.
fn failure(timed: &Timed, ended: &Ended) -> portreeve_engine::link::LastConnectionError {
    let cause = verdict::cause(ended.status.code(), &ended.stdout);
    let words = ended.stderr.lines().rev().chain(ended.stdout.lines().rev());
    let last_words = words.map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    warn!(
        hook = timed.name,
        status = %ended.status,
        cause = cause.name(),
        said = last_words.escape_debug().to_string(),
        "the hook failed"
    );
    cause
}

/// The hook's own words are for who wants to know more.
fn log(name: &str, ended: &Ended, took: Duration) {
    debug!(hook = name, status = %ended.status, millis = took.as_millis(), "the hook ended");
    for line in ended.stdout.lines().chain(ended.stderr.lines()) {
        debug!(hook = name, "{}", line.escape_debug());
    }
}
