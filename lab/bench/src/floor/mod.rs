//! What the kernel and the disk allow at best.

pub(crate) mod disk;
pub(crate) mod netlink;
