//! The configuration as its user meets it: what is read, what is refused and in which words.

use portreeve_engine::Protocol;
use portreeve_engine::config::{LinkControl, LinkKind, Nat};
use portreeve_engine::policy::Verdict;
use portreeve_wire::{Offer, Quirk};

use super::document::{Lines, Reader, Text};
use super::keys::SECTIONS;
use super::lists::{RULE, STATIC};
use super::*;

const SAMPLE: &str = include_str!("../../../../packaging/portreeved.toml");

fn read(text: &str) -> Result<Settings, Vec<String>> {
    let mut reader = Reader::default();
    reader.read(Text {
        text,
        name: "f.toml",
        lines: Lines::Counted,
    });
    match reader.problems.is_empty() {
        true => Ok(reader.settings),
        false => Err(reader.problems.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn the_sample_is_the_default() {
    let sample = read(SAMPLE).unwrap();
    assert_eq!(to_toml(&sample), to_toml(&Settings::default()));
    assert_eq!(changes(&sample, &Settings::default()), []);
}

#[test]
fn the_sample_names_every_key() {
    let named = |name: &str| {
        let mut lines = SAMPLE.lines().map(|line| line.trim_start_matches(['#', ' ']));
        lines.any(|line| line.split('=').next().is_some_and(|key| key.trim() == name))
    };
    let sections = SECTIONS
        .iter()
        .flat_map(|section| section.keys.iter().map(|key| key.name));
    let lists = RULE.iter().map(|key| key.name).chain(STATIC.iter().map(|key| key.name));
    let quirks = Quirk::ALL.iter().map(|quirk| quirk.name());
    for name in sections.chain(lists).chain(quirks) {
        assert!(named(name), "packaging/portreeved.toml does not name {name}");
    }
}

#[test]
fn what_is_printed_reads_as_the_same() {
    let text = r#"
        network.lan = ["br0", "br1"]
        network.external-ip = "11.11.11.9"
        gateway.reserved-ports = [22, "80/tcp", "5000-5010/udp"]
        gateway.nat = false
        ipv6.firewall = "other"
        ipv6.mark = 0x400
        link.kind = "command"
        link.control = "lan"
        link.connect = ["/usr/bin/link", "up \"now\""]
        link.status-interval = 3
        leases.permanent-v1 = true
        quirks.protocol-case = false
        [[rule]]
        action = "deny"
        description = "^\"x\\d"
        [[rule]]
        action = "allow"
        client = "192.168.77.0/24"
        external-ports = 8080
        protocol = "udp"
        [[static]]
        external-port = 443
        protocol = "tcp"
        client = "192.168.77.10"
        internal-port = 8443
        remote-host = "11.11.11.200"
        description = "web \"shop\""
    "#;
    let settings = read(text).unwrap();
    assert_eq!(settings.gateway.nat, Nat::Disabled);
    assert_eq!(settings.leases.v1_default, None);
    assert_eq!(
        (settings.ipv6.firewall, settings.ipv6.mark),
        (FirewallChoice::Other, 1024)
    );
    assert!(!settings.quirks.has(Quirk::ProtocolCase));
    assert_eq!(settings.policy.rules[0].verdict, Verdict::Deny);
    assert_eq!(settings.policy.rules[1].protocol, Some(Protocol::Udp));
    assert_eq!(settings.statics[0].internal_port().get(), 8443);
    let printed = to_toml(&settings);
    assert_eq!(to_toml(&read(&printed).unwrap()), printed);
}

#[test]
fn every_problem_of_a_file_is_told_at_once_with_line_and_remedy() {
    let problems = read(
        r#"[network]
lan = "br0"
wan = "a/b"
external-ip = "stun:stun.example:3478"

[gateway]
http-port = 70000
colour = "blue"
uuid = "1234"

[pcp]
enabled = 1

[ipv6]
mark = 3

[link]
kind = "ppp"
connect = ["link-up"]

[admin]
web = "lan"

[upstream]
use = "maybe"
protocol-order = ["pcp", "pcp"]

[leases]
store = "etcd://10.0.0.1"
max = -1

[[rule]]
client = "10.0.0.0/8"

[[rule]]
action = "allow"
external-ports = "9-1"

[static]
"#,
    )
    .unwrap_err();
    let expected = [
        "f.toml:2: network.lan: must be a list in brackets, not \"br0\"",
        "f.toml:3: network.wan: must be the name of a network interface (see `ip link`), not \"a/b\"",
        "f.toml:4: network.external-ip: \"stun:\" is not supported by this version; write \"auto\" or an address",
        "f.toml:7: gateway.http-port: must be a whole number from 1 to 65535, not \"70000\"",
        "f.toml:9: gateway.uuid: must be \"auto\" or a UUID such as \"1f0e3dad-9990-4345-b743-9f8ffabdffc4\", not \"1234\"",
        "f.toml:8: gateway.colour: unknown key; known here: name, backend, http-port, nat, igd-version, \
         when-disconnected, uuid, reserved-ports, ppp-connection, lan-host-config",
        "f.toml:12: pcp.enabled: must be true or false, not \"1\"",
        "f.toml:15: ipv6.mark: must be a single bit, such as 0x10000000, not \"3\"",
        "f.toml:18: link.kind: must be \"interface\" or \"command\", not \"ppp\"",
        "f.toml:19: link.connect: must begin with the absolute path of a program, not \"link-up\": there is no shell that \
         searches for it",
        "f.toml:22: admin.web: not supported by this version; remove it",
        "f.toml:25: upstream.use: must be \"auto\" or \"off\" or \"on\", not \"maybe\"",
        "f.toml:26: upstream.protocol-order: must name at least one of \"pcp\", \"nat-pmp\" and \"igd\", and each once, \
         not a array",
        "f.toml:29: leases.store: \"etcd://10.0.0.1\" is not supported by this version; write \"embedded\" or remove the line",
        "f.toml:30: leases.max: must be a whole number from 1 to 604800, not a integer",
        "f.toml:32: rule[1]: needs action = \"allow\" or action = \"deny\"",
        "f.toml:37: rule[2].external-ports: must be a port from 1 to 65535 or a range such as \"1024-65535\", not \"9-1\"",
        "f.toml:39: static: is a list; write [[static]] with two brackets",
    ];
    for line in expected {
        assert!(
            problems.iter().any(|problem| problem == line),
            "{line}\nis not among\n{}",
            problems.join("\n")
        );
    }
    assert_eq!(problems.len(), expected.len(), "{}", problems.join("\n"));
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let problems = read("[gateway]\nname = \nnat = true\n").unwrap_err();
    assert!(problems[0].starts_with("f.toml:2: not TOML: "), "{problems:?}");
}

#[test]
fn options_override_the_file_and_name_themselves_in_errors() {
    let directory = portreeve_testkit::TempDir::new();
    let file = directory.join("portreeved.toml");
    std::fs::write(
        &file,
        "[limits]\nmappings = 10\npage-size = 5\n[gateway]\nname = \"a\"\n",
    )
    .unwrap();
    let source = |set: &[&str]| Source {
        file: Some(file.clone()),
        lan: vec!["lan0".to_owned()],
        backend: Some(Backend::Relay),
        overrides: set.iter().map(|text| text.parse().unwrap()).collect(),
        ..Source::default()
    };
    let settings = source(&["limits.mappings=1000", "gateway.name=living room"])
        .load()
        .unwrap();
    assert_eq!(settings.limits.engine.mappings, 1000);
    assert_eq!(settings.limits.engine.page_size, 5);
    assert_eq!(settings.gateway.name, "living room");
    assert_eq!(settings.network.lan, ["lan0"]);

    let problems = source(&["limits.mappings=many"]).load().unwrap_err();
    assert_eq!(
        problems.to_string(),
        "--set limits.mappings=many: limits.mappings: must be a whole number from 1 to 1048576, not \"many\""
    );
}

#[test]
fn what_only_shows_beside_other_keys_is_found() {
    let source = |set: &[&str]| Source {
        file: Some("/dev/null".into()),
        overrides: set.iter().map(|text| text.parse().unwrap()).collect(),
        ..Source::default()
    };
    let told = |set: &[&str]| source(set).load().unwrap_err().to_string();
    assert!(told(&["network.lan=[\"a\"]", "network.wan=a"]).starts_with("--set network.wan=a: network.wan: "));
    assert!(told(&["leases.max=60"]).contains("leases.default: is longer than leases.max (60)"));
    assert!(told(&["limits.connections=8"]).contains("limits.connections-per-client: "));
    assert!(
        told(&["pcp.maximum-lifetime=60"]).contains("pcp.minimum-lifetime: is longer than pcp.maximum-lifetime (60)")
    );
    let told_of_nat = told(&["gateway.nat=false", "nftables.masquerade=true"]);
    assert!(
        told_of_nat.contains("nftables.masquerade: is what gateway.nat = false rules out"),
        "{told_of_nat}"
    );
    let twice = r#"static=[{external-port=1,protocol="tcp",client="10.0.0.1"},{external-port=1,protocol="tcp",client="10.0.0.2"}]"#;
    assert!(told(&[twice]).contains("static[2]: has the external port"));
}

#[test]
fn a_link_that_cannot_be_driven_is_told_before_the_start() {
    let directory = portreeve_testkit::TempDir::new();
    let file = directory.join("f.toml");
    let plain = directory.join("plain").display().to_string();
    std::fs::write(&plain, "").unwrap();
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let source = Source {
            file: Some(file.clone()),
            ..Source::default()
        };
        let problems = source
            .load()
            .map(|_| String::new())
            .unwrap_or_else(|problems| problems.to_string());
        problems.replace(&format!("{}:", file.display()), "")
    };
    let hooks = format!("kind = \"command\"\nconnect = [\"/bin/true\"]\ndisconnect = [\"{plain}\"]");
    assert_eq!(
        told(&format!(
            "[network]\nwan = \"ppp0\"\n[link]\n{hooks}\nstatus = [\"/nonexistent\"]"
        )),
        format!(
            "6: link.disconnect: {plain} may not be executed by the user of this process; `chmod +x` it, and see its \
             directory\n7: link.status: /nonexistent cannot be run: No such file or directory (os error 2); correct \
             the path"
        )
    );
    for (text, expected) in [
        (
            "[network]\nwan = \"ppp0\"\n[link]\nkind = \"command\"\nconnect = [\"/bin/true\"]",
            "settings: link.disconnect: is needed with link.kind = \"command\"",
        ),
        (
            "[link]\nset-interface = true\ncontrol = \"admin\"",
            "2: link.set-interface: needs network.wan: while the link is down, no default route tells which interface \
             is the WAN",
        ),
        (
            "[network]\nwan = \"eth0\"\n[link]\nset-interface = true",
            "4: link.set-interface: is of no use with link.control = \"nobody\"; write \"admin\" or \"lan\" there",
        ),
        (
            "[link]\nauto-connect = true",
            "2: link.auto-connect: needs link.set-interface = true or link.kind = \"command\"",
        ),
        (
            "[link]\nstatus = [\"/bin/true\"]",
            "2: link.status: has a meaning only with link.kind = \"command\"",
        ),
        (
            "[network]\nwan = \"eth0\"\n[link]\nset-interface = true\ncontrol = \"lan\"\nauto-connect = true",
            "",
        ),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn a_reload_gives_the_link_no_other_driver() {
    let reloaded = read("link.kind = \"command\"\nlink.control = \"lan\"").unwrap();
    let own = Own {
        lans: Vec::new(),
        addresses: Vec::new(),
        connection_device: String::new(),
        offer: Offer::default(),
        pinholes: Pinholes::Effective,
        link: OwnLink::from(&LinkSettings::default()),
    };
    let config = engine_config(&reloaded, &own);
    assert_eq!(
        (config.link_kind, config.link_control),
        (LinkKind::Watched, LinkControl::Lan)
    );
}

#[test]
fn a_missing_file_is_an_error_only_if_it_was_named() {
    let named = Source {
        file: Some("/nonexistent/portreeved.toml".into()),
        ..Source::default()
    };
    let told = named.load().unwrap_err().to_string();
    assert!(
        told.starts_with("/nonexistent/portreeved.toml: cannot be read: "),
        "{told}"
    );
}

#[test]
fn a_reload_tells_what_waits_for_a_restart() {
    let old = Settings::default();
    let new = read("gateway.http-port = 5001\nlimits.mappings = 7\nrule = []\npcp.enabled = false\n").unwrap();
    let changes = changes(&old, &new);
    let told: Vec<(&str, Effect)> = changes
        .iter()
        .map(|changed| (changed.key.as_str(), changed.effect))
        .collect();
    let expected = [
        ("gateway.http-port", Effect::Restart),
        ("limits.mappings", Effect::Live),
        ("pcp.enabled", Effect::Live),
        ("rule", Effect::Live),
    ];
    assert_eq!(told, expected);
}

#[test]
fn ports_of_the_gateway_itself_are_reserved() {
    let settings = read("gateway.reserved-ports = [\"7000-7001/tcp\"]").unwrap();
    let own = Own {
        lans: vec!["192.168.77.0/24".parse().unwrap()],
        addresses: vec!["192.168.77.1".parse().unwrap()],
        connection_device: "uuid:c".to_owned(),
        offer: offer(&settings),
        pinholes: Pinholes::Effective,
        link: OwnLink::from(&settings.link),
    };
    let reserved = engine_config(&settings, &own).reserved;
    let port = |n| NonZeroU16::new(n).unwrap();
    assert!(reserved.contains(Protocol::Tcp, port(7001)) && !reserved.contains(Protocol::Udp, port(7001)));
    assert!(!reserved.contains(Protocol::Tcp, port(5000)) && reserved.contains(Protocol::Udp, port(1900)));
    assert!(reserved.contains(Protocol::Udp, port(5351)) && !reserved.contains(Protocol::Tcp, port(5351)));
}

#[test]
fn clients_are_told_of_the_firewall_that_there_is() {
    let firewall = |text: &str, pinholes| {
        let settings = read(text).unwrap();
        let own = Own {
            lans: Vec::new(),
            addresses: Vec::new(),
            connection_device: String::new(),
            offer: offer(&settings),
            pinholes,
            link: OwnLink::from(&settings.link),
        };
        engine_config(&settings, &own).firewall
    };
    let told = |text, pinholes| {
        let firewall = firewall(text, pinholes);
        (firewall.enabled, firewall.pinholes_allowed)
    };
    assert_eq!(told("", Pinholes::Effective), (true, true));
    assert_eq!(told("ipv6.pinholes = false", Pinholes::Effective), (true, false));
    assert_eq!(told("", Pinholes::Impossible), (true, false));
    assert!(!told("", Pinholes::Needless).0);

    let text = "limits.pinholes = 7\nlimits.pinholes-per-client = 3";
    let firewall = firewall(text, Pinholes::Effective);
    assert_eq!((firewall.pinholes, firewall.pinholes_per_client), (7, 3));
}

#[test]
fn a_reload_does_not_open_or_close_what_was_offered_at_start() {
    let allowed = |at_start: &str, reloaded: &str| {
        let own = Own {
            lans: Vec::new(),
            addresses: Vec::new(),
            connection_device: String::new(),
            offer: offer(&read(at_start).unwrap()),
            pinholes: Pinholes::Effective,
            link: OwnLink::from(&LinkSettings::default()),
        };
        engine_config(&read(reloaded).unwrap(), &own).firewall.pinholes_allowed
    };
    assert!(allowed("", "ipv6.pinholes = false"));
    assert!(!allowed("ipv6.pinholes = false", ""));
    assert!(!allowed("gateway.igd-version = 1", ""));
}
