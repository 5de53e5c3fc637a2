//! What of a device tree is announced, and what is found by a search.

use super::target::{SearchTarget, split_type};
use crate::description::Device;
use crate::quirk::{Quirk, Quirks};
use crate::view::View;

/// Something that is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Notification type.
    pub nt: String,
    /// Unique service name.
    pub usn: String,
}

/// Something that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Search target: as it was searched for, or what was found if everything was searched for.
    pub st: String,
    /// Unique service name.
    pub usn: String,
    /// The view whose description the answer leads to.
    pub view: View,
}

/// Everything in a tree, in the highest version only: three for the root, two for each embedded device, one for each
/// service type of each device (UDA 1.1 section 1.2.2). The root comes first.
pub fn advertisements(root: &Device) -> Vec<Advertisement> {
    let root_device = Advertisement::of("upnp:rootdevice", &root.udn);
    let devices = root.with_embedded().flat_map(|device| {
        let udn = Advertisement {
            nt: device.udn.clone(),
            usn: device.udn.clone(),
        };
        [udn, Advertisement::of(&device.device_type, &device.udn)]
    });
    let services = root
        .with_embedded()
        .flat_map(|device| service_types(device).map(|service_type| Advertisement::of(service_type, &device.udn)));
    [root_device].into_iter().chain(devices).chain(services).collect()
}

/// The answers to a search. A type is found in any version up to its own; the answer then names the version searched
/// for, and one that seeks version 1 of a newer type leads to the older view's description.
///
/// `view` is the one that the tree is in.
pub fn answers(root: &Device, view: View, target: &SearchTarget, st: &str, quirks: Quirks) -> Vec<Answer> {
    let echo = |usn: String, view| Answer {
        st: st.to_owned(),
        usn,
        view,
    };
    match target {
        SearchTarget::All => {
            let everything = advertisements(root).into_iter();
            everything
                .map(|Advertisement { nt, usn }| Answer { st: nt, usn, view })
                .collect()
        }
        SearchTarget::RootDevice => vec![echo(format!("{}::upnp:rootdevice", root.udn), view)],
        SearchTarget::Udn(udn) => root
            .with_embedded()
            .filter(|device| device.udn.eq_ignore_ascii_case(udn))
            .map(|device| echo(device.udn.clone(), view))
            .collect(),
        SearchTarget::Device { base, version } => root
            .with_embedded()
            .filter_map(|device| {
                let found = find_version(&device.device_type, base, *version, view)?;
                Some(echo(format!("{}::{st}", device.udn), found))
            })
            .collect(),
        SearchTarget::Service { base, version } => {
            let base = stand_in(base, *version, quirks);
            let services = root
                .with_embedded()
                .flat_map(|device| service_types(device).map(move |service_type| (device, service_type)));
            services
                .filter_map(|(device, service_type)| {
                    let found = find_version(service_type, base, *version, view)?;
                    Some(echo(format!("{}::{st}", device.udn), found))
                })
                .collect()
        }
        SearchTarget::Other => Vec::new(),
    }
}

impl Advertisement {
    fn of(nt: &str, udn: &str) -> Self {
        Self {
            nt: nt.to_owned(),
            usn: format!("{udn}::{nt}"),
        }
    }
}

/// The service types of a device, each once.
fn service_types(device: &Device) -> impl Iterator<Item = &str> {
    let types = device.services.iter().map(|service| service.service_type.as_str());
    types.enumerate().filter_map(|(index, service_type)| {
        let earlier = &device.services[..index];
        let first = earlier.iter().all(|service| service.service_type != service_type);
        first.then_some(service_type)
    })
}

/// The view for a search of `base` in `version`, if a thing of type `ours` is what is searched for.
fn find_version(ours: &str, base: &str, version: u32, view: View) -> Option<View> {
    let (our_base, our_version) = split_type(ours)?;
    let found = our_base == base && (1..=our_version).contains(&version);
    found.then_some(if version < our_version { View::Igd1 } else { view })
}

/// The type to look for in place of one that we do not have.
fn stand_in(base: &str, version: u32, quirks: Quirks) -> &str {
    const PPP: &str = "urn:schemas-upnp-org:service:WANPPPConnection";
    const IP: &str = "urn:schemas-upnp-org:service:WANIPConnection";
    match base == PPP && version == 1 && quirks.has(Quirk::SearchPppConnection) {
        true => IP,
        false => base,
    }
}
