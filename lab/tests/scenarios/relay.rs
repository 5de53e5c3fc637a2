//! The relay: user space, no privileges, nothing configured.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::chown;
use std::time::Duration;

use portreeve_lab::subject::portreeved::binary;
use portreeve_lab::upnp::{ControlPoint, PortMapping, refused};
use portreeve_testkit::{Echo, Host, Lab, Process, TempDir, reach_tcp, reach_udp, require_root, wait_until};

/// The user nobody.
const NOBODY: u32 = 65_534;

/// A daemon without privileges, in the gateway of a lab of its own.
struct Unprivileged {
    // In this order: the daemon ends before its directory and its namespace do.
    daemon: Process,
    _directory: TempDir,
    lab: Lab,
}

impl Unprivileged {
    /// Starts it without any configuration, after `prepare`.
    fn start(what: &str, prepare: impl FnOnce(&Lab)) -> Option<Self> {
        require_root(what)?;
        let lab = Lab::builder().lan_hosts(2).internet_hosts(1).build();
        prepare(&lab);
        let directory = TempDir::new();
        chown(directory.path(), Some(NOBODY), Some(NOBODY)).expect("root may give it away");
        // The build directory of a developer may be closed to others.
        let copy = directory.join("portreeved");
        fs::copy(binary(), &copy).expect("there is room for a copy");
        let arguments = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
            "env",
            "-i",
            &format!("HOME={}", directory.path().display()),
            &copy.display().to_string(),
        ];
        let mut daemon = lab.gateway().spawn("setpriv", arguments);
        let ready = wait_until(Duration::from_secs(10), || {
            assert!(daemon.is_running(), "it ended:\n{}{}", daemon.stdout(), daemon.stderr());
            lab.gateway()
                .run(|| TcpListener::bind((lab.gateway().ipv4(), 5000)).is_err())
                || lab
                    .gateway()
                    .run(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 5000)).is_err())
        });
        assert!(ready, "it does not serve:\n{}{}", daemon.stdout(), daemon.stderr());
        Some(Self {
            daemon,
            _directory: directory,
            lab,
        })
    }

    fn log(&self) -> String {
        self.daemon.stdout() + &self.daemon.stderr()
    }

    fn await_log(&self, told: &str) {
        let said = wait_until(Duration::from_secs(5), || self.log().contains(told));
        assert!(said, "{told:?} is not in\n{}", self.log());
    }

    fn client(&self) -> ControlPoint<'_> {
        ControlPoint::discover(self.lab.lan_host(1), self.lab.gateway().ipv4())
    }
}

/// A port where nobody listens until the test does.
const PORT: u16 = 20_000;

#[test]
fn without_privileges_and_configuration_tcp_and_udp_pass_and_the_port_is_freed() {
    let Some(gateway) = Unprivileged::start("a relay on the LAN", |_| {}) else {
        return;
    };
    let lab = &gateway.lab;
    let client = gateway.client();
    let (tcp, udp) = (Echo::tcp(client.host(), 8080), Echo::udp(client.host(), 8080));
    let mapping = PortMapping::new(&client, PORT).to_port(8080);
    client
        .add(&mapping)
        .unwrap_or_else(|fault| panic!("{fault}\n{}", gateway.log()));
    client.add(&mapping.clone().udp()).expect("a free port");
    let to = SocketAddr::from((lab.wan_ipv4(), PORT));
    assert_eq!(reach_tcp(lab.internet_host(1), to).expect("TCP passes").server, "lan1");
    assert_eq!(reach_udp(lab.internet_host(1), to).expect("UDP passes").server, "lan1");
    // Hairpin needs no rule here.
    assert_eq!(
        reach_tcp(lab.lan_host(2), to).expect("from the LAN, too").server,
        "lan1"
    );

    client.delete(&mapping).expect("an own mapping");
    client.delete(&mapping.clone().udp()).expect("an own mapping");
    let freed = wait_until(Duration::from_secs(2), || {
        lab.gateway().run(|| TcpListener::bind((lab.wan_ipv4(), PORT)).is_ok())
    });
    assert!(freed, "the port is still taken");
    assert!(reach_tcp(lab.internet_host(1), to).is_err());
    drop((tcp, udp));
}

#[test]
fn a_relayed_port_closes_when_its_lease_ends() {
    let Some(gateway) = Unprivileged::start("a lease of the relay", |_| {}) else {
        return;
    };
    let client = gateway.client();
    let _echo = Echo::tcp(client.host(), PORT);
    client
        .add(&PortMapping::new(&client, PORT).lease(1))
        .expect("a free port");
    let to = (gateway.lab.wan_ipv4(), PORT);
    let internet = gateway.lab.internet_host(1);
    assert!(reach_tcp(internet, to).is_ok());
    assert!(wait_until(Duration::from_secs(2), || reach_tcp(internet, to).is_err()));
}

#[test]
fn a_port_that_another_program_has_is_refused_and_another_is_found() {
    let Some(gateway) = Unprivileged::start("a taken port", |_| {}) else {
        return;
    };
    let lab = &gateway.lab;
    let other = lab
        .gateway()
        .run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)))
        .expect("a free port");
    let client = gateway.client();
    let _echo = Echo::tcp(client.host(), 8080);
    let mapping = PortMapping::new(&client, PORT).to_port(8080);
    refused(client.add(&mapping), &[729]);
    let any = client.add_any(&mapping).expect("another port");
    assert_ne!(any, PORT);
    assert_eq!(
        reach_tcp(lab.internet_host(1), (lab.wan_ipv4(), any))
            .expect("it passes")
            .server,
        "lan1"
    );
    drop(other);
    client.add(&mapping).expect("free again");
}

#[test]
fn its_start_says_what_it_found_and_what_to_do_next() {
    let Some(gateway) = Unprivileged::start("start messages of the relay", |_| {}) else {
        return;
    };
    // The last of it is said once it serves, which is when `start` returns.
    for told in ["br0", "wan0", "relay", "CAP_NET_ADMIN", "portreeve map 8080"] {
        gateway.await_log(told);
    }
}

#[test]
fn without_a_lan_it_serves_loopback_and_says_how_to_name_one() {
    let down = |lab: &Lab| {
        lab.gateway().ip("link set br0 down");
    };
    let Some(gateway) = Unprivileged::start("a trial on loopback", down) else {
        return;
    };
    gateway.await_log("loopback");
    gateway.await_log("--lan");
    let host = gateway.lab.gateway();
    let client = ControlPoint::at(host, "http://127.0.0.1:5000/igd2.xml");
    let (_tcp, _udp) = (on_loopback(host, Echo::tcp), on_loopback(host, Echo::udp));
    let mapping = PortMapping::new(&client, PORT).to_port(8080).to_client("127.0.0.1");
    client
        .add(&mapping)
        .unwrap_or_else(|fault| panic!("{fault}\n{}", gateway.log()));
    client.add(&mapping.clone().udp()).expect("a free port");
    let external = client.call("GetExternalIPAddress", &[]).expect("anybody may read it");
    let to = format!("{}:{PORT}", external.get("NewExternalIPAddress"));
    assert_eq!(
        reach_tcp(host, &*to).unwrap_or_else(|e| panic!("{to}: {e}")).server,
        "gateway"
    );
    assert_eq!(
        reach_udp(host, &*to).unwrap_or_else(|e| panic!("{to}: {e}")).server,
        "gateway"
    );
}

fn on_loopback(host: &Host, serve: fn(&Host, u16) -> Echo) -> Echo {
    serve(host, 8080)
}

#[test]
fn it_leaves_nothing_in_the_kernel() {
    let Some(gateway) = Unprivileged::start("the kernel's rules", |_| {}) else {
        return;
    };
    let client = gateway.client();
    client.add(&PortMapping::new(&client, PORT)).expect("a free port");
    let rules = gateway.lab.gateway().command("nft", ["list", "ruleset"]).success();
    assert_eq!(rules, "");
    let left = gateway.daemon.stop();
    assert!(left.status.success(), "{}{}", left.stdout, left.stderr);
}
