//! Takes a TOML document into settings, key by key, and collects everything that is wrong with it.

use std::collections::BTreeMap;

use portreeve_wire::Quirk;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Settings;
use super::item::{Item, Wrong};
use super::keys::{Key, LATER, SECTIONS};
use super::lists::{RULE, RuleDraft, STATIC, StaticDraft};
use super::problem::Problem;

/// Reads documents one after the other into the same settings, later ones overriding earlier ones.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What has been read so far.
    pub(super) settings: Settings,
    /// What was wrong so far.
    pub(super) problems: Vec<Problem>,
    places: BTreeMap<String, String>,
}

/// A document's text and what to call it.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// File name or option.
    pub(super) name: &'a str,
    /// Whether lines are worth naming.
    pub(super) lines: Lines,
}

/// Whether the lines of a text are worth naming.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// A file has lines.
    Counted,
    /// An option has one.
    Single,
}

impl Reader {
    /// Takes in a document as far as it makes sense.
    pub(super) fn read(&mut self, text: Text<'_>) {
        let (document, errors) = DeTable::parse_recoverable(text.text);
        for error in errors {
            let place = text.place(error.span().map_or(0, |span| span.start));
            self.wrong(place, "", format!("not TOML: {}", error.message()));
        }
        for (name, value) in document.get_ref() {
            self.top(text, name.get_ref(), value);
        }
    }

    /// Adds a problem with a key that only shows beside other keys.
    pub(super) fn wrong_key(&mut self, key: &str, what: Wrong) {
        let place = self.places.get(key).cloned();
        self.wrong(place.unwrap_or_else(|| "settings".to_owned()), key, what);
    }

    fn top(&mut self, text: Text<'_>, name: &str, value: &Spanned<DeValue<'_>>) {
        match (name, value.get_ref()) {
            ("rule", DeValue::Array(_)) => {
                let rules = self.tables(text, name, value, RULE, RuleDraft::finish);
                self.settings.policy.rules = rules;
            }
            ("static", DeValue::Array(_)) => {
                self.settings.statics = self.tables(text, name, value, STATIC, StaticDraft::finish);
            }
            ("rule" | "static", _) => {
                let what = format!("is a list; write [[{name}]] with two brackets");
                self.wrong(text.place(value.span().start), name, what);
            }
            ("quirks", DeValue::Table(table)) => self.quirks(text, table),
            (_, DeValue::Table(table)) => match SECTIONS.iter().find(|section| section.name == name) {
                Some(section) => {
                    let mut settings = std::mem::take(&mut self.settings);
                    self.table(text, name, table, section.keys, &mut settings);
                    self.settings = settings;
                }
                None => self.unknown(text, name, value, &section_names()),
            },
            _ => self.unknown(text, name, value, &section_names()),
        }
    }

    fn table<T>(&mut self, text: Text<'_>, path: &str, table: &DeTable<'_>, keys: &[Key<T>], into: &mut T) {
        // In the order of the keys, so that what one key means for another does not depend on the file's order.
        for key in keys {
            let Some(value) = table.get(key.name) else { continue };
            let place = text.place(value.span().start);
            let key_path = format!("{path}.{}", key.name);
            self.places.insert(key_path.clone(), place.clone());
            if let Err(what) = (key.set)(into, Item(value.get_ref())) {
                self.wrong(place, &key_path, what);
            }
        }
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        for (name, value) in table {
            if !names.contains(&name.get_ref().as_ref()) {
                self.unknown(text, &format!("{path}.{}", name.get_ref()), value, &names);
            }
        }
    }

    fn tables<T: Default, U>(
        &mut self,
        text: Text<'_>,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        keys: &[Key<T>],
        finish: fn(T) -> Result<U, Wrong>,
    ) -> Vec<U> {
        let mut finished = Vec::new();
        for (index, element) in value.get_ref().as_array().into_iter().flatten().enumerate() {
            let path = format!("{name}[{}]", index + 1);
            let place = text.place(element.span().start);
            let Some(table) = element.get_ref().as_table() else {
                self.wrong(place, &path, Item(element.get_ref()).must("be a table"));
                continue;
            };
            let mut draft = T::default();
            let before = self.problems.len();
            self.table(text, &path, table, keys, &mut draft);
            match finish(draft) {
                Ok(done) => {
                    self.places.insert(path, place);
                    finished.push(done);
                }
                // A key that is there but wrong has been reported already.
                Err(what) if self.problems.len() == before => self.wrong(place, &path, what),
                Err(_) => {}
            }
        }
        finished
    }

    fn quirks(&mut self, text: Text<'_>, table: &DeTable<'_>) {
        for (name, value) in table {
            let path = format!("quirks.{}", name.get_ref());
            let Some(quirk) = Quirk::ALL.iter().find(|quirk| quirk.name() == name.get_ref().as_ref()) else {
                let names: Vec<&str> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
                self.unknown(text, &path, value, &names);
                continue;
            };
            match Item(value.get_ref()).switch() {
                Ok(true) => self.settings.quirks = self.settings.quirks.with(*quirk),
                Ok(false) => self.settings.quirks = self.settings.quirks.without(*quirk),
                Err(what) => self.wrong(text.place(value.span().start), &path, what),
            }
        }
    }

    fn unknown(&mut self, text: Text<'_>, path: &str, value: &Spanned<DeValue<'_>>, known: &[&str]) {
        let what = match LATER.contains(&path) {
            true => "not supported by this version; remove it".to_owned(),
            false => format!("unknown key; known here: {}", known.join(", ")),
        };
        self.wrong(text.place(value.span().start), path, what);
    }

    fn wrong(&mut self, place: String, key: &str, what: Wrong) {
        self.problems.push(Problem {
            place,
            key: key.to_owned(),
            what,
        });
    }
}

impl Text<'_> {
    fn place(self, offset: usize) -> String {
        if self.lines == Lines::Single {
            return self.name.to_owned();
        }
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("{}:{line}", self.name)
    }
}

fn section_names() -> Vec<&'static str> {
    let lists = ["quirks", "rule", "static"];
    SECTIONS.iter().map(|section| section.name).chain(lists).collect()
}
