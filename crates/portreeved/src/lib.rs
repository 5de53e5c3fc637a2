//! The daemon's insides, as a library, so that tests and fuzz targets reach them.

pub mod args;
pub mod config;
pub mod exit;
pub mod http;
pub mod machine;
pub(crate) mod runtime;
