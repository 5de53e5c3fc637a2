//! Framing of netlink messages: [`Buffer`] builds them, [`Messages`] and [`Attributes`] take them apart.

mod builder;
mod parser;

pub use builder::{Attrs, Buffer};
pub(crate) use parser::u32_at;
pub use parser::{Attribute, Attributes, Message, Messages};

/// Length of `struct nlmsghdr`.
pub(crate) const HEADER_LEN: usize = 16;

/// Length of `struct nlattr`.
pub(crate) const ATTRIBUTE_HEADER_LEN: usize = 4;

/// Message types and flags that every protocol shares (`linux/netlink.h`).
pub mod kind {
    /// `NLMSG_ERROR`: an acknowledgement, or an error.
    pub const ERROR: u16 = 2;
    /// `NLMSG_DONE`: the end of a dump.
    pub const DONE: u16 = 3;
    /// `NLM_F_REQUEST`.
    pub const REQUEST: u16 = 0x1;
    /// `NLM_F_ACK`.
    pub const ACK: u16 = 0x4;
    /// `NLM_F_DUMP_INTR`: the dumped table changed meanwhile.
    pub const DUMP_INTERRUPTED: u16 = 0x10;
    /// `NLM_F_CAPPED`: the error does not repeat the request.
    pub const CAPPED: u16 = 0x100;
    /// `NLM_F_ACK_TLVS`: the error carries attributes.
    pub const ACK_ATTRIBUTES: u16 = 0x200;
    /// `NLM_F_DUMP`.
    pub const DUMP: u16 = 0x300;
    /// `NLM_F_CREATE`.
    pub const CREATE: u16 = 0x400;
    /// `NLM_F_EXCL`: fail if it exists.
    pub const EXCLUSIVE: u16 = 0x200;
    /// `NLM_F_APPEND`.
    pub const APPEND: u16 = 0x800;
}

/// Length rounded up to the next multiple of four.
pub(crate) const fn aligned(len: usize) -> usize {
    len.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for message in Messages::new(&bytes) {
                let Ok(message) = message else { continue };
                walk(message.attributes(4), 0);
                let _ = message.outcome();
            }
            walk(Attributes::new(&bytes), 0);
        }

        #[test]
        fn what_was_built_is_read_back(
            kind in 20u16..,
            flags: u16,
            seq: u32,
            values in proptest::collection::vec((0u16..0x4000, proptest::collection::vec(any::<u8>(), 0..40)), 0..20),
        ) {
            let mut buffer = Buffer::new();
            buffer.message(kind, flags, &[1, 2, 3, 4], |attrs| {
                attrs.nest(7, |attrs| {
                    for (kind, value) in &values {
                        attrs.bytes(*kind, value);
                    }
                });
            });
            buffer.number_from(seq);
            let messages: Vec<_> = Messages::new(buffer.as_bytes()).collect::<Result<_, _>>().unwrap();
            let [message] = messages.as_slice() else { panic!("one message") };
            prop_assert_eq!((message.kind, message.flags, message.seq), (kind, flags, seq));
            let nests: Vec<_> = message.attributes(4).collect();
            prop_assert_eq!(nests.len(), 1);
            let read: Vec<_> = nests[0].nested().map(|a| (a.kind, a.payload.to_vec())).collect();
            prop_assert_eq!(read, values);
        }
    }

    fn walk(attributes: Attributes<'_>, depth: usize) {
        for attribute in attributes {
            let _ = (attribute.u8(), attribute.u16_be(), attribute.u32(), attribute.u32_be());
            let _ = (attribute.u64_be(), attribute.text(), attribute.ipv4());
            if depth < 8 {
                walk(attribute.nested(), depth + 1);
            }
        }
    }
}
