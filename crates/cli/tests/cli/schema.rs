//! JSON.md, read as a schema: what it says about each field is held against what the tool prints.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value};

/// The fields of each section of JSON.md.
pub(crate) struct Schema {
    sections: BTreeMap<String, Vec<Field>>,
}

struct Field {
    name: String,
    kind: String,
    optional: bool,
}

impl Schema {
    /// Reads JSON.md.
    pub(crate) fn read() -> Self {
        let mut sections: BTreeMap<String, Vec<Field>> = BTreeMap::new();
        let mut inherited = Vec::new();
        let mut section = String::new();
        for line in include_str!("../../JSON.md").lines() {
            if let Some(title) = line.strip_prefix("### ") {
                title.clone_into(&mut section);
                sections.entry(section.clone()).or_default();
            } else if let Some(rest) = line.strip_prefix("All fields of `") {
                let (name, _) = rest.split_once('`').expect("names are closed");
                inherited.push((section.clone(), name.to_owned()));
            } else if let Some(row) = line.strip_prefix("| `") {
                let (name, rest) = row.split_once("` | ").expect("rows have a type");
                let (kind, _) = rest.split_once(" | ").expect("rows have a meaning");
                let required = kind.strip_suffix(", may be absent");
                sections.entry(section.clone()).or_default().push(Field {
                    name: name.to_owned(),
                    kind: required.unwrap_or(kind).to_owned(),
                    optional: required.is_some(),
                });
            }
        }
        for (heir, from) in inherited {
            let fields: Vec<Field> = sections[&from].iter().map(Field::copy).collect();
            sections.entry(heir).or_default().extend(fields);
        }
        Self { sections }
    }

    /// Holds a line of output against what is written.
    ///
    /// # Panics
    /// If a field is missing, is not described, or has another type.
    pub(crate) fn check(&self, line: &Value) {
        let mut fields = line.as_object().expect("a line is an object").clone();
        assert_eq!(fields.remove("schema"), Some(Value::from(1)), "{line}");
        let command = fields.remove("command").expect("every line names its command");
        let command = command.as_str().expect("commands are text");
        if let Some(event) = fields.remove("event") {
            let event = event.as_str().expect("events are text");
            return self.check_object(&fields, &format!("{command} event {event}"), line);
        }
        match fields.remove("ok") {
            Some(Value::Bool(true)) => self.check_value(&fields["result"], &format!("{command} result"), line),
            Some(Value::Bool(false)) => self.check_value(&fields["error"], "error", line),
            other => panic!("ok is {other:?}: {line}"),
        }
        assert_eq!(fields.len(), 1, "{line}");
    }

    fn check_object(&self, object: &Map<String, Value>, section: &str, line: &Value) {
        let fields = self.sections.get(section);
        let fields = fields.unwrap_or_else(|| panic!("JSON.md has no section {section:?}: {line}"));
        for field in fields {
            match object.get(&field.name) {
                Some(value) => self.check_value(value, &field.kind, line),
                None => assert!(field.optional, "{section}: {} is missing: {line}", field.name),
            }
        }
        for name in object.keys() {
            let described = fields.iter().any(|field| field.name == *name);
            assert!(described, "{section}: {name} is not described: {line}");
        }
    }

    fn check_value(&self, value: &Value, kind: &str, line: &Value) {
        if let Some(kind) = kind.strip_suffix(" or null") {
            if !value.is_null() {
                self.check_value(value, kind, line);
            }
        } else if let Some(kind) = kind.strip_prefix("list of ") {
            let list = value.as_array().unwrap_or_else(|| panic!("{value} is no list: {line}"));
            list.iter().for_each(|value| self.check_value(value, kind, line));
        } else {
            let fits = match kind {
                "text" => value.is_string(),
                "integer" => value.is_u64(),
                "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                "address" => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
                section => {
                    let object = value.as_object();
                    let object = object.unwrap_or_else(|| panic!("{value} is no {section}: {line}"));
                    return self.check_object(object, section, line);
                }
            };
            assert!(fits, "{value} is no {kind}: {line}");
        }
    }
}

impl Field {
    fn copy(&self) -> Self {
        Self {
            name: self.name.clone(),
            kind: self.kind.clone(),
            optional: self.optional,
        }
    }
}

#[test]
fn every_name_of_a_type_is_a_section() {
    let schema = Schema::read();
    let simple = ["text", "integer", "number", "boolean", "address"];
    for (section, fields) in &schema.sections {
        for field in fields {
            let kind = field.kind.trim_start_matches("list of ").trim_end_matches(" or null");
            assert!(
                simple.contains(&kind) || schema.sections.contains_key(kind),
                "{section}: {}: {kind}",
                field.name
            );
        }
    }
}
