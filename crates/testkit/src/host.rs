use std::fmt::Display;
use std::fs::{self, File};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

use crate::process::{Finished, Process};

/// How long a foreground command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// One machine of the lab: a network namespace with its addresses.
#[derive(Debug)]
pub struct Host {
    name: String,
    namespace: String,
    handle: File,
    ipv4: Ipv4Addr,
    ipv6: Ipv6Addr,
}

impl Host {
    /// Wraps a namespace that exists under `/run/netns`.
    pub(crate) fn open(name: &str, namespace: &str, ipv4: Ipv4Addr, ipv6: Ipv6Addr) -> Self {
        let path = format!("/run/netns/{namespace}");
        let handle = File::open(&path).unwrap_or_else(|e| panic!("cannot open {path}: {e}"));
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            handle,
            ipv4,
            ipv6,
        }
    }

    /// `gateway`, `lan1`, `internet1`, ...
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name of the namespace, for `ip netns exec`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its address; of the gateway: the one on the first LAN.
    pub fn ipv4(&self) -> Ipv4Addr {
        self.ipv4
    }

    /// Its address; of the gateway: the one on the first LAN.
    pub fn ipv6(&self) -> Ipv6Addr {
        self.ipv6
    }

    /// The link-local address of one of its interfaces, with the interface's index as scope.
    ///
    /// # Panics
    /// If it has none.
    #[track_caller]
    pub fn link_local(&self, interface: &str) -> SocketAddrV6 {
        let found = self.find_link_local(interface);
        found.unwrap_or_else(|| panic!("{interface} of {} has no link-local address", self.name))
    }

    /// The same, if it has one: the kernel makes it when the interface is ready for IPv6.
    pub(crate) fn find_link_local(&self, interface: &str) -> Option<SocketAddrV6> {
        let table = self.run(|| fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default());
        table.lines().find_map(|line| link_local(line, interface))
    }

    /// Runs `work` in a thread inside the namespace and returns its result. Sockets made there stay in the namespace
    /// and may be used from anywhere afterwards.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                self.enter();
                work()
            });
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Another handle on the same namespace, for a server that outlives the borrow.
    pub(crate) fn duplicate(&self) -> Self {
        let handle = self.handle.try_clone();
        Self {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            handle: handle.unwrap_or_else(|e| panic!("cannot duplicate {}: {e}", self.namespace)),
            ..*self
        }
    }

    /// Moves the calling thread into the namespace, for good.
    pub(crate) fn enter(&self) {
        setns(&self.handle, CloneFlags::CLONE_NEWNET)
            .unwrap_or_else(|e| panic!("cannot enter {}: {e}", self.namespace));
    }

    /// Gives the programs started from now on in this namespace their own `/etc/hosts`.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn set_hosts<A: Display>(&self, entries: &[(A, &str)]) {
        let lines: String = entries
            .iter()
            .map(|(address, name)| format!("{address} {name}\n"))
            .collect();
        self.set_etc("hosts", &lines);
    }

    /// Gives the programs started from now on in this namespace their own version of a file that is in `/etc`.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn set_etc(&self, name: &str, text: &str) {
        // `ip netns exec` puts what it finds there over /etc.
        let directory = format!("/etc/netns/{}", self.namespace);
        fs::create_dir_all(&directory).unwrap_or_else(|e| panic!("cannot make {directory}: {e}"));
        fs::write(format!("{directory}/{name}"), text).unwrap_or_else(|e| panic!("cannot write in {directory}: {e}"));
    }

    /// Runs a program to its end inside the namespace.
    ///
    /// # Panics
    /// If it cannot be started or takes more than a minute.
    pub fn command<S: AsRef<str>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Finished {
        self.spawn(program, arguments).wait(COMMAND_LIMIT)
    }

    /// Starts a program inside the namespace and leaves it running.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn<S: AsRef<str>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Process {
        self.spawn_with(program, arguments, &[])
    }

    /// As [`Host::spawn`], with additional environment variables.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn_with<S: AsRef<str>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
        environment: &[(&str, &str)],
    ) -> Process {
        let mut command = self.prepare(program, arguments);
        command.envs(environment.iter().copied());
        Process::start(command, "")
    }

    /// Feeds `script` to `nft -f -`.
    ///
    /// # Panics
    /// If nft refuses it.
    #[track_caller]
    pub fn nft(&self, script: &str) -> String {
        Process::start(self.prepare("nft", ["-f", "-"]), script)
            .wait(COMMAND_LIMIT)
            .success()
    }

    /// Runs `ip` with blank-separated arguments, as in `ip("link set wan0 down")`.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn ip(&self, arguments: &str) -> String {
        self.command("ip", arguments.split_whitespace()).success()
    }

    fn prepare<S: AsRef<str>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, program]);
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        command
    }
}

/// A line of `/proc/net/if_inet6` (address, index, prefix length, scope and flags in hexadecimal; name), if it is of
/// this interface and has a link-local address.
fn link_local(line: &str, interface: &str) -> Option<SocketAddrV6> {
    let mut words = line.split_whitespace();
    let address = Ipv6Addr::from(u128::from_str_radix(words.next()?, 16).ok()?);
    let index = u32::from_str_radix(words.next()?, 16).ok()?;
    let fits = words.next_back()? == interface && address.is_unicast_link_local();
    fits.then(|| SocketAddrV6::new(address, 0, 0, index))
}
