//! A WAN that the administrator's programs or the interface's switch bring up and down, and who may have that done.

use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::tool::Tool;
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::{ControlPoint, refused};
use portreeve_testkit::{Echo, wait_until};

use crate::support::{
    Hooks, SOON, Talk, becomes, bed_with_tables, control, edit_configuration, external, external_address, fresh,
    is_running, is_served_by, link_status, port_of, shows, soon,
};

const CONNECTION: &str = "WANIPConnection:2";

/// What really brings the lab's WAN up and down.
const UP: &str = "ip address replace 11.11.11.2/24 dev $PORTREEVE_WAN && ip route replace default via 11.11.11.7";
const DOWN: &str = "ip -4 address flush dev $PORTREEVE_WAN";

/// A bed whose WAN is up, and that hooks bring up and down.
fn driven(control: &str) -> Option<(Bed, Hooks)> {
    let hooks = Hooks::new().script("connect", UP).script("disconnect", DOWN);
    let bed = bed_with_tables(&hooks.table(&format!("control = \"{control}\"")))?;
    becomes(&bed, &bed.client(1), "Connected");
    Some((bed, hooks))
}

fn ask(client: &ControlPoint<'_>, action: &str) {
    client
        .call(action, &[])
        .unwrap_or_else(|fault| panic!("{action}: {fault}"));
}

#[test]
fn control_points_bring_the_link_down_and_up_where_they_may() {
    let Some((bed, _hooks)) = driven("lan") else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    let first = listener.next();
    assert_eq!(first.value("ConnectionStatus").as_deref(), Some("Connected"));
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
    ask(&client, "RequestConnection");

    ask(&client, "ForceTermination");
    becomes(&bed, &client, "Disconnected");
    shows(
        &bed,
        &client,
        "Disconnected",
        "ERROR_FORCED_DISCONNECT",
        "",
        "connection-forced-disconnect",
    );
    let told = listener.until("ConnectionStatus", "Disconnecting");
    assert_eq!(told.value("ExternalIPAddress").as_deref(), Some(""));
    listener.until("ConnectionStatus", "Disconnected");
    assert!(!is_served_by(&bed, port_of(&mapping), "lan1"));
    refused(client.add(&fresh(&bed, &client)), &[501]);
    refused(client.call("ForceTermination", &[]), &[711]);
    let told = Tool::on(client.host()).error("link disconnect", 1);
    assert_eq!(told["code"], "connection-already-terminated", "{told}");

    ask(&client, "RequestConnection");
    becomes(&bed, &client, "Connected");
    shows(&bed, &client, "Connected", "ERROR_NONE", "11.11.11.2", "");
    listener.until("ConnectionStatus", "Connected");
    soon(&bed, "the mapping works again", || {
        is_served_by(&bed, port_of(&mapping), "lan1")
    });
}

#[test]
fn where_only_the_administrator_may_control_points_are_refused_and_he_is_not() {
    let Some((bed, _hooks)) = driven("admin") else { return };
    let client = bed.client(1);
    for action in ["RequestTermination", "ForceTermination"] {
        refused(client.call(action, &[]), &[606]);
    }
    let tool = Tool::on(client.host());
    let error = tool.error("link disconnect", 1);
    assert_eq!(error["code"], "action-not-authorized", "{error}");
    let words = error["problem"].as_str().unwrap_or_default();
    assert!(
        words.contains("does not let") && words.contains("only the administrator"),
        "{error}"
    );
    let told = control(&bed, &["link", "disconnect"]).success();
    assert!(told.contains("isconnect"), "{told}");
    becomes(&bed, &client, "Disconnected");
    shows(
        &bed,
        &client,
        "Disconnected",
        "ERROR_USER_DISCONNECT",
        "",
        "connection-user-disconnect",
    );
    refused(client.call("RequestConnection", &[]), &[606]);
    control(&bed, &["link", "connect"]).success();
    becomes(&bed, &client, "Connected");
    let history = control(&bed, &["link", "status"]).success();
    assert!(history.contains("dropped never, came back once"), "{history}");
}

#[test]
fn where_nobody_may_nobody_may() {
    let Some((bed, _hooks)) = driven("nobody") else { return };
    let client = bed.client(1);
    refused(client.call("ForceTermination", &[]), &[606]);
    let denied = control(&bed, &["link", "disconnect"]);
    assert_eq!(denied.status.code(), Some(69), "{}", denied.stderr);
    assert!(denied.stderr.contains("link.control"), "{}", denied.stderr);
    assert_eq!(link_status(&client).get("NewConnectionStatus"), "Connected");
    // The reload lets the administrator, at once.
    edit_configuration(&bed, "control = \"nobody\"", "control = \"admin\"");
    control(&bed, &["reload"]).success();
    control(&bed, &["link", "disconnect", "--now"]).success();
    becomes(&bed, &client, "Disconnected");
}

#[test]
fn a_watched_link_cannot_be_controlled_by_anybody() {
    let Some(bed) = bed_with_tables("[link]\ncontrol = \"lan\"\n") else {
        return;
    };
    let client = bed.client(1);
    refused(client.call("ForceTermination", &[]), &[606]);
    let denied = control(&bed, &["link", "disconnect"]);
    assert!(denied.stderr.contains("only watches its link"), "{}", denied.stderr);
}

#[test]
fn each_cause_of_a_hook_that_fails_is_told_in_the_same_words_everywhere() {
    let hooks = Hooks::new()
        .script(
            "connect",
            &format!("[ -e cause ] || {{ {UP}; exit 0; }}\ncat cause\n. ./code"),
        )
        .script("disconnect", DOWN);
    let Some(bed) = bed_with_tables(&hooks.table("control = \"lan\"")) else {
        return;
    };
    let client = bed.client(1);
    becomes(&bed, &client, "Connected");
    ask(&client, "ForceTermination");
    becomes(&bed, &client, "Disconnected");
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    for (said, status, error, code) in [
        (
            "ERROR_PPP_NEGOTIATION",
            1,
            "ERROR_PPP_NEGOTIATION",
            "connection-ppp-negotiation",
        ),
        (
            "ERROR_AUTHENTICATION",
            1,
            "ERROR_AUTHENTICATION",
            "connection-login-refused",
        ),
        ("ERROR_DNS_FAILURE", 1, "ERROR_DNS_FAILURE", "connection-dns-failure"),
        (
            "ERROR_ADDRESS_CONFLICT",
            1,
            "ERROR_ADDRESS_CONFLICT",
            "connection-address-conflict",
        ),
        ("ERROR_NO_CARRIER", 1, "ERROR_NO_CARRIER", "connection-no-carrier"),
        (
            "ERROR_IP_CONFIGURATION",
            1,
            "ERROR_IP_CONFIGURATION",
            "connection-ip-configuration",
        ),
        ("ERROR_ISP_TIME_OUT", 1, "ERROR_ISP_TIME_OUT", "connection-isp-timeout"),
        (
            "ERROR_ISP_DISCONNECT",
            1,
            "ERROR_ISP_DISCONNECT",
            "connection-isp-disconnect",
        ),
        (
            "ERROR_NOT_ENABLED_FOR_INTERNET",
            1,
            "ERROR_NOT_ENABLED_FOR_INTERNET",
            "connection-not-enabled",
        ),
        ("ERROR_SUN_SPOTS", 1, "ERROR_UNKNOWN", "not-connected"),
        // pppd's exit statuses, as a hook that is pppd has them.
        (
            "LCP terminated by peer",
            10,
            "ERROR_PPP_NEGOTIATION",
            "connection-ppp-negotiation",
        ),
        (
            "CHAP authentication failed",
            19,
            "ERROR_AUTHENTICATION",
            "connection-login-refused",
        ),
        ("", 23, "ERROR_ADDRESS_CONFLICT", "connection-address-conflict"),
        ("", 99, "ERROR_UNKNOWN", "not-connected"),
    ] {
        hooks.write("code", &format!("exit {status}"));
        hooks.write("cause", said);
        ask(&client, "RequestConnection");
        listener.until("ConnectionStatus", "Connecting");
        listener.until("ConnectionStatus", "Disconnected");
        shows(&bed, &client, "Disconnected", error, "", code);
    }
    std::fs::remove_file(hooks.path("cause")).expect("it is there");
    let told = Tool::on(client.host()).says("link connect");
    assert!(told.contains("agreed to connect"), "{told}");
    becomes(&bed, &client, "Connected");
    shows(&bed, &client, "Connected", "ERROR_NONE", "11.11.11.2", "");
}

#[test]
fn a_hook_that_hangs_is_ended_and_its_traces_removed() {
    let hooks = Hooks::new()
        .script("connect", "echo $$ >shell; sleep 600 &\necho $! >child; wait")
        .script("disconnect", &format!("{DOWN}; echo cleaned >>log"));
    let table = hooks.table("control = \"lan\"\nconnect-timeout = 8");
    let Some(bed) = bed_with_tables(&table) else { return };
    let client = bed.client(1);
    becomes(&bed, &client, "Connected");
    ask(&client, "ForceTermination");
    becomes(&bed, &client, "Disconnected");
    hooks.write("log", "");

    ask(&client, "RequestConnection");
    assert_eq!(link_status(&client).get("NewConnectionStatus"), "Connecting");
    refused(client.call("RequestConnection", &[]), &[705]);
    let told = Tool::on(client.host()).error("link connect", 1);
    assert_eq!(told["code"], "connection-setup-in-progress", "{told}");
    refused(client.add(&fresh(&bed, &client)), &[501]);
    soon(&bed, "the hook runs", || is_running(&hooks.path("child")));
    let ended = || link_status(&client).get("NewConnectionStatus") == "Disconnected";
    assert!(wait_until(Duration::from_secs(20), ended), "{}", bed.subject().log());
    shows(
        &bed,
        &client,
        "Disconnected",
        "ERROR_ISP_TIME_OUT",
        "",
        "connection-isp-timeout",
    );
    soon(&bed, "what it left is removed", || {
        hooks.read("log").contains("cleaned")
    });
    assert!(!is_running(&hooks.path("shell")) && !is_running(&hooks.path("child")));
}

#[test]
fn a_hook_that_runs_is_ended_by_the_opposite_wish_and_with_the_daemon() {
    let hooks = Hooks::new()
        .script(
            "connect",
            "trap '' TERM; echo $$ >shell; sleep 600 &\necho $! >child; while :; do wait; done",
        )
        .script("disconnect", DOWN);
    let Some(bed) = bed_with_tables(&hooks.table("control = \"lan\"")) else {
        return;
    };
    let client = bed.client(1);
    becomes(&bed, &client, "Connected");
    ask(&client, "ForceTermination");
    becomes(&bed, &client, "Disconnected");
    let running = || is_running(&hooks.path("child")) && is_running(&hooks.path("shell"));
    ask(&client, "RequestConnection");
    soon(&bed, "the hook runs", running);
    ask(&client, "RequestTermination");
    becomes(&bed, &client, "Disconnected");
    assert_eq!(
        link_status(&client).get("NewLastConnectionError"),
        "ERROR_COMMAND_ABORTED"
    );
    assert!(!is_running(&hooks.path("child")) && !is_running(&hooks.path("shell")));

    ask(&client, "RequestConnection");
    soon(&bed, "the hook runs", running);
    let asked = Instant::now();
    let left = bed.subject().stop();
    assert!(left.status.success(), "{}", left.stderr);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(wait_until(SOON, || !is_running(&hooks.path("child"))
        && !is_running(&hooks.path("shell"))));
}

#[test]
fn while_a_disconnection_is_pending_traffic_flows_and_then_ends() {
    let Some((bed, _hooks)) = driven("lan") else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));
    let delay = |seconds: &str| {
        let set = client.call("SetWarnDisconnectDelay", &[("NewWarnDisconnectDelay", seconds)]);
        set.expect("the LAN may");
    };

    delay("60");
    ask(&client, "RequestTermination");
    let pending = link_status(&client);
    assert_eq!(pending.get("NewConnectionStatus"), "PendingDisconnect");
    assert_eq!(external_address(&client), "11.11.11.2");
    assert!(talk.is_alive() && is_served_by(&bed, port, "lan1"));
    client.add(&fresh(&bed, &client)).expect("mappings are made still");
    refused(client.call("RequestTermination", &[]), &[707]);
    // RequestConnection takes the warning back.
    ask(&client, "RequestConnection");
    assert_eq!(link_status(&client).get("NewConnectionStatus"), "Connected");

    delay("2");
    let asked = Instant::now();
    ask(&client, "RequestTermination");
    for status in [
        "PendingDisconnect",
        "Connected",
        "PendingDisconnect",
        "Disconnecting",
        "Disconnected",
    ] {
        let told = listener.until("ConnectionStatus", status);
        if status == "Disconnecting" {
            assert_eq!(told.value("ExternalIPAddress").as_deref(), Some(""));
        }
    }
    assert!(asked.elapsed() >= Duration::from_millis(1900), "{:?}", asked.elapsed());
    shows(
        &bed,
        &client,
        "Disconnected",
        "ERROR_USER_DISCONNECT",
        "",
        "connection-user-disconnect",
    );
    assert!(!talk.is_alive() && !is_served_by(&bed, port, "lan1"));
}

#[test]
fn an_idle_link_ends_and_a_used_one_does_not() {
    let Some((bed, _hooks)) = driven("lan") else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port_of(&mapping)));
    client
        .call("SetIdleDisconnectTime", &[("NewIdleDisconnectTime", "5")])
        .expect("the LAN may");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(11) {
        assert!(talk.is_alive(), "used all the time\n{}", bed.subject().log());
        thread::sleep(Duration::from_millis(50));
    }
    let still = link_status(&client);
    assert_eq!(still.get("NewConnectionStatus"), "Connected");
    // Packets on the LAN side are no use of the link.
    assert!(
        wait_until(Duration::from_secs(30), || {
            link_status(&client).get("NewConnectionStatus") == "Disconnected"
        }),
        "{}",
        bed.subject().log()
    );
    shows(
        &bed,
        &client,
        "Disconnected",
        "ERROR_IDLE_DISCONNECT",
        "",
        "connection-idle-disconnect",
    );
}

#[test]
fn an_interface_is_set_down_and_up_where_that_is_the_link() {
    let table = "[link]\nset-interface = true\ncontrol = \"lan\"\n";
    let Some(bed) = bed_with_tables(table) else { return };
    let client = bed.client(1);
    becomes(&bed, &client, "Connected");
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    let flags = || bed.gateway().ip("-brief link show wan0");
    ask(&client, "ForceTermination");
    becomes(&bed, &client, "Disconnected");
    shows(
        &bed,
        &client,
        "Disconnected",
        "ERROR_FORCED_DISCONNECT",
        "",
        "connection-forced-disconnect",
    );
    assert!(!flags().contains(",UP"), "{}", flags());

    ask(&client, "RequestConnection");
    becomes(&bed, &client, "Connected");
    assert!(flags().contains(",UP"), "{}", flags());
    // An interface that was down has lost its routes; whoever configures it brings them back.
    let route = format!("route replace default via {}", bed.internet_host(1).ipv4());
    bed.gateway().ip(&route);
    soon(&bed, "the mapping works again", || {
        is_served_by(&bed, port_of(&mapping), "lan1")
    });

    // Somebody else's hand is followed.
    bed.gateway().ip("link set wan0 down");
    let down = becomes(&bed, &client, "Disconnected");
    assert_eq!(down.get("NewLastConnectionError"), "ERROR_NO_CARRIER");
    bed.gateway().ip("link set wan0 up");
    becomes(&bed, &client, "Connected");
}

#[test]
fn a_status_hook_tells_of_what_the_interface_does_not_show() {
    let hooks = Hooks::new()
        .script("connect", "echo connected >state")
        .script("disconnect", "echo disconnected >state")
        .script("status", "cat state");
    hooks.write("state", "connected");
    let table = hooks.table("control = \"lan\"\nstatus-interval = 1");
    let Some(bed) = bed_with_tables(&table) else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    becomes(&bed, &client, "Connected");
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    hooks.write("state", "disconnected ERROR_AUTHENTICATION");
    becomes(&bed, &client, "Disconnected");
    let told = listener.until("ConnectionStatus", "Disconnected");
    assert_eq!(told.value("ExternalIPAddress").as_deref(), Some(""));
    shows(
        &bed,
        &client,
        "Disconnected",
        "ERROR_AUTHENTICATION",
        "",
        "connection-login-refused",
    );
    hooks.write("state", "what?");
    assert!(
        bed.subject().wait_for_log("does not tell a state", SOON),
        "{}",
        bed.subject().log()
    );
    assert_eq!(link_status(&client).get("NewConnectionStatus"), "Disconnected");
    hooks.write("state", "connecting");
    becomes(&bed, &client, "Connecting");
    hooks.write("state", "connected");
    becomes(&bed, &client, "Connected");
    let history = control(&bed, &["link", "status"]).success();
    assert!(history.contains("dropped once, came back once"), "{history}");
}
