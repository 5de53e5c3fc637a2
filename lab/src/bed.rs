use std::ops::Deref;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use portreeve_testkit::{Lab, require_root};

use crate::subject::{Kind, Settings, Subject};
use crate::upnp::ControlPoint;

/// Between the ports that [`Bed::port`] hands out: a gateway that has to choose another port often takes a neighbour.
const PORT_STEP: u16 = 8;

/// A lab with the subject running in its gateway.
#[derive(Debug)]
pub struct Bed {
    // The subject ends before its namespace does.
    subject: Subject,
    lab: Lab,
    next_port: AtomicU16,
}

impl Bed {
    /// The bed that the tests of this process share: three LAN hosts, two Internet hosts, default settings.
    ///
    /// For tests that leave the others alone: they use [`Bed::port`] and look only at their own mappings. It lives as
    /// long as somebody holds it. `None` when not root; what is left out has been printed then.
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Bed>> = Mutex::new(Weak::new());
        Self::share(&SHARED, &Settings::default())
    }

    /// As [`Bed::shared`], with a firewall for IPv6 in the gateway that keeps the Internet from LAN hosts.
    pub fn shared_behind_firewall() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Bed>> = Mutex::new(Weak::new());
        Self::share(&SHARED, &Settings::behind_firewall())
    }

    /// A bed for one test alone. `None` when not root; what is left out has been printed then.
    pub fn own(settings: &Settings) -> Option<Self> {
        require_root(&test_name())?;
        Some(Self::with(settings))
    }

    /// A bed for one test alone with this daemon, whatever the environment says.
    pub fn of(kind: Kind, settings: &Settings) -> Option<Self> {
        require_root(&test_name())?;
        let bed = Self::without_subject(kind, settings);
        bed.start();
        Some(bed)
    }

    /// As [`Bed::own`], but the subject is not started yet.
    pub fn idle(settings: &Settings) -> Option<Self> {
        require_root(&test_name())?;
        Some(Self::without_subject(Kind::from_environment(), settings))
    }

    /// A port, external or internal, that no other test of this process uses.
    pub fn port(&self) -> u16 {
        self.next_port.fetch_add(PORT_STEP, Ordering::Relaxed)
    }

    /// The subject under test.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Starts the subject, first or again, with the state that it left, and waits until it serves.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start(&self) {
        self.subject.start(&self.lab);
    }

    /// Starts the subject without waiting.
    pub fn start_only(&self) {
        self.subject.start_only(&self.lab);
    }

    /// A control point on LAN host `number` that searched for version 2 of everything, over IPv4.
    ///
    /// # Panics
    /// If the gateway is not found.
    pub fn client(&self, number: usize) -> ControlPoint<'_> {
        ControlPoint::discover(self.lab.lan_host(number), self.lab.gateway().ipv4())
    }

    /// As [`Bed::client`], over IPv6.
    ///
    /// # Panics
    /// If the gateway is not found.
    pub fn client_ipv6(&self, number: usize) -> ControlPoint<'_> {
        ControlPoint::discover(self.lab.lan_host(number), self.lab.gateway().ipv6())
    }

    fn share(shared: &Mutex<Weak<Self>>, settings: &Settings) -> Option<Arc<Self>> {
        require_root(&test_name())?;
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bed) = shared.upgrade()
            && bed.subject.is_running()
        {
            return Some(bed);
        }
        let bed = Arc::new(Self::with(settings));
        *shared = Arc::downgrade(&bed);
        Some(bed)
    }

    fn with(settings: &Settings) -> Self {
        let bed = Self::without_subject(Kind::from_environment(), settings);
        bed.start();
        bed
    }

    fn without_subject(kind: Kind, settings: &Settings) -> Self {
        let lab = Lab::builder()
            .lans(settings.lans)
            .lan_addresses(settings.lan_addresses)
            .wan_addresses(settings.wan_addresses)
            .way(settings.way)
            .lan_hosts(3)
            .internet_hosts(2)
            .build();
        let subject = Subject::prepare(kind, &lab, settings);
        Self {
            subject,
            lab,
            next_port: AtomicU16::new(20_000),
        }
    }
}

impl Deref for Bed {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

/// The test harness names the thread after the test.
fn test_name() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}
