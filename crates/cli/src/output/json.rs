//! What the program prints with `--json`: one object a line. JSON.md describes it for those who read it.

use serde::Serialize;

use crate::exit::Failure;

/// Version of the form, raised when a field changes its meaning or goes; fields may be added without.
const SCHEMA: u8 = 1;

/// What every line starts with.
#[derive(Serialize)]
struct Line<'a, T> {
    schema: u8,
    command: &'a str,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize)]
struct Done<'a, T> {
    ok: bool,
    result: &'a T,
}

#[derive(Serialize)]
struct Failed<'a> {
    ok: bool,
    error: &'a Failure,
}

/// The last line of a command that did what was asked.
pub(super) fn result(command: &str, result: &impl Serialize) -> String {
    line(command, &Done { ok: true, result })
}

/// The last line of a command that failed.
pub(super) fn failure(command: &str, error: &Failure) -> String {
    line(command, &Failed { ok: false, error })
}

/// A line before the last: something happened. The event names itself in the field `event`.
pub(super) fn event(command: &str, event: &impl Serialize) -> String {
    line(command, event)
}

fn line(command: &str, content: &impl Serialize) -> String {
    let line = Line {
        schema: SCHEMA,
        command,
        content,
    };
    let mut text = serde_json::to_string(&line).expect("views are structs of strings and numbers");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_names_schema_and_command() {
        #[derive(Serialize)]
        #[serde(tag = "event", rename_all = "kebab-case")]
        enum Event {
            AddressChanged { to: u8 },
        }
        assert_eq!(
            event("map", &Event::AddressChanged { to: 7 }),
            "{\"schema\":1,\"command\":\"map\",\"event\":\"address-changed\",\"to\":7}\n"
        );
        assert_eq!(
            result("map", &7),
            "{\"schema\":1,\"command\":\"map\",\"ok\":true,\"result\":7}\n"
        );
        assert_eq!(
            failure("map", &Failure::usage("a", "b")),
            "{\"schema\":1,\"command\":\"map\",\"ok\":false,\
             \"error\":{\"code\":\"usage\",\"problem\":\"a\",\"remedy\":\"b\"}}\n"
        );
    }
}
