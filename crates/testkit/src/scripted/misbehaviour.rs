use std::net::IpAddr;
use std::time::Duration;

/// One thing that a router in the field does wrong. The rows (R1, R2, ...) are those of the table in the
/// [module documentation](super); a variant without one plays a hostile or broken gateway.
///
/// What stands here is about the whole gateway; for a single action see
/// [`on_action`](super::ScriptedGatewayBuilder::on_action).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misbehaviour {
    // --- Discovery ---
    /// R1: answers `ssdp:all` with one device only, and that is not the IGD.
    AnswersAllWithFirstDevice,
    /// R2: answers searches for `upnp:rootdevice` and nothing else.
    AnswersOnlyRootDevice,
    /// R3: ignores searches sent to its own address.
    AnswersOnlyMulticast,
    /// R3: ignores searches sent to the multicast group.
    AnswersOnlyUnicast,
    /// R4: answers from an ephemeral port instead of 1900.
    AnswersFromEphemeralPort,
    /// R5: names this host in LOCATION, with its own port and path.
    LocationHost(IpAddr),
    /// R5: sends this text as LOCATION.
    Location(String),
    /// R6: in a lab, answers IPv4 searches late, and cut off when an IPv6 search came within the second before.
    TripsOverBothFamilies,
    /// R7: empty SERVER, repeated and misspelt headers, a space after `HTTP/1.1`, max-age=1, both in SSDP and HTTP.
    OddHeaders,
    /// R8: UDNs are no UUIDs.
    MalformedUdn,
    /// R9: the description lies under `/upnphost/udhisapi.dll?content=uuid:...`.
    OddPaths,
    /// R9: all paths change with every start.
    RandomPaths,
    /// Answers with its own version whatever version was searched (C2 seen from the other side).
    AnswersWithOwnVersion,
    /// Sends no BOOTID.UPNP.ORG, as an architecture 1.0 device.
    NoBootId,
    /// Does not answer any search; HTTP works.
    SearchUnanswered,
    /// Answers searches after this time.
    SearchAnsweredAfter(Duration),
    /// Answers every search with this many bytes that are no SSDP before the true answer.
    SearchAnsweredWithNoise(usize),
    /// Answers every search with this many different LOCATIONs of closed ports before the true answer.
    SearchFlood(u16),
    /// UPnP is switched off: no search is answered, and every path shows the web page of a router.
    UpnpOff,

    // --- Description ---
    /// R20: the first so many descriptions served after each start are empty.
    EmptyDescriptions(usize),
    /// R10: white space in tags and around values, SCPDURL after controlURL.
    SloppyDescription,
    /// R10: prints this URLBase; empty, or wrong.
    UrlBase(String),
    /// R10: URLs are relative to the description's directory.
    RelativeUrls,
    /// R11: every controlURL is absolute and on this `host:port`.
    ForeignControlUrl(String),
    /// R11: every controlURL is absolute, on the same host, on another port, where it does work.
    ControlOnOtherPort,
    /// R11: presentationURL is on 127.0.0.1.
    LocalPresentationUrl,
    /// R15: types are `urn:dslforum-org:...`, and a vendor's device stands between root and WANDevice.
    DslForumTypes,
    /// R16: service types of connections end after the colon.
    UnversionedTypes,
    /// R17: other serviceIds.
    OddServiceIds,
    /// R18: the root is one version and WANIPConnection the other.
    MixedVersions,
    /// The description is an entity bomb.
    EntityBomb,

    // --- Transport ---
    /// R12: HTTP/1.0 without Content-Length, `application/octet-stream`.
    NoContentLength,
    /// R13: chunked whatever was asked.
    AlwaysChunked,
    /// R14: NULs and blanks after the XML, a blank after the value of Content-Length.
    TrailingNuls,
    /// Closes the connection after each answer without announcing it.
    ClosesUnannounced,
    /// R63: answers 500 to an action that comes while another one is answered, or sooner than this after one.
    NeedsPauses(Duration),
    /// R54: HTTP 500 for an envelope that declares a default namespace.
    RefusesDefaultNamespace,
    /// Answers after this time.
    Slow(On, Duration),
    /// Accepts and never answers.
    NeverAnswers(On),
    /// Closes without an answer.
    HangsUp(On),
    /// Closes in the middle of the body.
    Truncated(On),
    /// Sends a byte each such time.
    Drip(On, Duration),
    /// Sends a body without end.
    EndlessBody(On),
    /// Adds so many blanks to the body.
    HugeBody(On, usize),
    /// Redirects to this URL.
    Redirect(On, String),
    /// Answers with this status line and a web page.
    Status(On, &'static str),
    /// Answers with bytes that are no HTTP.
    Garbage(On),
    /// R57: faults that look differently.
    Faults(FaultStyle),
    /// R58, R59: answers that look differently.
    Answers(AnswerStyle),

    // --- Mappings ---
    /// R40: 725 for any lease but 0.
    OnlyPermanentLeases,
    /// R41: 402 for any lease but 0.
    InvalidArgsForLease,
    /// R42: 724 for an external port unlike the internal one.
    SamePortRequired,
    /// 726 for a RemoteHost that is not empty.
    OnlyWildcardRemoteHost,
    /// 727 for an ExternalPort that is not 0.
    OnlyWildcardExternalPort,
    /// R43: 501 where 716 or 718 is meant.
    ConflictIsActionFailed,
    /// R44: 718 for every port, though nothing is listed.
    AlwaysConflict,
    /// R44: 718 for these external ports, though nothing is listed.
    HiddenRules(Vec<u16>),
    /// R45: 606 for every even external port.
    RefusesEvenPorts,
    /// R46: 403 "Not available Action" for every mapping.
    PortSharingOff,
    /// R47: 729 for every port.
    AlwaysOtherMechanism,
    /// 606 for every mapping: refused by policy.
    NotAuthorized,
    /// R68: 501 while the external address is private or empty.
    RefusesBehindPrivateWan,
    /// R62, R69: this code for adding or deleting a mapping of another client than the sender.
    RefusesOtherClients(u16),
    /// R51: 402 unless the protocol is in capitals.
    RefusesLowerCaseProtocol,
    /// R52: 606 for external ports below 1024.
    RefusesLowPorts,
    /// R52: success for external ports below 1024, and nothing happens.
    IgnoresLowPorts,
    /// R53: takes ExternalPort 0.
    OpensAllPorts,
    /// R55: does not decode `&quot;` and `&apos;` in the description.
    KeepsQuotesEscaped,
    /// R66: gives away a mapping that another client has.
    OverwritesOthers,
    /// Success for every mapping, and nothing happens.
    SilentSuccess,
    /// R52: success, and 1024 is opened instead of any external port below.
    LiftsLowPorts,
    /// Success, and the next external port is opened instead.
    StoresOtherPort,
    /// Success, and the lease is stored as 0.
    IgnoresLease,
    /// Success, and a longer lease (or 0) is stored as this many seconds.
    CapsLeases(u32),
    /// R67: AddAnyPortMapping stores leases above one week.
    AddAnyKeepsLongLeases,
    /// Mappings vanish so long after they were added, whatever their lease.
    ForgetsAfter(Duration),

    // --- Reading ---
    /// R48: this code at the end of the list instead of 713.
    EndOfList(u16),
    /// R49: GetSpecificPortMappingEntry names another protocol and port besides.
    GarbledSpecific,
    /// R50: internal clients are listed by this name, or by none.
    ListsClientsAs(&'static str),
    /// R65: all leases are listed as 0.
    ListsZeroLeases,
    /// R67: GetListOfPortMappings gives an empty list instead of 730.
    EmptyListing,
    /// R67: SystemUpdateID is always 1.
    ConstantUpdateId,
    /// 606 for entries of other clients when read by index, as WANIPConnection:2 allows.
    HidesOthersEntries,
    /// The first entry vanishes after the so-manieth reading by index, once.
    ShiftsAfterReads(usize),
    /// R64: all traffic counters read so, as in `-294967296` or `18446744073709551615`.
    CountersRead(&'static str),
    // --- Events ---
    /// R80: the first event comes half a second before the answer to SUBSCRIBE.
    EventBeforeAnswer,
    /// R81: no SID in the answer to a renewal.
    RenewsWithoutSid,
    /// R81: another SID in the answer to a renewal, and the old one is unknown from then on.
    RenewsWithNewSid,
    /// R82: grants this many seconds whatever was asked.
    GrantsSubscriptions(u64),
    /// Answers SUBSCRIBE with this status line, renewals too.
    RefusesSubscriptions(&'static str),
    /// Counts events, and does not send them.
    LosesEvents,
    /// R84: ExternalIPAddress reads so in events.
    EventsAddress(&'static str),
    /// R85: 412 for a CALLBACK on another address than the sender's.
    CallbackMustBeCaller,

    // --- Any action ---
    /// 401 for this action, as if it were not there.
    ActionMissing(&'static str),
}

/// To which requests a misbehaviour applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum On {
    /// The device description.
    Description,
    /// Service descriptions.
    Scpd,
    /// All actions.
    Control,
    /// One action.
    Action(&'static str),
    /// All requests.
    Everything,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    Description,
    Scpd,
    Action(String),
    Subscription,
    Other,
}

impl On {
    pub(super) fn covers(self, purpose: &Purpose) -> bool {
        match (self, purpose) {
            (Self::Everything, _)
            | (Self::Description, Purpose::Description)
            | (Self::Scpd, Purpose::Scpd)
            | (Self::Control, Purpose::Action(_)) => true,
            (Self::Action(wanted), Purpose::Action(name)) => wanted == name,
            _ => false,
        }
    }
}

/// R57: how a fault differs from the standard's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultStyle {
    /// `faultCode` and `faultString`.
    Capitals,
    /// No errorDescription.
    NoDescription,
    /// The UPnPError element has no namespace.
    NoNamespace,
    /// HTTP status 200.
    Http200,
}

/// R58, R59: how an answer differs from the standard's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerStyle {
    /// R58: argument names in lower case.
    LowerCaseNames,
    /// R58: the response element has no namespace.
    NoNamespace,
    /// R58: the only value stands in the response element itself.
    ValueInResponseElement,
    /// R58: `SOAP-ENV:` instead of `s:`.
    SoapEnvPrefix,
    /// R59: the namespace has another version than the one called.
    OtherVersion,
    /// R67: a value that is a document comes as CDATA.
    Cdata,
}
