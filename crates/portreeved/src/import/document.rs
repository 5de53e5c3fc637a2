//! Our configuration, composed of what miniupnpd's says.

use std::collections::BTreeMap;
use std::fmt::Write;

use portreeve_engine::policy::Network;

use super::file::{Content, File, Line};
use super::leases::Lease;
use super::options::{self, Meaning, Value};
use super::permissions;
use crate::config::{check_text, quoted, quoted_list};

/// What else must be known.
pub(super) struct Context<'a> {
    /// Name of the file that is read.
    pub(super) name: &'a str,
    /// Which interface of this machine has an address in a network.
    pub(super) interface_with: &'a dyn Fn(Network) -> Option<String>,
    /// The leases that are taken over.
    pub(super) leases: &'a [Lease],
}

/// What is collected before it is written down.
#[derive(Default)]
struct Draft {
    /// By section and key: value, and the comments above it. Of several lines with an option, the last counts.
    keys: BTreeMap<(&'static str, &'static str), (String, Vec<String>)>,
    lan: Vec<String>,
    lan_comments: Vec<String>,
    /// Whole `[[rule]]` entries.
    rules: Vec<String>,
    /// Whether a rule decides on whatever no earlier one does.
    has_last_rule: bool,
    /// Lines that have no equivalent.
    lost: Vec<String>,
}

/// The text of our configuration file.
pub(super) fn compose(file: &File, context: &Context<'_>) -> String {
    let mut draft = Draft::default();
    for line in &file.lines {
        match &line.content {
            Content::Option { name, value } => draft.option(line, name, value, context),
            Content::Permission(words) => draft.permission(line, words),
            Content::Unclear => draft.lose(line, "this is neither an option nor a rule"),
        }
    }
    draft.finish(file, context)
}

impl Draft {
    fn option(&mut self, line: &Line, name: &str, value: &str, context: &Context<'_>) {
        match options::meaning(name) {
            None => self.lose(line, "this is no option of miniupnpd that is known here"),
            Some(Meaning::Nothing(why)) => self.lose(line, why),
            Some(Meaning::Lan) => self.lan(line, value, context),
            Some(Meaning::PortControl) => {
                let is_on = options::is_on(value).to_string();
                self.set(line, "pcp.enabled", is_on.clone());
                self.set(line, "nat-pmp.enabled", is_on);
            }
            Some(Meaning::Key { key, value: read }) => match read(value) {
                Value::Is(value) => self.set(line, key, value),
                Value::Default => self.lose(line, "that is so without saying it"),
                Value::Lost(why) => self.lose(line, why),
            },
        }
    }

    fn set(&mut self, line: &Line, path: &'static str, value: String) {
        if let Some(why) = self.objection(path, &value) {
            return self.lose(line, &why);
        }
        let place = path.split_once('.').unwrap_or(("", path));
        if let Some((_, earlier)) = self.keys.insert(place, (value, vec![origin(line)])) {
            self.lost.extend(
                earlier
                    .into_iter()
                    .map(|line| format!("{line}: a later line says otherwise")),
            );
        }
    }

    /// What our own reader has against a key beside those that are there: such a line is told, not written.
    fn objection(&self, path: &str, value: &str) -> Option<String> {
        let mut text = format!("{path} = {value}\n");
        if !self.lan.is_empty() && path != "network.lan" {
            let _ = writeln!(text, "network.lan = {}", quoted_list(&self.lan));
        }
        for ((section, key), (value, _)) in &self.keys {
            if format!("{section}.{key}") != path {
                let _ = writeln!(text, "{section}.{key} = {value}");
            }
        }
        let problems = check_text(&text).err()?.0;
        let what: Vec<_> = problems
            .iter()
            .map(|problem| format!("{} {}", problem.key, problem.what))
            .collect();
        Some(what.join("; "))
    }

    fn lan(&mut self, line: &Line, value: &str, context: &Context<'_>) {
        // After an interface, the ports of that bridge may follow; after an address, an external one.
        let Some(first) = value.split_whitespace().next() else {
            return self.lose(line, "there is nothing");
        };
        let interface = match first.parse::<Network>() {
            Ok(network) => (context.interface_with)(network),
            Err(_) => Some(first.to_owned()),
        };
        match interface {
            Some(interface) => {
                let mut lan = self.lan.clone();
                if !lan.contains(&interface) {
                    lan.push(interface);
                }
                if let Some(why) = self.objection("network.lan", &quoted_list(&lan)) {
                    return self.lose(line, &why);
                }
                self.lan = lan;
                self.lan_comments.push(origin(line));
            }
            None => self.lose(
                line,
                "no interface of this machine has that address; name the interface in network.lan",
            ),
        }
    }

    fn permission(&mut self, line: &Line, words: &[String]) {
        let mut permission = match permissions::read(words) {
            Ok(permission) => permission,
            Err(why) => return self.lose(line, &why),
        };
        let action = if permission.allows { "allow" } else { "deny" };
        let mut comment = origin(line);
        let entry = |keys: &[String]| format!("[[rule]]\naction = \"{action}\"\n{}\n", keys.join("\n"));
        if let Err(problems) = check_text(&entry(&permission.keys)) {
            if permission.allows {
                return self.lose(line, &problems.to_string());
            }
            // Rather too much is denied than too little.
            permission.keys.retain(|key| !key.starts_with("description"));
            comment.push_str("\n# Its pattern is not understood: it denies whatever the description.");
        }
        self.has_last_rule |= permission.is_last;
        self.rules.push(format!("{comment}\n{}", entry(&permission.keys)));
    }

    fn lose(&mut self, line: &Line, why: &str) {
        self.lost.push(format!("{}: {why}", origin(line)));
    }

    fn finish(self, file: &File, context: &Context<'_>) -> String {
        let mut text = format!("# portreeved.toml, made from {}.\n", context.name);
        let mut keys = self.keys;
        if !self.lan.is_empty() {
            keys.insert(("network", "lan"), (quoted_list(&self.lan), self.lan_comments));
        }
        let mut section = "";
        for ((name, key), (value, comments)) in &keys {
            if *name != section {
                section = name;
                let _ = write!(text, "\n[{name}]\n");
            }
            let _ = write!(text, "{}\n{key} = {value}\n", comments.join("\n"));
        }
        text.push_str(&rules(self.rules, self.has_last_rule, context.leases));
        let differences = differences(file);
        if !differences.is_empty() {
            text.push_str("\n# What the file does not say, and is otherwise here:\n");
            text.extend(differences.iter().map(|line| format!("# - {line}\n")));
        }
        if !self.lost.is_empty() {
            text.push_str("\n# Without an equivalent:\n");
            text.extend(self.lost.iter().map(|line| format!("{line}\n")));
        }
        text
    }
}

/// The line that something comes from, as a comment.
fn origin(line: &Line) -> String {
    format!("# line {}: {}", line.number, line.text)
}

fn rules(written: Vec<String>, has_last: bool, leases: &[Lease]) -> String {
    let mut rules = written;
    match rules.is_empty() {
        true => {
            let low = |lease: &&Lease| lease.external_port.get() < 1024 || lease.internal_port.get() < 1024;
            rules.extend(leases.iter().filter(low).map(for_lease));
            if !rules.is_empty() {
                rules.push(
                    "# What everybody may have without these rules.\n[[rule]]\naction = \"allow\"\nexternal-ports = \
                     \"1024-65535\"\ninternal-ports = \"1024-65535\"\n"
                        .to_owned(),
                );
            }
        }
        false => {
            if !has_last {
                rules.push(
                    "# What no rule names, miniupnpd allows.\n[[rule]]\naction = \"allow\"\nclient = \"0.0.0.0/0\"\n"
                        .to_owned(),
                );
            }
            rules.push(
                "# The rules of miniupnpd say nothing of IPv6.\n[[rule]]\naction = \"allow\"\nclient = \"::/0\"\n\
                 external-ports = \"1024-65535\"\n"
                    .to_owned(),
            );
        }
    }
    rules.iter().map(|rule| format!("\n{rule}")).collect()
}

/// A lease that the usual rule does not let be renewed.
fn for_lease(lease: &Lease) -> String {
    format!(
        "# There is a lease of it.\n[[rule]]\naction = \"allow\"\nclient = {}\nprotocol = {}\nexternal-ports = {}\n\
         internal-ports = {}\n",
        quoted(&lease.client.to_string()),
        quoted(&lease.protocol.name().to_ascii_lowercase()),
        quoted(&lease.external_port.to_string()),
        quoted(&lease.internal_port.to_string()),
    )
}

/// Where the defaults differ in a way that somebody may notice.
fn differences(file: &File) -> Vec<&'static str> {
    let says = |names: &[&str]| names.iter().any(|name| file.value(name).is_some());
    let has_rules = file
        .lines
        .iter()
        .any(|line| matches!(line.content, Content::Permission(_)));
    [
        (
            !has_rules,
            "clients may have ports from 1024 on only; miniupnpd without rules gives them all",
        ),
        (
            !says(&["secure_mode", "pcp_allow_thirdparty"]),
            "hosts map ports to themselves only (access.own-address-only)",
        ),
        (
            !says(&["enable_natpmp", "enable_pcp_pmp"]),
            "PCP and NAT-PMP are spoken (pcp.enabled, nat-pmp.enabled)",
        ),
        (
            !says(&["http_port", "port"]),
            "the port of HTTP is always the same (gateway.http-port)",
        ),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use portreeve_engine::config::Nat;
    use portreeve_engine::policy::{Reach, Subject};
    use proptest::prelude::*;

    use super::super::leases;
    use super::*;
    use crate::config::Settings;

    fn imported(text: &str, leases: &str) -> (String, Settings) {
        let context = Context {
            name: "miniupnpd.conf",
            interface_with: &|network| network.contains([192, 168, 77, 1]).then(|| "br-lan".to_owned()),
            leases: &leases::read(leases).leases,
        };
        let document = compose(&File::read(text), &context);
        let settings = check_text(&document).unwrap_or_else(|problems| panic!("{problems}\n{document}"));
        (document, settings)
    }

    fn allows(settings: &Settings, client: &str, external_port: u16, internal_port: u16, description: &str) -> bool {
        settings.policy.allows(Subject {
            client: client.parse::<IpAddr>().unwrap(),
            external_port: external_port.try_into().unwrap(),
            internal_port: internal_port.try_into().unwrap(),
            protocol: Some(portreeve_engine::Protocol::Tcp),
            description,
        })
    }

    #[test]
    fn options_become_keys_and_the_rest_is_told_by_line() {
        let (document, settings) = imported(
            "ext_ifname=wan0\nlistening_ip=192.168.77.1/24\nlistening_ip=eth1 eth2\nlistening_ip=10.1.1.1\n\
             ext_ip=11.11.11.99\nenable_natpmp=no\nmin_lifetime=300\nsecure_mode=no\nforce_igd_desc_v1=yes\n\
             http_port=0\nport=4000\nuuid=1F0E3DAD-9990-4345-b743-9f8ffabdffc4\nuuid=rubbish\nfriendly_name=My \"router\"\n\
             bitrate_up=1\nmystery=1\nnonsense\n",
            "",
        );
        assert_eq!(settings.network.wan.as_deref(), Some("wan0"));
        assert_eq!(settings.network.lan, ["br-lan", "eth1"]);
        assert_eq!(settings.gateway.http_port, 4000);
        assert_eq!(settings.gateway.name, "My \"router\"");
        assert_eq!(settings.gateway.nat, Nat::Enabled);
        assert_eq!(
            settings.gateway.uuid.as_deref(),
            Some("1f0e3dad-9990-4345-b743-9f8ffabdffc4")
        );
        assert_eq!(settings.policy.reach, Reach::Everyone);
        assert!(!settings.pcp.enabled && !settings.nat_pmp.enabled);
        assert_eq!(settings.pcp.minimum_lifetime, 300);
        for told in [
            "# line 4: listening_ip=10.1.1.1: no interface of this machine has that address",
            "# line 10: http_port=0: a port that nobody knows before",
            "# line 13: uuid=rubbish: gateway.uuid must be",
            "# line 15: bitrate_up=1: the speed",
            "# line 16: mystery=1: this is no option",
            "# line 17: nonsense: this is neither",
        ] {
            assert!(document.contains(told), "{told}\n{document}");
        }
        assert!(!document.contains("own-address-only)"), "that is said: {document}");
    }

    #[test]
    fn rules_decide_as_they_did() {
        let (_, settings) = imported(
            "allow 1024-65535 192.168.77.0/24 1024-65535\nallow 80 192.168.77.10/32 8080 ^web\n\
             deny 0-65535 0.0.0.0/0 0-65535\n",
            "",
        );
        assert!(allows(&settings, "192.168.77.200", 5000, 5000, ""));
        assert!(allows(&settings, "192.168.77.10", 80, 8080, "web"));
        assert!(!allows(&settings, "192.168.77.10", 80, 8080, "game"));
        assert!(!allows(&settings, "192.168.78.1", 5000, 5000, ""));
        assert!(allows(&settings, "fd77::10", 5000, 5000, ""));

        let (_, settings) = imported("deny 80 192.168.77.10 0-65535\n", "");
        assert!(!allows(&settings, "192.168.77.10", 80, 80, ""));
        assert!(
            allows(&settings, "192.168.77.10", 81, 81, ""),
            "what no rule names is allowed"
        );
    }

    #[test]
    fn a_pattern_that_is_not_understood_allows_nothing_and_denies_all() {
        let (document, settings) = imported(
            "allow 80 192.168.77.10 80 [\ndeny 1024-2000 192.168.77.0/24 1-65535 [\nallow 1-65535 0.0.0.0/0 1-65535\n",
            "",
        );
        assert!(document.contains("# line 1: allow"), "{document}");
        assert!(!allows(&settings, "192.168.77.10", 1500, 1500, ""));
    }

    #[test]
    fn without_rules_a_lease_below_1024_can_be_renewed() {
        let leases = "TCP:443:192.168.77.10:8443:0:web\nUDP:5000:192.168.77.11:5000:0:game\n";
        let (_, settings) = imported("", leases);
        assert!(allows(&settings, "192.168.77.10", 443, 8443, ""));
        assert!(!allows(&settings, "192.168.77.11", 443, 8443, ""));
        assert!(allows(&settings, "192.168.77.11", 5000, 5000, ""));
    }

    proptest! {
        /// Whatever the file says, what is written is a configuration.
        #[test]
        fn every_file_becomes_a_configuration(
            lines in prop::collection::vec("(ext_ifname|uuid|listening_ip|friendly_name|http_port|min_lifetime|ext_ip)=.{0,20}|(allow|deny) [0-9-]{1,6} [0-9./]{1,10} [0-9-]{1,6}( .{0,6})?|.{0,20}", 0..8)
        ) {
            imported(&lines.join("\n"), "");
        }
    }
}
