//! Answers of the daemon for people.

use std::fmt::Write;

use serde_json::Value;

use super::link;
use super::protocol::Command;

/// What a person sees of an answer.
pub(super) fn render(command: &Command, answer: &Value) -> String {
    match command {
        Command::Status => status(answer),
        Command::Mappings => mappings(answer),
        Command::Clients => table(entries(answer).iter(), CLIENTS)
            .unwrap_or_else(|| "no LAN host has mappings or pinholes\n".to_owned()),
        Command::Revoke { .. } => format!("removed {}\n{}", count(answer), mappings(answer)),
        Command::Link { .. } => lines(&link::rows(answer)),
        Command::Reload => reload(answer),
        Command::Stop { .. } => "stopped\n".to_owned(),
    }
}

/// A column: its head, and the text of an entry.
type Column = (&'static str, fn(&Value) -> String);

const CLIENTS: &[Column] = &[
    ("CLIENT", |entry| text(&entry["client"])),
    ("MAPPINGS", |entry| text(&entry["mappings"])),
    ("TCP", |entry| text(&entry["tcp"])),
    ("UDP", |entry| text(&entry["udp"])),
    ("PINHOLES", |entry| text(&entry["pinholes"])),
    ("BY", |entry| {
        let origins: Vec<String> = entries(&entry["origins"]).iter().map(text).collect();
        origins.join(", ")
    }),
];

const MAPPINGS: &[Column] = &[
    ("EXTERNAL", |entry| {
        format!("{}/{}", text(&entry["external-port"]), text(&entry["protocol"]))
    }),
    ("FROM", |entry| match &entry["remote-host"] {
        Value::Null => "anywhere".to_owned(),
        host => text(host),
    }),
    ("TO", |entry| {
        format!("{}:{}", text(&entry["internal-client"]), text(&entry["internal-port"]))
    }),
    ("ENDS IN", |entry| match entry["lease-seconds"].as_u64() {
        None => "never".to_owned(),
        Some(seconds) => span(seconds),
    }),
    ("", |entry| {
        if entry["enabled"] == Value::Bool(false) {
            "disabled"
        } else {
            ""
        }
        .to_owned()
    }),
    ("BY", |entry| text(&entry["origin"])),
    ("DESCRIPTION", |entry| text(&entry["description"])),
];

const PINHOLES: &[Column] = &[
    ("PINHOLE", |entry| text(&entry["unique-id"])),
    ("PROTOCOL", |entry| text(&entry["protocol"])),
    ("FROM", |entry| match (&entry["remote-host"], &entry["remote-port"]) {
        (Value::Null, Value::Null) => "anywhere".to_owned(),
        (Value::Null, port) => format!("port {}", text(port)),
        (host, Value::Null) => text(host),
        (host, port) => format!("[{}]:{}", text(host), text(port)),
    }),
    ("TO", |entry| {
        format!(
            "[{}]:{}",
            text(&entry["internal-client"]),
            text(&entry["internal-port"])
        )
    }),
    ("ENDS IN", |entry| {
        span(entry["lease-seconds"].as_u64().unwrap_or_default())
    }),
    ("BY", |entry| text(&entry["origin"])),
    ("REQUESTED BY", |entry| text(&entry["requested-by"])),
];

/// Mappings, and below them pinholes.
fn mappings(answer: &Value) -> String {
    let is_pinhole = |entry: &&Value| entry["kind"] == "pinhole";
    let mappings = entries(answer).iter().filter(|entry| !is_pinhole(entry));
    let pinholes = entries(answer).iter().filter(is_pinhole);
    let tables: Vec<String> = [table(mappings, MAPPINGS), table(pinholes, PINHOLES)]
        .into_iter()
        .flatten()
        .collect();
    match tables.is_empty() {
        true => "no mappings\n".to_owned(),
        false => tables.join("\n"),
    }
}

fn status(answer: &Value) -> String {
    let lans: Vec<String> = entries(&answer["lan"]).iter().map(text_of_lan).collect();
    let of = |entries: &Value| format!("{} of {}", text(&entries["count"]), text(&entries["capacity"]));
    let mut rows = vec![
        ("version", text(&answer["version"])),
        (
            "running for",
            span(answer["uptime-seconds"].as_u64().unwrap_or_default()),
        ),
        ("traffic", text(&answer["backend"])),
        ("WAN", text(&answer["wan"])),
    ];
    rows.extend(upstream(&answer["upstream"]));
    rows.extend(link::rows(answer));
    rows.extend([
        ("LAN", lans.join(", ")),
        ("mappings", of(&answer["mappings"])),
        ("pinholes", of(&answer["pinholes"])),
        ("connections", text(&answer["http-connections"])),
        ("port control", port_control(&answer["port-control"])),
    ]);
    lines(&rows)
}

/// The gateway in front of this one, where one is used.
fn upstream(seen: &Value) -> Option<Row> {
    let parts = ["gateway", "name", "protocol"].map(|part| text(&seen[part]));
    let external = match text(&seen["external-address"]) {
        address if address.is_empty() => "external address unknown".to_owned(),
        address => format!("external address {address}"),
    };
    let known = parts.into_iter().filter(|part| !part.is_empty()).chain([external]);
    seen.is_object()
        .then(|| ("upstream", known.collect::<Vec<_>>().join(", ")))
}

/// A name and a value.
pub(super) type Row = (&'static str, String);

pub(super) fn lines(rows: &[Row]) -> String {
    let mut out = String::new();
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", format!("{name:<17} {}", value.trim()).trim_end());
    }
    out
}

/// Which protocols are spoken besides UPnP, and where.
fn port_control(answer: &Value) -> String {
    let spoken = [("nat-pmp", "NAT-PMP"), ("pcp", "PCP")].map(|(key, name)| {
        match (answer["ipv4"][key] == true, answer["ipv6"][key] == true) {
            (true, true) => format!("{name} over IPv4 and IPv6"),
            (true, false) => format!("{name} over IPv4"),
            (false, true) => format!("{name} over IPv6"),
            (false, false) => String::new(),
        }
    });
    let spoken: Vec<String> = spoken.into_iter().filter(|text| !text.is_empty()).collect();
    match spoken.is_empty() {
        true => "off".to_owned(),
        false => spoken.join(", "),
    }
}

fn text_of_lan(lan: &Value) -> String {
    format!("{} {}", text(&lan["interface"]), text(&lan["address"]))
}

fn reload(answer: &Value) -> String {
    let list = |name: &str| entries(&answer[name]).iter().map(text).collect::<Vec<_>>().join(", ");
    match (list("changed"), list("needs-restart")) {
        (changed, restart) if changed.is_empty() && restart.is_empty() => "nothing changed\n".to_owned(),
        (changed, restart) if restart.is_empty() => format!("changed: {changed}\n"),
        (changed, restart) if changed.is_empty() => format!("changes that need a restart: {restart}\n"),
        (changed, restart) => format!("changed: {changed}\nchanges that need a restart: {restart}\n"),
    }
}

fn count(answer: &Value) -> String {
    let pinholes = entries(answer)
        .iter()
        .filter(|entry| entry["kind"] == "pinhole")
        .count();
    let several = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match (entries(answer).len() - pinholes, pinholes) {
        (mappings, 0) => several(mappings, "mapping"),
        (0, pinholes) => several(pinholes, "pinhole"),
        (mappings, pinholes) => format!("{} and {}", several(mappings, "mapping"), several(pinholes, "pinhole")),
    }
}

/// The entries in columns; `None` if there are none.
fn table<'a>(entries: impl Iterator<Item = &'a Value>, columns: &[Column]) -> Option<String> {
    let head = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let rows = entries.map(|entry| columns.iter().map(|(_, cell)| cell(entry)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    if rows.len() == 1 {
        return None;
    }
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let line: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.push_str(line.join("  ").trim_end());
        out.push('\n');
    }
    Some(out)
}

fn entries(answer: &Value) -> &[Value] {
    answer.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A value without the quotes of JSON, and without what could steer a terminal: descriptions are strangers' words.
pub(super) fn text(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

pub(super) fn span(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s}s"),
        (0, 0, m, s) => format!("{m}m{s:02}s"),
        (0, h, m, _) => format!("{h}h{m:02}m"),
        (d, h, ..) => format!("{d}d{h:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mappings_stand_in_columns() {
        let answer = json!([
            {"external-port": 8080, "protocol": "TCP", "remote-host": null, "internal-client": "192.168.77.10",
             "internal-port": 80, "enabled": true, "description": "web\u{1b}[31m", "lease-seconds": 3661, "origin": "pcp"},
            {"external-port": 443, "protocol": "TCP", "remote-host": "11.11.11.200", "internal-client": "192.168.77.10",
             "internal-port": 443, "enabled": false, "description": "", "lease-seconds": null, "origin": "static"},
        ]);
        let expected = "\
EXTERNAL  FROM          TO                ENDS IN            BY      DESCRIPTION
8080/TCP  anywhere      192.168.77.10:80  1h01m              pcp     web\u{fffd}[31m
443/TCP   11.11.11.200  192.168.77.10:443 never    disabled  static
";
        let rendered = render(&Command::Mappings, &answer);
        let squeeze = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(squeeze(&rendered), squeeze(expected));
        let start = |line: &str, word: &str| line.find(word).unwrap();
        let lines: Vec<&str> = rendered.lines().collect();
        assert_eq!(start(lines[0], "TO"), start(lines[1], "192.168.77.10:80"));
        assert_eq!(render(&Command::Mappings, &json!([])), "no mappings\n");
    }

    #[test]
    fn pinholes_stand_below_mappings() {
        let mapping = json!(
            {"kind": "mapping", "external-port": 8080, "protocol": "TCP", "remote-host": null, "enabled": true,
             "internal-client": "192.168.77.10", "internal-port": 80, "description": "", "lease-seconds": 60});
        let pinhole = |id: u16, host: Value, port: Value| {
            json!({"kind": "pinhole", "unique-id": id, "protocol": "UDP", "remote-host": host, "remote-port": port,
                   "internal-client": "fd77::10", "internal-port": 80, "lease-seconds": 65, "origin": "upnp",
                   "requested-by": "fd77::10"})
        };
        let all = json!([
            mapping,
            pinhole(7, Value::Null, json!(5)),
            pinhole(8, json!("2001:db8::7"), Value::Null)
        ]);
        let revoke = Command::Revoke {
            which: super::super::protocol::Selection::All,
        };
        let rendered = render(&revoke, &all);
        let lines: Vec<Vec<&str>> = rendered.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0].join(" "), "removed 1 mapping and 2 pinholes");
        assert_eq!(lines[3], [""; 0]);
        assert_eq!(
            lines[5],
            ["7", "UDP", "port", "5", "[fd77::10]:80", "1m05s", "upnp", "fd77::10"]
        );
        assert_eq!(lines[6][2], "2001:db8::7");
        let alone = render(&Command::Mappings, &json!([pinhole(7, json!("2001:db8::7"), json!(5))]));
        assert!(
            alone.starts_with("PINHOLE") && alone.contains("[2001:db8::7]:5"),
            "{alone}"
        );
        assert_eq!(count(&json!([pinhole(7, Value::Null, Value::Null)])), "1 pinhole");
    }

    #[test]
    fn who_speaks_what_is_told() {
        let spoken = |ipv4: [bool; 2], ipv6: bool| {
            port_control(
                &json!({"ipv4": {"nat-pmp": ipv4[0], "pcp": ipv4[1]}, "ipv6": {"nat-pmp": false, "pcp": ipv6}}),
            )
        };
        assert_eq!(spoken([true, true], true), "NAT-PMP over IPv4, PCP over IPv4 and IPv6");
        assert_eq!(spoken([false, false], true), "PCP over IPv6");
        assert_eq!(spoken([false, false], false), "off");
    }

    #[test]
    fn clients_stand_with_the_protocols_that_they_used() {
        let answer = json!([
            {"client": "192.168.77.10", "mappings": 2, "tcp": 1, "udp": 1, "pinholes": 0, "origins": ["pcp", "upnp"]},
        ]);
        let rendered = render(&Command::Clients, &answer);
        assert!(rendered.ends_with("  pcp, upnp\n"), "{rendered}");
    }

    #[test]
    fn a_gateway_upstream_is_one_row_and_none_is_no_row() {
        assert_eq!(upstream(&Value::Null), None);
        let mut seen =
            json!({"gateway": "192.168.78.1", "name": "router", "protocol": "PCP", "external-address": null});
        let row = |seen: &Value| upstream(seen).map(|(_, text)| text).unwrap_or_default();
        assert_eq!(row(&seen), "192.168.78.1, router, PCP, external address unknown");
        seen["external-address"] = json!("11.11.11.2");
        assert_eq!(row(&seen), "192.168.78.1, router, PCP, external address 11.11.11.2");
    }

    #[test]
    fn spans_are_short() {
        for (seconds, text) in [(5, "5s"), (65, "1m05s"), (3600, "1h00m"), (90_000, "1d01h")] {
            assert_eq!(span(seconds), text);
        }
    }
}
