//! The control point's side: what it asks for, and event messages in, as sloppy as gateways send them.

mod message;
mod propertyset;
mod subscription;

pub use message::{Message, MessageHead, NoMessage, read};
pub use propertyset::{MAX_BODY, MAX_PROPERTIES, Property, PropertySetError, properties};
pub use subscription::{Granted, NOTIFICATION_TYPE, Sid, asked_timeout, callback, granted};
