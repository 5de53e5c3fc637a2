//! What only the administrator may ask for: to remove what others made, and other settings.

use std::sync::Arc;

use portreeve_wire::{ErrorCode, Fault};

use super::Engine;
use crate::change::EntryKey;
use crate::config::Config;
use crate::context::Refused;
use crate::ledger::Ledger;
use crate::mapping::{Key, Mapping, Origin};
use crate::request::Entries;
use crate::time::Time;

impl Engine {
    /// Removes mappings and pinholes, or none of them if one is not for this to remove.
    pub(super) fn revoke(&mut self, keys: &[EntryKey], refusals: &[Refused]) -> Result<Entries, Fault> {
        if let Some(Refused { why, .. }) = refusals.first() {
            return Err(Fault::because(ErrorCode::ActionFailed, why.to_string()));
        }
        let mut found = Entries::default();
        for key in keys {
            match key {
                EntryKey::Mapping(key) => found.mappings.extend(self.ledger.table().find(key).cloned()),
                EntryKey::Pinhole(key) => found.pinholes.extend(self.ledger.pinholes().find(key).cloned()),
            }
        }
        if let Some(fixed) = found.mappings.iter().find(|mapping| mapping.origin == Origin::Static) {
            let reason = format!(
                "{} is written in the configuration; remove it there and reload",
                fixed.key
            );
            return Err(Fault::because(ErrorCode::ActionNotAuthorized, reason));
        }
        keys.iter().for_each(|key| self.remove(*key));
        Ok(found)
    }

    /// Replaces the settings.
    pub(super) fn reconfigure(&mut self, config: &Config, refusals: &[Refused], now: Time) -> Result<(), Fault> {
        if let Some(Refused { place, why }) = refusals.first() {
            return Err(Fault::because(
                ErrorCode::ActionFailed,
                format!("static mapping {place}: {why}"),
            ));
        }
        if config.statics != self.config.statics {
            enter_statics(&mut self.ledger, &self.config.statics, &config.statics);
            self.system_update_id = self.system_update_id.wrapping_add(1);
        }
        self.link.configure(config, now);
        if config.nat != self.config.nat {
            // WANIPConnection:2 section 2.3.21: what mappings do is another thing from now on.
            self.system_update_id = self.system_update_id.wrapping_add(1);
        }
        let before = std::mem::replace(&mut self.config, config.clone());
        self.group.config_before.get_or_insert(before);
        Ok(())
    }
}

/// Replaces the administrator's mappings by others. Mappings of clients that stand in the way of a new one go; one that
/// leads to the same socket does not.
pub(super) fn enter_statics(ledger: &mut Ledger, before: &[Arc<Mapping>], after: &[Arc<Mapping>]) {
    for gone in before.iter().filter(|mapping| !after.contains(mapping)) {
        ledger.remove(gone.key);
    }
    for mapping in after {
        let Key {
            external_port,
            protocol,
            ..
        } = mapping.key;
        let in_the_way: Vec<Key> = ledger
            .table()
            .at_port(external_port, protocol)
            .filter(|row| row.origin != Origin::Static)
            .filter(|row| row.key == mapping.key || row.socket() != mapping.socket())
            .map(|row| row.key)
            .collect();
        in_the_way.into_iter().for_each(|key| ledger.remove(key));
        ledger.put(Mapping::clone(mapping));
    }
}
