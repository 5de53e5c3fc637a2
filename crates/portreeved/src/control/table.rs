//! Answers of the daemon for people.

use std::fmt::Write;

use serde_json::Value;

use super::protocol::Command;

/// What a person sees of an answer.
pub(super) fn render(command: &Command, answer: &Value) -> String {
    match command {
        Command::Status => status(answer),
        Command::Mappings => mappings(answer),
        Command::Clients => table(answer, CLIENTS, "no LAN host has mappings"),
        Command::Revoke { .. } => format!("removed {}\n{}", count(answer), mappings(answer)),
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
    ("DESCRIPTION", |entry| text(&entry["description"])),
];

fn mappings(answer: &Value) -> String {
    table(answer, MAPPINGS, "no mappings")
}

fn status(answer: &Value) -> String {
    let connection = &answer["connection"];
    let address = match text(&connection["external-address"]) {
        address if address.is_empty() => "unknown".to_owned(),
        address => address,
    };
    let lans: Vec<String> = entries(&answer["lan"]).iter().map(text_of_lan).collect();
    let rows = [
        ("version", text(&answer["version"])),
        (
            "running for",
            span(answer["uptime-seconds"].as_u64().unwrap_or_default()),
        ),
        ("traffic", text(&answer["backend"])),
        (
            "WAN",
            format!("{} {}", text(&answer["wan"]), text(&connection["status"])),
        ),
        ("external address", address),
        ("LAN", lans.join(", ")),
        (
            "mappings",
            format!(
                "{} of {}",
                text(&answer["mappings"]["count"]),
                text(&answer["mappings"]["capacity"])
            ),
        ),
        ("connections", text(&answer["http-connections"])),
    ];
    let mut out = String::new();
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<17} {}", value.trim());
    }
    out
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
    match entries(answer).len() {
        1 => "1 mapping".to_owned(),
        count => format!("{count} mappings"),
    }
}

fn table(answer: &Value, columns: &[Column], nothing: &str) -> String {
    let entries = entries(answer);
    if entries.is_empty() {
        return format!("{nothing}\n");
    }
    let head = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let rows = entries
        .iter()
        .map(|entry| columns.iter().map(|(_, cell)| cell(entry)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
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
    out
}

fn entries(answer: &Value) -> &[Value] {
    answer.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A value without the quotes of JSON, and without what could steer a terminal: descriptions are strangers' words.
fn text(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn span(seconds: u64) -> String {
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
             "internal-port": 80, "enabled": true, "description": "web\u{1b}[31m", "lease-seconds": 3661},
            {"external-port": 443, "protocol": "TCP", "remote-host": "11.11.11.200", "internal-client": "192.168.77.10",
             "internal-port": 443, "enabled": false, "description": "", "lease-seconds": null},
        ]);
        let expected = "\
EXTERNAL  FROM          TO                ENDS IN            DESCRIPTION
8080/TCP  anywhere      192.168.77.10:80  1h01m              web\u{fffd}[31m
443/TCP   11.11.11.200  192.168.77.10:443 never    disabled
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
    fn spans_are_short() {
        for (seconds, text) in [(5, "5s"), (65, "1m05s"), (3600, "1h00m"), (90_000, "1d01h")] {
            assert_eq!(span(seconds), text);
        }
    }
}
