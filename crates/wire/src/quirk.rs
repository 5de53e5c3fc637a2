//! Deviations from the standard that real clients need, each named, each switchable.

use std::fmt;

macro_rules! quirks {
    ($($(#[$doc:meta])* $quirk:ident = $name:literal, $default:ident;)*) => {
        /// One tolerance towards clients that do not follow the standard.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Quirk { $($(#[$doc])* $quirk),* }

        impl Quirk {
            /// Every quirk, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$quirk),*];

            /// The name used in configuration files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$quirk => $name),* }
            }

            /// The quirk of this name.
            pub fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|quirk| quirk.name() == name)
            }

            const fn default_state(self) -> State {
                match self { $(Self::$quirk => State::$default),* }
            }
        }
    };
}

quirks! {
    /// A missing `NewRemoteHost` means any remote host. Seen in clients that miniupnpd makes the same allowance for.
    RemoteHostMissing = "remote-host-missing", On;
    /// `*`, `0` and `0.0.0.0` as `NewRemoteHost` mean any remote host. Seen in clients that miniupnpd makes the same
    /// allowance for.
    RemoteHostWildcard = "remote-host-wildcard", On;
    /// `*` as `NewExternalPort` of an Add action means 0, which the engine then takes as the standard says. Seen in
    /// clients that miniupnpd makes the same allowance for.
    ExternalPortWildcard = "external-port-wildcard", On;
    /// White space around `NewInternalClient` is ignored. Seen in miniupnp#236.
    InternalClientPadding = "internal-client-padding", On;
    /// A missing or empty `NewLeaseDuration` means 0. Seen in old miniupnpc and its descendants.
    LeaseDurationMissing = "lease-duration-missing", On;
    /// `tcp` and `udp` in any case are `TCP` and `UDP`. Seen in tailscale#7377.
    ProtocolCase = "protocol-case", On;
    /// An ampersand in an argument that starts no reference stands for itself. Seen in miniupnpc, which does not escape
    /// what it sends.
    RawAmpersand = "raw-ampersand", On;
    /// SOAPACTION without quotes or in single quotes. Seen in clients that miniupnpd 2.0 and 2.3.10 made allowance for.
    SoapActionQuotes = "soapaction-quotes", On;
    /// A call whose service type is missing, misspelt, of another of our services or of a version that we do not serve
    /// goes to the service that has the action. Seen in nat-port-mapper (pinholes).
    ServiceMismatch = "service-mismatch", On;
    /// `NT: upnp:propchange` of a SUBSCRIBE means `upnp:event`. Seen in Windows ME, for which pupnp made allowance.
    EventTypePropchange = "event-type-propchange", On;
    /// `MAN` of a search without its quotes, and with white space or letter case of its own. Seen in aioupnp.
    SearchManUnquoted = "search-man-unquoted", On;
    /// A multicast search without `MX` is answered within a second instead of not at all. Off because the architecture
    /// wants silence.
    SearchWithoutMx = "search-without-mx", Off;
    /// Searches for WANPPPConnection:1 are answered as if the gateway had it. Seen in clients that search for nothing
    /// else, for which miniupnpd answers them. Off because it is not true.
    SearchPppConnection = "search-ppp-connection", Off;
    /// A search for version 1 over IPv6 leads to the description of version 2, the only one with
    /// WANIPv6FirewallControl. Seen in miniupnpc, which opens pinholes and searches for version 1 alone.
    SearchIpv6Newest = "search-ipv6-newest", On;
    /// A PCP request that prolongs a mapping of the same host under another nonce is its owner's, and its nonce counts from
    /// then on; one that deletes still needs the nonce. Seen in Tailscale, which makes a nonce for each packet.
    PcpFreshNonce = "pcp-fresh-nonce", On;
}

#[derive(PartialEq, Eq)]
enum State {
    On,
    Off,
}

/// A set of quirks. The default is every quirk that harms nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Quirks(u32);

impl Quirks {
    /// The standard by the letter.
    pub const NONE: Self = Self(0);

    /// Whether this quirk is in the set.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u32) != 0
    }

    /// The set with this quirk added.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | 1 << quirk as u32)
    }

    /// The set with this quirk taken out.
    #[must_use]
    pub const fn without(self, quirk: Quirk) -> Self {
        Self(self.0 & !(1 << quirk as u32))
    }

    /// The quirks in the set, in order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.iter().copied().filter(move |quirk| self.has(*quirk))
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Quirk::ALL
            .iter()
            .filter(|quirk| quirk.default_state() == State::On)
            .fold(Self::NONE, |set, quirk| set.with(*quirk))
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_set_is_what_the_declarations_say() {
        let quirks = Quirks::default();
        assert!(quirks.has(Quirk::RemoteHostMissing));
        assert!(!quirks.has(Quirk::SearchPppConnection));
    }

    #[test]
    fn adding_and_taking_out_touches_one_quirk() {
        for quirk in Quirk::ALL {
            assert_eq!(Quirks::NONE.with(*quirk).iter().collect::<Vec<_>>(), [*quirk]);
            assert_eq!(Quirks::NONE.with(*quirk).without(*quirk), Quirks::NONE);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Quirk::ALL.len());
    }
}
