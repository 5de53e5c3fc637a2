//! The error codes of UPnP control and of the services, each declared once with its exact description.

use std::borrow::Cow;
use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $description:literal;)*) => {
        /// A UPnP error code (UDA 1.1 section 3.2.2, WANIPConnection:2 section 2.5 and the other services' tables).
        ///
        /// Variants are named after the meaning, because services reuse numbers: 703 is one thing in WANIPConnection
        /// and another in WANIPv6FirewallControl.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[$doc])* $name),* }

        impl ErrorCode {
            /// Every code, for tests and documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number sent as `errorCode`.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $code),* }
            }

            /// The text sent as `errorDescription`, letter for letter as the standard prints it.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description),* }
            }
        }
    };
}

error_codes! {
    /// No action of this name in this service.
    InvalidAction = 401, "Invalid Action";
    /// An argument is missing, surplus, misnamed or of the wrong type.
    InvalidArgs = 402, "Invalid Args";
    /// The gateway offers this action to nobody at present, as FRITZ!Boxes say when port sharing by programs is off; in
    /// version 1.0 of the architecture, out of step.
    NotAvailableAction = 403, "Not available Action";
    /// QueryStateVariable named a variable that the service does not have.
    InvalidVar = 404, "Invalid Var";
    /// The current state prevents the action.
    ActionFailed = 501, "Action Failed";
    /// A value is well-formed but makes no sense here.
    ArgumentValueInvalid = 600, "Argument Value Invalid";
    /// A value is outside the allowed list or range.
    ArgumentValueOutOfRange = 601, "Argument Value Out of Range";
    /// The action is optional and this gateway does not implement it.
    OptionalActionNotImplemented = 602, "Optional Action Not Implemented";
    /// The gateway has no room for this now.
    OutOfMemory = 603, "Out of Memory";
    /// A person must do something first.
    HumanInterventionRequired = 604, "Human Intervention Required";
    /// A text is longer than the gateway stores.
    StringArgumentTooLong = 605, "String Argument Too Long";
    /// Policy refuses this caller.
    ActionNotAuthorized = 606, "Action not authorized";
    /// The signature of the request is wrong; as 608 to 612, of a security service that no gateway has.
    SignatureFailure = 607, "Signature Failure";
    /// The request must be signed.
    SignatureMissing = 608, "Signature Missing";
    /// The request must be encrypted.
    NotEncrypted = 609, "Not Encrypted";
    /// A signed request came out of order.
    InvalidSequence = 610, "Invalid Sequence";
    /// A signed request came to another control URL than the one signed.
    InvalidControlUrl = 611, "Invalid Control URL";
    /// A signed request names a session that does not exist.
    NoSuchSession = 612, "No Such Session";
    /// The value to be added is there already.
    ValueAlreadySpecified = 701, "ValueAlreadySpecified";
    /// No room for another pinhole.
    PinholeSpaceExhausted = 701, "PinholeSpaceExhausted";
    /// The value to be removed is not there.
    ValueSpecifiedIsInvalid = 702, "ValueSpecifiedIsInvalid";
    /// The IPv6 firewall is off, so that nothing needs a pinhole.
    FirewallDisabled = 702, "FirewallDisabled";
    /// The gateway lets nobody open pinholes.
    InboundPinholeNotAllowed = 703, "InboundPinholeNotAllowed";
    /// SetConnectionType while the connection is neither Disconnected nor Unconfigured.
    InactiveConnectionStateRequired = 703, "InactiveConnectionStateRequired";
    /// The connection could not be set up.
    ConnectionSetupFailed = 704, "ConnectionSetupFailed";
    /// No pinhole with this UniqueID.
    NoSuchPinhole = 704, "NoSuchEntry";
    /// Pinholes are not possible for this protocol.
    ProtocolNotSupported = 705, "ProtocolNotSupported";
    /// The connection is being set up already.
    ConnectionSetupInProgress = 705, "ConnectionSetupInProgress";
    /// A pinhole's InternalPort is 0.
    InternalPortWildcardingNotAllowed = 706, "InternalPortWildcardingNotAllowed";
    /// The connection has no configuration.
    ConnectionNotConfigured = 706, "ConnectionNotConfigured";
    /// A pinhole's Protocol is 65535, any.
    ProtocolWildcardingNotAllowed = 707, "ProtocolWildcardingNotAllowed";
    /// The connection is being torn down.
    DisconnectInProgress = 707, "DisconnectInProgress";
    /// A pinhole's InternalClient is empty.
    WildCardNotPermittedInPinholeClient = 708, "WildCardNotPermittedInSrcIP";
    /// The link below has no valid address.
    InvalidLayer2Address = 708, "InvalidLayer2Address";
    /// Nothing has come through this pinhole so far.
    NoTrafficReceived = 709, "NoTrafficReceived";
    /// Internet access is switched off.
    InternetAccessDisabled = 709, "InternetAccessDisabled";
    /// The action needs an IP_Routed connection.
    InvalidConnectionType = 710, "InvalidConnectionType";
    /// The connection is Disconnected already.
    ConnectionAlreadyTerminated = 711, "ConnectionAlreadyTerminated";
    /// The entry at this index is empty. Not in version 2 of the services.
    NullValueAtSpecifiedArrayIndex = 712, "NullValueAtSpecifiedArrayIndex";
    /// No entry at this index.
    SpecifiedArrayIndexInvalid = 713, "SpecifiedArrayIndexInvalid";
    /// No entry with this key.
    NoSuchEntryInArray = 714, "NoSuchEntryInArray";
    /// NewInternalClient is empty.
    WildCardNotPermittedInSrcIp = 715, "WildCardNotPermittedInSrcIP";
    /// NewExternalPort is 0 and the gateway does not map all ports at once.
    WildCardNotPermittedInExtPort = 716, "WildCardNotPermittedInExtPort";
    /// Another client owns this external port.
    ConflictInMappingEntry = 718, "ConflictInMappingEntry";
    /// The connection configures itself and takes no configuration from others.
    ActionDisallowedWhenAutoConfigEnabled = 719, "ActionDisallowedWhenAutoConfigEnabled";
    /// SetDefaultConnectionService named a device that does not exist.
    InvalidDeviceUuid = 720, "InvalidDeviceUUID";
    /// SetDefaultConnectionService named a service that does not exist.
    InvalidServiceId = 721, "InvalidServiceID";
    /// SetDefaultConnectionService named a service that cannot be the default.
    InvalidConnServiceSelection = 723, "InvalidConnServiceSelection";
    /// External and internal port must be the same. Version 1 only.
    SamePortValuesRequired = 724, "SamePortValuesRequired";
    /// NewLeaseDuration must be 0. Version 1 only.
    OnlyPermanentLeasesSupported = 725, "OnlyPermanentLeasesSupported";
    /// NewRemoteHost must be empty. Version 1 only.
    RemoteHostOnlySupportsWildcard = 726, "RemoteHostOnlySupportsWildcard";
    /// NewExternalPort must be 0. Version 1 only.
    ExternalPortOnlySupportsWildcard = 727, "ExternalPortOnlySupportsWildcard";
    /// No external port is left.
    NoPortMapsAvailable = 728, "NoPortMapsAvailable";
    /// Something other than UPnP uses this port: the gateway itself, a static rule, another protocol.
    ConflictWithOtherMechanisms = 729, "ConflictWithOtherMechanisms";
    /// Nothing in the range (or nothing that the caller may touch).
    PortMappingNotFound = 730, "PortMappingNotFound";
    /// The connection configures itself; its type cannot be set.
    ReadOnly = 731, "ReadOnly";
    /// NewInternalPort is 0.
    WildCardNotPermittedInIntPort = 732, "WildCardNotPermittedInIntPort";
    /// NewStartPort is above NewEndPort.
    InconsistentParameters = 733, "InconsistentParameters";
}

/// Why an action was refused: a code and, where the bare code would leave a person guessing, the reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code, which fixes number and standard description.
    pub code: ErrorCode,
    /// What exactly was wrong; follows the standard description on the wire.
    pub reason: Option<Cow<'static, str>>,
}

impl Fault {
    /// A refusal with a reason that a person can act on.
    pub fn because(code: ErrorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: Some(reason.into()),
        }
    }
}

impl ErrorCode {
    /// Whether every service may send it, because it is the architecture's and not a service's own.
    pub const fn is_generic(self) -> bool {
        self.number() < 700
    }
}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        Self { code, reason: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.description())?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
