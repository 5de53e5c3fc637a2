//! Numbers that nobody can guess.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Bytes that nobody can guess: the system's randomness, stretched by the hash that keeps std's tables safe from
/// chosen keys.
pub(crate) fn unguessable<const N: usize>() -> [u8; N] {
    let keys = RandomState::new();
    let mut bytes = [0; N];
    for (number, part) in bytes.chunks_mut(8).enumerate() {
        part.copy_from_slice(&keys.hash_one(number).to_ne_bytes()[..part.len()]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn bytes_do_not_repeat() {
        let drawn: BTreeSet<[u8; 12]> = (0..1000).map(|_| unguessable()).collect();
        assert_eq!(drawn.len(), 1000);
        let one = unguessable::<16>();
        assert_ne!(one[..8], one[8..]);
    }
}
