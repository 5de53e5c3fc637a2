//! Building messages into one contiguous buffer.

use super::{ATTRIBUTE_HEADER_LEN, HEADER_LEN, aligned};

/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;

/// One or more messages, ready to be sent together.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// Where each message starts.
    starts: Vec<usize>,
}

impl Buffer {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Appends a message: the netlink header, the subsystem's own `header`, and the attributes that `fill` writes.
    /// The answer is the message's position. Sequence numbers are given by [`Self::number_from`].
    pub fn message(&mut self, kind: u16, flags: u16, header: &[u8], fill: impl FnOnce(&mut Attrs<'_>)) -> usize {
        let start = self.bytes.len();
        self.starts.push(start);
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&flags.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; HEADER_LEN - 8]);
        self.bytes.extend_from_slice(header);
        pad(&mut self.bytes);
        fill(&mut Attrs { bytes: &mut self.bytes });
        let len = u32::try_from(self.bytes.len() - start).expect("a message is far below 4 GiB");
        self.bytes[start..start + 4].copy_from_slice(&len.to_ne_bytes());
        self.starts.len() - 1
    }

    /// Numbers the messages consecutively, beginning with `seq`.
    pub fn number_from(&mut self, seq: u32) {
        for (&start, index) in self.starts.iter().zip(0u32..) {
            let seq = seq.wrapping_add(index);
            self.bytes[start + 8..start + 12].copy_from_slice(&seq.to_ne_bytes());
        }
    }

    /// Adds `flags` to those of the message at `position`; nothing happens if there is none.
    pub fn add_flags(&mut self, position: usize, flags: u16) {
        let Some(&start) = self.starts.get(position) else {
            return;
        };
        let field = &mut self.bytes[start + 6..start + 8];
        let old = u16::from_ne_bytes([field[0], field[1]]);
        field.copy_from_slice(&(old | flags).to_ne_bytes());
    }

    /// How many messages it holds.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The messages as they go over the socket.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes the attributes of a message, or of a nest within it.
#[derive(Debug)]
pub struct Attrs<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Attrs<'_> {
    /// An attribute with these bytes, which must be fewer than 64 KiB.
    pub fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.framed(kind, |bytes| bytes.extend_from_slice(value));
    }

    /// An attribute without content.
    pub fn flag(&mut self, kind: u16) {
        self.bytes(kind, &[]);
    }

    /// A single byte.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    /// Sixteen bits in network order.
    pub fn u16_be(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Thirty-two bits in network order: what nfnetlink uses.
    pub fn u32_be(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Thirty-two bits in host order: what rtnetlink uses.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Sixty-four bits in network order.
    pub fn u64_be(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// A text with the final NUL that the kernel expects.
    pub fn text(&mut self, kind: u16, value: &str) {
        self.framed(kind, |bytes| {
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(0);
        });
    }

    /// A nest of attributes, in all fewer than 64 KiB.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Attrs<'_>)) {
        self.framed(kind | NESTED, |bytes| fill(&mut Attrs { bytes }));
    }

    fn framed(&mut self, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; ATTRIBUTE_HEADER_LEN]);
        fill(self.bytes);
        let len = u16::try_from(self.bytes.len() - start).expect("callers keep an attribute below 64 KiB");
        self.bytes[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        self.bytes[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        pad(self.bytes);
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(aligned(bytes.len()), 0);
}
