//! A WAN that has its address by DHCP: a provider's server in the Internet, and the packaged hooks with a real client.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::programs::require_program;
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::{ControlPoint, refused};
use portreeve_testkit::{Cable, Echo, Process, TempDir, reach_tcp, wait_until};

use crate::support::{
    becomes, control, external_address, fresh, idle_with_tables, is_running, is_served_by, link_status, port_of, shows,
    soon,
};

const CONNECTION: &str = "WANIPConnection:2";
/// How long it may take a client to ask again, at its own pace.
const AT_ITS_PACE: Duration = Duration::from_secs(60);

/// A bed whose WAN has no address until a DHCP server gives it one.
struct Dhcp {
    bed: Bed,
    files: TempDir,
}

impl Dhcp {
    /// With more keys of `[link]`; the daemon is not started yet.
    fn new(more: &str) -> Option<Self> {
        require_program("dnsmasq", "dnsmasq-base")?;
        require_program("udhcpc", "udhcpc")?;
        let files = TempDir::new();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/link-dhcp");
        let script = fs::canonicalize(script).expect("it is packaged").display().to_string();
        let directory = files.path().display().to_string();
        let hook = |name: &str| format!("{name} = [{script:?}, {name:?}, {directory:?}]\n");
        let hooks: String = ["connect", "disconnect", "status"].map(hook).concat();
        let bed = idle_with_tables(&format!(
            "[link]\nkind = \"command\"\n{hooks}status-interval = 1\ncontrol = \"lan\"\n{more}\n"
        ))?;
        bed.set_wan_address(None);
        // An address of IPv6 alone is a connection too.
        bed.gateway().ip("-6 address flush dev wan0 scope global");
        Some(Self { bed, files })
    }

    /// The provider's server, with leases of at least two minutes.
    fn provider(&self, addresses: &str, more: &[&str]) -> Process {
        let range = format!("--dhcp-range={addresses},2m");
        let leases = format!("--dhcp-leasefile={}", self.files.join("leases").display());
        let _ = fs::remove_file(self.files.join("leases"));
        let arguments = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--pid-file=",
            "--user=root",
            "--port=0",
            "--interface=eth0",
            "--bind-interfaces",
            "--log-facility=-",
            "--log-dhcp",
            "--no-ping",
            "--dhcp-authoritative",
            "--dhcp-option=3,11.11.11.7",
            &leases,
            &range,
        ];
        let mut server = self.bed.internet_host(1).spawn("dnsmasq", arguments.iter().chain(more));
        assert!(
            server.wait_for_output("DHCP, ", Duration::from_secs(10)),
            "{}",
            server.stderr()
        );
        server
    }

    /// A server of which leases are short.
    fn hasty_provider(&self) -> Process {
        let (configuration, leases) = (self.files.join("udhcpd.conf"), self.files.join("udhcpd.leases"));
        let text = format!(
            "interface eth0\nstart 11.11.11.2\nend 11.11.11.2\nmin_lease 10\nlease_file {}\npidfile {}\n\
             option subnet 255.255.255.0\noption router 11.11.11.7\noption lease 20\n",
            leases.display(),
            self.files.join("udhcpd.pid").display(),
        );
        fs::write(&configuration, text).expect("the directory is ours");
        fs::write(leases, "").expect("the directory is ours");
        let configuration = configuration.display().to_string();
        self.bed
            .internet_host(1)
            .spawn("busybox", ["udhcpd", "-f", &configuration])
    }

    fn client_id_file(&self) -> PathBuf {
        self.files.join("udhcpc.wan0.pid")
    }
}

/// Waits until ConnectionStatus has this value, which a DHCP client's own pace decides.
#[track_caller]
fn comes(bed: &Bed, client: &ControlPoint<'_>, wanted: &str) {
    let there = || link_status(client).get("NewConnectionStatus") == wanted;
    assert!(wait_until(AT_ITS_PACE, there), "not {wanted}\n{}", bed.subject().log());
}

#[test]
fn a_lease_is_taken_at_the_start_and_given_back_at_the_end() {
    let Some(dhcp) = Dhcp::new("auto-connect = true") else {
        return;
    };
    let provider = dhcp.provider("11.11.11.2,11.11.11.2", &[]);
    let bed = &dhcp.bed;
    bed.start();
    let client = bed.client(1);
    comes(bed, &client, "Connected");
    shows(bed, &client, "Connected", "ERROR_NONE", "11.11.11.2", "");
    soon(bed, "the uptime runs", || link_status(&client).number("NewUptime") >= 2);
    let mapping = fresh(bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    assert!(is_served_by(bed, port, "lan1"));

    // The client outlives the daemon, which finds the link up when it comes back.
    bed.subject().stop();
    assert!(is_running(&dhcp.client_id_file()));
    bed.start();
    let client = bed.client(1);
    becomes(bed, &client, "Connected");
    assert!(is_served_by(bed, port, "lan1"));

    client.call("ForceTermination", &[]).expect("the LAN may");
    becomes(bed, &client, "Disconnected");
    shows(
        bed,
        &client,
        "Disconnected",
        "ERROR_FORCED_DISCONNECT",
        "",
        "connection-forced-disconnect",
    );
    assert!(!is_running(&dhcp.client_id_file()));
    assert!(
        wait_until(AT_ITS_PACE, || provider.stderr().contains("DHCPRELEASE")),
        "{}",
        provider.stderr()
    );
}

#[test]
fn a_lease_that_ends_with_the_server_gone_is_a_link_that_is_down_until_the_server_is_back() {
    let Some(dhcp) = Dhcp::new("auto-connect = true") else {
        return;
    };
    let provider = dhcp.hasty_provider();
    let bed = &dhcp.bed;
    bed.start();
    let client = bed.client(1);
    comes(bed, &client, "Connected");
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    assert_eq!(
        listener.next().value("ExternalIPAddress").as_deref(),
        Some("11.11.11.2")
    );
    let mapping = fresh(bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    assert!(is_served_by(bed, port, "lan1"));

    provider.kill();
    comes(bed, &client, "Disconnected");
    shows(
        bed,
        &client,
        "Disconnected",
        "ERROR_IP_CONFIGURATION",
        "",
        "connection-ip-configuration",
    );
    let told = listener.until("ConnectionStatus", "Disconnected");
    assert_eq!(told.value("ExternalIPAddress").as_deref(), Some(""));
    refused(client.add(&fresh(bed, &client)), &[501]);
    assert!(!is_served_by(bed, port, "lan1"));
    client.specific(&mapping).expect("it stays in the table");

    let back = Instant::now();
    let _provider = dhcp.hasty_provider();
    comes(bed, &client, "Connected");
    let uptime = link_status(&client).number("NewUptime");
    assert!(uptime <= back.elapsed().as_secs(), "Uptime starts anew: {uptime}");
    shows(bed, &client, "Connected", "ERROR_NONE", "11.11.11.2", "");
    let told = listener.until("ConnectionStatus", "Connected");
    assert_eq!(told.value("ExternalIPAddress").as_deref(), Some("11.11.11.2"));
    soon(bed, "the mapping works again", || is_served_by(bed, port, "lan1"));
    let history = control(bed, &["link", "status"]).success();
    assert!(history.contains("dropped once, came back once"), "{history}");
}

#[test]
fn another_address_from_the_provider_is_followed() {
    let Some(dhcp) = Dhcp::new("auto-connect = true") else {
        return;
    };
    let provider = dhcp.provider("11.11.11.2,11.11.11.2", &[]);
    let bed = &dhcp.bed;
    bed.start();
    let client = bed.client(1);
    comes(bed, &client, "Connected");
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    let mapping = fresh(bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    assert!(is_served_by(bed, port, "lan1"));

    // The server denies the address at the next renewal (DHCPNAK), which a signal brings forward.
    provider.stop();
    let _provider = dhcp.provider("11.11.11.60,11.11.11.60", &[]);
    let id = fs::read_to_string(dhcp.client_id_file()).expect("the client runs");
    bed.gateway().command("kill", ["-USR1", id.trim()]).success();
    let moved = Ipv4Addr::new(11, 11, 11, 60);
    assert!(
        wait_until(AT_ITS_PACE, || external_address(&client) == moved.to_string()),
        "{}",
        bed.subject().log()
    );
    becomes(bed, &client, "Connected");
    shows(bed, &client, "Connected", "ERROR_NONE", "11.11.11.60", "");
    listener.until("ExternalIPAddress", "11.11.11.60");
    soon(bed, "the mapping works at the new address", || {
        reach_tcp(bed.internet_host(1), (moved, port)).is_ok_and(|reply| reply.server == "lan1")
    });
    client.specific(&mapping).expect("it stays in the table");
}

#[test]
fn a_cable_that_is_out_is_told_and_the_lease_serves_on_when_it_is_back() {
    let Some(dhcp) = Dhcp::new("auto-connect = true") else {
        return;
    };
    let _provider = dhcp.provider("11.11.11.2,11.11.11.2", &[]);
    let bed = &dhcp.bed;
    bed.start();
    let client = bed.client(1);
    comes(bed, &client, "Connected");
    let mapping = fresh(bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();

    bed.wan_cable(Cable::Out);
    becomes(bed, &client, "Disconnected");
    shows(
        bed,
        &client,
        "Disconnected",
        "ERROR_NO_CARRIER",
        "",
        "connection-no-carrier",
    );
    listener.until("ConnectionStatus", "Disconnected");
    refused(client.add(&fresh(bed, &client)), &[501]);

    bed.wan_cable(Cable::In);
    becomes(bed, &client, "Connected");
    shows(bed, &client, "Connected", "ERROR_NONE", "11.11.11.2", "");
    listener.until("ConnectionStatus", "Connected");
    soon(bed, "the mapping works again", || is_served_by(bed, port, "lan1"));

    // Without a cable nothing comes of connecting.
    client.call("ForceTermination", &[]).expect("the LAN may");
    becomes(bed, &client, "Disconnected");
    bed.wan_cable(Cable::Out);
    soon(bed, "the carrier is gone", || {
        bed.gateway().ip("-brief link show wan0").contains("NO-CARRIER")
    });
    client.call("RequestConnection", &[]).expect("the LAN may");
    comes(bed, &client, "Disconnected");
    shows(
        bed,
        &client,
        "Disconnected",
        "ERROR_NO_CARRIER",
        "",
        "connection-no-carrier",
    );
}

#[test]
fn an_address_that_another_host_has_is_declined_and_told() {
    let Some(dhcp) = Dhcp::new("") else { return };
    let bed = &dhcp.bed;
    let other = bed.internet_host(2);
    other.ip("address add 11.11.11.2/24 dev eth0");
    let mac = read(bed, "/sys/class/net/wan0/address");
    let only = format!("--dhcp-host={mac},11.11.11.2");
    let provider = dhcp.provider("11.11.11.0,static", &[&only]);
    bed.start();
    let client = bed.client(1);
    shows(bed, &client, "Disconnected", "ERROR_NONE", "", "not-connected");
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();

    client.call("RequestConnection", &[]).expect("the LAN may");
    listener.until("ConnectionStatus", "Connecting");
    comes(bed, &client, "Disconnected");
    shows(
        bed,
        &client,
        "Disconnected",
        "ERROR_ADDRESS_CONFLICT",
        "",
        "connection-address-conflict",
    );
    assert!(provider.stderr().contains("DHCPDECLINE"), "{}", provider.stderr());
    listener.until("ConnectionStatus", "Disconnected");
    refused(client.add(&fresh(bed, &client)), &[501]);

    other.ip("address del 11.11.11.2/24 dev eth0");
    // A server remembers for minutes which address was declined.
    provider.stop();
    let _provider = dhcp.provider("11.11.11.2,11.11.11.2", &[]);
    client.call("RequestConnection", &[]).expect("the LAN may");
    comes(bed, &client, "Connected");
    shows(bed, &client, "Connected", "ERROR_NONE", "11.11.11.2", "");
}

#[test]
fn without_a_server_connecting_ends_with_the_reason() {
    let Some(dhcp) = Dhcp::new("") else { return };
    let bed = &dhcp.bed;
    bed.start();
    let client = bed.client(1);
    client.call("RequestConnection", &[]).expect("the LAN may");
    comes(bed, &client, "Disconnected");
    shows(
        bed,
        &client,
        "Disconnected",
        "ERROR_IP_CONFIGURATION",
        "",
        "connection-ip-configuration",
    );
    assert!(!is_running(&dhcp.client_id_file()));
}

/// A file as the gateway sees it.
fn read(bed: &Bed, path: &str) -> String {
    bed.gateway().command("cat", [path]).success().trim().to_owned()
}
