//! What a search is for.

/// The search target (`ST`), understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchTarget {
    /// `ssdp:all`: every device and service.
    All,
    /// `upnp:rootdevice`.
    RootDevice,
    /// `uuid:...`: the device of this UDN.
    Udn(String),
    /// A device type of at least this version.
    Device {
        /// The type URN up to the colon before the version.
        base: String,
        /// Lowest version that will do.
        version: u32,
    },
    /// A service type of at least this version.
    Service {
        /// The type URN up to the colon before the version.
        base: String,
        /// Lowest version that will do.
        version: u32,
    },
    /// Something else, which is not for us.
    Other,
}

impl SearchTarget {
    /// Understands an `ST` or `NT` value.
    pub fn parse(text: &str) -> Self {
        match text {
            "ssdp:all" => return Self::All,
            "upnp:rootdevice" => return Self::RootDevice,
            _ if starts_with_ignoring_case(text, "uuid:") => return Self::Udn(text.to_owned()),
            _ => {}
        }
        let Some((base, version)) = split_type(text) else {
            return Self::Other;
        };
        match base.split(':').nth(2) {
            Some("device") => Self::Device {
                base: base.to_owned(),
                version,
            },
            Some("service") => Self::Service {
                base: base.to_owned(),
                version,
            },
            _ => Self::Other,
        }
    }
}

/// Splits `urn:<domain>:device|service:<type>:<version>` before the version.
pub(super) fn split_type(urn: &str) -> Option<(&str, u32)> {
    let (base, version) = urn.rsplit_once(':')?;
    let well_formed = base.starts_with("urn:") && base.split(':').count() == 4;
    let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    (well_formed && digits).then_some((base, version.parse().ok()?))
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        assert_eq!(SearchTarget::parse("ssdp:all"), SearchTarget::All);
        assert_eq!(SearchTarget::parse("upnp:rootdevice"), SearchTarget::RootDevice);
        assert_eq!(SearchTarget::parse("uuid:x"), SearchTarget::Udn("uuid:x".to_owned()));
        assert_eq!(
            SearchTarget::parse("urn:schemas-upnp-org:device:WANDevice:2"),
            SearchTarget::Device {
                base: "urn:schemas-upnp-org:device:WANDevice".to_owned(),
                version: 2
            }
        );
        assert_eq!(
            SearchTarget::parse("urn:schemas-upnp-org:service:WANIPConnection:1"),
            SearchTarget::Service {
                base: "urn:schemas-upnp-org:service:WANIPConnection".to_owned(),
                version: 1
            }
        );
        for other in [
            "",
            "x",
            "urn:a:device:b",
            "urn:a:device:b:",
            "urn:a:device:b:+1",
            "urn:a:device:b:99999999999",
        ] {
            assert_eq!(SearchTarget::parse(other), SearchTarget::Other, "{other}");
        }
    }
}
