//! Which service, action or argument a person means.

use super::{Action, name_and_version};
use crate::error::InvalidRequest;
use crate::gateway::OfferedService;

/// The service that is meant by its type or its identifier, as a URN, or by the name in either: `WANIPConnection`,
/// `WANIPConnection:2`, `WANIPConn1`. Letter case does not matter. Of several, the first.
pub(super) fn service<'a>(offered: &[&'a OfferedService], meant: &str) -> Result<&'a OfferedService, InvalidRequest> {
    let meant = meant.trim();
    let names: [fn(&OfferedService) -> String; 5] = [
        |service| service.service_type.trim().to_owned(),
        |service| service.service_id.trim().to_owned(),
        |service| match name_and_version(&service.service_type) {
            (name, Some(version)) => format!("{name}:{version}"),
            (name, None) => name.to_owned(),
        },
        |service| name_and_version(&service.service_type).0.to_owned(),
        |service| {
            service
                .service_id
                .rsplit(':')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        },
    ];
    let found = names.iter().find_map(|name| {
        let mut offered = offered.iter().copied();
        offered.find(|service| name(service).eq_ignore_ascii_case(meant))
    });
    found.ok_or_else(|| InvalidRequest::Value {
        what: "service",
        value: meant.to_owned(),
        problem: format!("the gateway has {}", list(offered.iter().copied().map(names[2]))),
    })
}

/// The action of this name.
pub(super) fn action<'a>(actions: &'a [Action], meant: &str) -> Result<&'a Action, InvalidRequest> {
    let meant = meant.trim();
    let exact = actions.iter().find(|action| action.name == meant);
    let found = exact.or_else(|| actions.iter().find(|action| action.name.eq_ignore_ascii_case(meant)));
    found.ok_or_else(|| InvalidRequest::Value {
        what: "action",
        value: meant.to_owned(),
        problem: format!(
            "the service has {}",
            list(actions.iter().map(|action| action.name.clone()))
        ),
    })
}

/// Whether a person who writes this means the argument: letter case does not matter, nor does the `New` that the names
/// of most arguments begin with.
pub(super) fn means(meant: &str, argument: &str) -> bool {
    bare(meant.trim()).eq_ignore_ascii_case(bare(argument))
}

/// The name without its `New`.
fn bare(name: &str) -> &str {
    match name.split_at_checked(3) {
        Some((new, rest)) if new.eq_ignore_ascii_case("New") && !rest.is_empty() => rest,
        _ => name,
    }
}

/// Names, as a sentence has them: as many as are read to the end.
pub(super) fn list(names: impl Iterator<Item = String>) -> String {
    const MOST_LETTERS: usize = 100;
    let names: Vec<String> = names.collect();
    let mut letters = 0;
    let fits = |name: &&String| {
        letters += name.len() + 2;
        letters <= MOST_LETTERS
    };
    let shown: Vec<&str> = names.iter().take_while(fits).map(String::as_str).collect();
    match (shown.len(), names.len() - shown.len()) {
        (0, 0) => "none".to_owned(),
        (_, 0) => shown.join(", "),
        (0, hidden) => format!("{hidden} others"),
        (_, hidden) => format!("{} and {hidden} more", shown.join(", ")),
    }
}
