//! How a request fails (RFC 6887 section 7.4).

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $number:literal, $name:literal, $lasting:ident;)*) => {
        /// Result Code of a request that failed; 0 is success.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ResultCode { $($(#[$doc])* $code),* }

        impl ResultCode {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The number on the wire.
            pub const fn number(self) -> u8 {
                match self { $(Self::$code => $number),* }
            }

            /// The code of this number, if it is one of the standard's.
            pub fn from_number(number: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.number() == number)
            }

            /// The standard's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name),* }
            }

            /// For how long it is expected to stay so.
            pub const fn lasting(self) -> Lasting {
                match self { $(Self::$code => Lasting::$lasting),* }
            }
        }
    };
}

codes! {
    /// The version is not spoken here.
    UnsuppVersion = 1, "UNSUPP_VERSION", Long;
    /// The client may not.
    NotAuthorized = 2, "NOT_AUTHORIZED", Long;
    /// The request could not be read.
    MalformedRequest = 3, "MALFORMED_REQUEST", Long;
    /// The opcode is not known here.
    UnsuppOpcode = 4, "UNSUPP_OPCODE", Long;
    /// An option that must be understood is not known here.
    UnsuppOption = 5, "UNSUPP_OPTION", Long;
    /// An option could not be read.
    MalformedOption = 6, "MALFORMED_OPTION", Long;
    /// There is no way to the outside at present.
    NetworkFailure = 7, "NETWORK_FAILURE", Short;
    /// There is no room at present.
    NoResources = 8, "NO_RESOURCES", Short;
    /// The transport cannot be mapped.
    UnsuppProtocol = 9, "UNSUPP_PROTOCOL", Long;
    /// The client has as much as it may.
    UserExQuota = 10, "USER_EX_QUOTA", Short;
    /// The suggested external port or address cannot be had.
    CannotProvideExternal = 11, "CANNOT_PROVIDE_EXTERNAL", Short;
    /// The request came from another address than it says: there is another NAT in between.
    AddressMismatch = 12, "ADDRESS_MISMATCH", Long;
    /// The filters cannot be made.
    ExcessiveRemotePeers = 13, "EXCESSIVE_REMOTE_PEERS", Long;
}

/// For how long an error is expected to stay so, where the server knows nothing better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// 30 seconds.
    Short,
    /// 30 minutes.
    Long,
}

impl Lasting {
    /// In seconds.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Short => 30,
            Self::Long => 1800,
        }
    }
}
