//! What the tests share.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::programs::require_program;
use portreeve_lab::subject::{IgdVersion, Kind, Settings};
use serde_json::Value;

/// How long something may take that happens at once, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// A gateway that people have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gateway {
    /// Ours.
    Portreeved,
    /// Debian's miniupnpd, which shows IGD:1 to everybody, as most routers do.
    Miniupnpd1,
    /// Debian's miniupnpd, which shows IGD:2.
    Miniupnpd2,
}

impl Gateway {
    /// One for a test alone. `None` if it cannot be had; what is left out has been printed then.
    pub(crate) fn bed(self) -> Option<Bed> {
        self.installed()?;
        Bed::of(self.kind(), &self.settings())
    }

    /// One for all tests of this process that leave nothing behind. It lives as long as somebody holds it.
    pub(crate) fn shared(self) -> Option<Arc<Bed>> {
        static SHARED: [Mutex<Weak<Bed>>; 3] = [const { Mutex::new(Weak::new()) }; 3];
        let mut shared = SHARED[self as usize].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bed) = shared.upgrade() {
            return Some(bed);
        }
        let bed = Arc::new(self.bed()?);
        *shared = Arc::downgrade(&bed);
        Some(bed)
    }

    /// The version of the InternetGatewayDevice that it shows.
    pub(crate) fn version(self) -> u8 {
        match self.settings().igd_version {
            IgdVersion::One => 1,
            IgdVersion::Two => 2,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Portreeved => Kind::Portreeved,
            Self::Miniupnpd1 | Self::Miniupnpd2 => Kind::Miniupnpd,
        }
    }

    fn settings(self) -> Settings {
        let igd_version = match self {
            Self::Miniupnpd1 => IgdVersion::One,
            Self::Portreeved | Self::Miniupnpd2 => IgdVersion::Two,
        };
        Settings {
            igd_version,
            // As on a router, where it outlives a power cut.
            overrides: vec![String::from("gateway.uuid=8a3b1c52-5c2e-4a54-9d0f-3f6d6f6d7002")],
            ..Settings::default()
        }
    }

    fn installed(self) -> Option<()> {
        match self.kind() {
            Kind::Portreeved => Some(()),
            Kind::Miniupnpd => require_program("miniupnpd", "miniupnpd-nftables"),
        }
    }
}

/// Makes a test of a function for each gateway.
macro_rules! on_every_gateway {
    ($($name:ident)*) => {$(
        mod $name {
            use crate::support::Gateway;

            #[test]
            fn with_portreeved() {
                super::$name(Gateway::Portreeved);
            }

            #[test]
            fn with_miniupnpd_igd1() {
                super::$name(Gateway::Miniupnpd1);
            }

            #[test]
            fn with_miniupnpd_igd2() {
                super::$name(Gateway::Miniupnpd2);
            }
        }
    )*};
}
pub(crate) use on_every_gateway;

/// Asserts that an error has this name, and words for a person with all of these in them.
#[track_caller]
pub(crate) fn explains(error: &Value, code: &str, words: &[&str]) {
    assert_eq!(error["code"], code, "{error}");
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    let (problem, remedy) = (text("problem"), text("remedy"));
    assert!(!problem.is_empty() && !remedy.is_empty(), "{error}");
    for word in words {
        assert!(
            problem.contains(word) || remedy.contains(word),
            "no {word:?} in {error}"
        );
    }
}
