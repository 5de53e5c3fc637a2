//! For tests only: a gateway between a LAN and the Internet, made of network namespaces.
//!
//! ```no_run
//! # use portreeve_testkit::{Lab, Echo, reach_tcp, require_root};
//! let Some(()) = require_root("bytes through a mapping") else { return };
//! let lab = Lab::builder().lan_hosts(2).internet_hosts(1).build();
//! let _echo = Echo::tcp(lab.lan_host(1), 8080);
//! lab.gateway().nft("table ip t { chain c { type nat hook prerouting priority dstnat; \
//!     tcp dport 9000 dnat to 192.168.77.11:8080; }; }");
//! let reply = reach_tcp(lab.internet_host(1), "11.11.11.2:9000").expect("the port is open");
//! assert_eq!(reply.server, "lan1");
//! ```
//!
//! For gateways that misbehave there is [`ScriptedGateway`], which also runs on loopback, without root.
//!
//! Everything is taken away when the [`Lab`] is dropped, also by a panicking test. What a killed test process left
//! behind is swept by the next lab that is built. Nothing outside the lab's own namespaces is touched.

mod echo;
mod host;
mod lab;
mod process;
mod root;
pub mod scripted;
mod sweep;
mod temp_dir;
mod topology;
mod wait;

pub use echo::{Echo, Reply, reach_tcp, reach_udp};
pub use host::Host;
pub use lab::{Cable, Lab, LabBuilder};
pub use process::{Finished, Process};
pub use root::require_root;
pub use scripted::ScriptedGateway;
pub use temp_dir::TempDir;
pub use topology::{Addresses, Way};
pub use wait::wait_until;
