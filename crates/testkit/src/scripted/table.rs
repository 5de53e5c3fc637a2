use std::time::{Duration, Instant};

/// One mapping in the gateway's table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortMapping {
    /// Empty for anybody.
    pub remote_host: String,
    /// Port on the external address.
    pub external_port: u16,
    /// `TCP` or `UDP`, or whatever the client wrote.
    pub protocol: String,
    /// Port of the internal client.
    pub internal_port: u16,
    /// Address or name of the internal client.
    pub internal_client: String,
    /// NewEnabled.
    pub enabled: bool,
    /// NewPortMappingDescription.
    pub description: String,
    /// Seconds granted; 0 is for ever.
    pub lease: u32,
    /// When the gateway drops it: the end of the lease, or sooner for a gateway that forgets.
    pub(super) ends: Option<Instant>,
}

impl PortMapping {
    /// An enabled, permanent mapping for any remote host, without description.
    pub fn new(protocol: &str, external_port: u16, internal_client: &str, internal_port: u16) -> Self {
        Self {
            remote_host: String::new(),
            external_port,
            protocol: protocol.to_owned(),
            internal_port,
            internal_client: internal_client.to_owned(),
            enabled: true,
            description: String::new(),
            lease: 0,
            ends: None,
        }
    }

    /// The same for one remote host.
    #[must_use]
    pub fn remote_host(mut self, address: &str) -> Self {
        address.clone_into(&mut self.remote_host);
        self
    }

    /// The same with a description.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// The same with a lease in seconds; it starts when the mapping enters a table.
    #[must_use]
    pub fn lease(mut self, seconds: u32) -> Self {
        self.lease = seconds;
        self
    }

    /// Seconds left of the lease, rounded up; 0 for a permanent one.
    pub(super) fn remaining(&self, now: Instant) -> u64 {
        match (self.lease, self.ends) {
            (0, _) | (_, None) => 0,
            (_, Some(ends)) => {
                let left = ends.saturating_duration_since(now);
                left.as_secs() + u64::from(left.subsec_nanos() > 0)
            }
        }
    }

    pub(super) fn has_key(&self, remote_host: &str, external_port: u16, protocol: &str) -> bool {
        self.remote_host == remote_host && self.shares_port(external_port, protocol)
    }

    pub(super) fn shares_port(&self, external_port: u16, protocol: &str) -> bool {
        self.external_port == external_port && self.protocol.eq_ignore_ascii_case(protocol)
    }
}

/// The mappings of one connection in the order of their array, and its SystemUpdateID.
#[derive(Debug)]
pub struct MappingTable {
    entries: Vec<PortMapping>,
    update_id: u32,
    now: Instant,
}

impl MappingTable {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            entries: Vec::new(),
            update_id: 0,
            now,
        }
    }

    /// The mappings in force.
    pub fn entries(&self) -> &[PortMapping] {
        &self.entries
    }

    /// Number of changes since the gateway started.
    pub fn update_id(&self) -> u32 {
        self.update_id
    }

    /// The entry with exactly this RemoteHost, ExternalPort and protocol.
    pub fn find(&self, remote_host: &str, external_port: u16, protocol: &str) -> Option<&PortMapping> {
        self.entries
            .iter()
            .find(|entry| entry.has_key(remote_host, external_port, protocol))
    }

    /// Adds a mapping, or replaces the one with the same key in its place. Its lease starts now.
    pub fn put(&mut self, mapping: PortMapping) {
        let ends = (mapping.lease > 0).then(|| self.now + Duration::from_secs(mapping.lease.into()));
        self.put_until(mapping, ends);
    }

    pub(super) fn put_until(&mut self, mut mapping: PortMapping, ends: Option<Instant>) {
        mapping.ends = ends;
        let same = self
            .entries
            .iter_mut()
            .find(|entry| entry.has_key(&mapping.remote_host, mapping.external_port, &mapping.protocol));
        match same {
            Some(entry) => *entry = mapping,
            None => self.entries.push(mapping),
        }
        self.update_id += 1;
    }

    /// Removes all mappings for which `condition` holds, as one change; returns how many there were.
    pub fn remove_where(&mut self, condition: impl Fn(&PortMapping) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !condition(entry));
        let removed = before - self.entries.len();
        self.update_id += u32::from(removed > 0);
        removed
    }

    /// Sets the table's clock and drops what has ended.
    pub(super) fn advance_to(&mut self, now: Instant) {
        self.now = now;
        self.remove_where(|entry| entry.ends.is_some_and(|ends| ends <= now));
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_count_down_and_end() {
        let start = Instant::now();
        let mut table = MappingTable::new(start);
        table.put(PortMapping::new("TCP", 80, "192.168.77.11", 8080).lease(10));
        table.put(PortMapping::new("UDP", 80, "192.168.77.11", 8080));
        table.advance_to(start + Duration::from_millis(3500));
        assert_eq!(table.entries()[0].remaining(table.now()), 7);
        table.advance_to(start + Duration::from_secs(10));
        assert_eq!(table.entries().len(), 1);
        assert_eq!((table.entries()[0].protocol.as_str(), table.update_id()), ("UDP", 3));
    }
}
