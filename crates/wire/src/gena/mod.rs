//! General Event Notification Architecture: subscriptions and event messages as bytes (UDA 1.1 section 4).

mod notify;
mod request;
pub mod subscriber;

pub use notify::{Notify, response_status};
pub use request::{Head, MAX_CALLBACKS, Refusal, Subscribe, Timeout, subscribe, unsubscribe};
