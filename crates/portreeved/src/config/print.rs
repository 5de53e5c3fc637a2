//! Settings as TOML, and the difference between two of them.

use std::fmt::{Display, Write};

use super::Settings;
use super::keys::{Key, SECTIONS};
use super::lists::{RULE, RuleDraft, STATIC, StaticDraft};
use portreeve_wire::Quirk;

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At reload.
    Live,
    /// At the next start.
    Restart,
}

/// A key whose value differs between two settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Dotted path.
    pub key: String,
    /// When the new value takes effect.
    pub effect: Effect,
}

/// The settings as a configuration file that says everything.
pub fn to_toml(settings: &Settings) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        table(&mut text, &format!("[{}]", section.name), section.keys, settings);
    }
    text.push_str("[quirks]\n");
    for quirk in Quirk::ALL {
        line(&mut text, quirk.name(), &settings.quirks.has(*quirk).to_string());
    }
    text.push('\n');
    for rule in &settings.policy.rules {
        table(&mut text, "[[rule]]", RULE, &RuleDraft::from(rule));
    }
    for mapping in &settings.statics {
        table(&mut text, "[[static]]", STATIC, &StaticDraft::from(mapping));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The keys in which two settings differ.
pub fn changes(old: &Settings, new: &Settings) -> Vec<Changed> {
    let keys = SECTIONS.iter().flat_map(|section| {
        let changed = section.keys.iter().filter(|key| (key.show)(old) != (key.show)(new));
        changed.map(|key| Changed {
            key: format!("{}.{}", section.name, key.name),
            effect: key.effect,
        })
    });
    let live = |key: &str| Changed {
        key: key.to_owned(),
        effect: Effect::Live,
    };
    let show_rules = |settings: &Settings| {
        let rules = settings.policy.rules.iter().map(RuleDraft::from);
        rules.map(|rule| shown(RULE, &rule)).collect::<Vec<_>>()
    };
    keys.chain((old.quirks != new.quirks).then(|| live("quirks")))
        .chain((show_rules(old) != show_rules(new)).then(|| live("rule")))
        .chain((old.statics != new.statics).then(|| live("static")))
        .collect()
}

/// A text as TOML writes it.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A list of texts as TOML writes it.
pub(crate) fn quoted_list(items: &[impl Display]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

fn table<T>(text: &mut String, head: &str, keys: &[Key<T>], values: &T) {
    text.push_str(head);
    text.push('\n');
    for (name, value) in shown(keys, values) {
        line(text, name, &value);
    }
    text.push('\n');
}

fn shown<T>(keys: &[Key<T>], values: &T) -> Vec<(&'static str, String)> {
    keys.iter()
        .filter_map(|key| (key.show)(values).map(|value| (key.name, value)))
        .collect()
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name} = {value}");
}
