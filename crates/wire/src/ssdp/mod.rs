//! SSDP (UDA 1.1 section 1): searches and announcements, in and out. Sockets, clock and randomness are the caller's.

mod advertise;
mod head;
mod message;
mod render;
mod schedule;
mod search;
mod target;

pub use advertise::{Advertisement, Answer, advertisements, answers};
pub use message::{Dropped, Message, Notification, Notify, Response, Search, parse};
pub use render::{Announcer, Group, PORT};
pub use schedule::{Received, spread, window};
pub use search::{Asked, render_search};
pub use target::SearchTarget;
