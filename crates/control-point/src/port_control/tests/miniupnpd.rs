//! Against Debian's miniupnpd, which nobody here wrote, in a network of its own.

use std::fs;
use std::process::Command;

use portreeve_testkit::{Echo, Lab, Process, TempDir, reach_tcp, require_root};
use tokio::time::{Instant, timeout};

use super::*;
use crate::network::{Network, System};

/// The chains that it expects to find.
const CHAINS: &str = "
table inet miniupnpd {
    chain forward { type filter hook forward priority 0; jump miniupnpd; }
    chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
    chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
}
";

/// Without a console, which is slow where it is a serial line.
const WITHOUT_CONSOLE: &str = "mount --bind /dev/null /dev/console 2>/dev/null; exec miniupnpd \"$@\"";

const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    lab: Lab,
    directory: TempDir,
}

impl World {
    /// None if it cannot be had; what is left out has been printed then.
    fn new() -> Option<Self> {
        require_root("PCP and NAT-PMP with miniupnpd")?;
        if Command::new("miniupnpd").arg("--version").output().is_err() {
            eprintln!("left out, needs miniupnpd (Debian: miniupnpd-nftables)");
            return None;
        }
        let lab = Lab::builder().build();
        lab.gateway().nft(CHAINS);
        let directory = TempDir::new();
        let text = format!(
            "ext_ifname={}\nlistening_ip={}\nenable_upnp=no\nenable_natpmp=yes\nuuid=8a3b1c52-5c2e-4a54-9d0f-3f6d6f6d7009\n\
             upnp_table_name=miniupnpd\nupnp_nat_table_name=miniupnpd\nupnp_forward_chain=miniupnpd\n\
             upnp_nat_chain=prerouting_miniupnpd\nupnp_nat_postrouting_chain=postrouting_miniupnpd\n\
             allow 1024-65535 192.168.0.0/16 1024-65535\ndeny 0-65535 0.0.0.0/0 0-65535\n",
            lab.wan_interface(),
            lab.lan_interface(0)
        );
        fs::write(directory.path().join("conf"), text).unwrap();
        Some(Self { lab, directory })
    }

    fn start(&self) -> Process {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let arguments = [
            "-c",
            WITHOUT_CONSOLE,
            "sh",
            "-d",
            "-f",
            &path("conf"),
            "-P",
            &path("pid"),
        ];
        self.lab.gateway().spawn("sh", arguments)
    }

    /// Runs it on the first LAN host.
    fn run<T: Send>(&self, work: impl AsyncFnOnce(Arc<dyn Network>) -> T + Send) -> T {
        self.lab.lan_host(1).run(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(work(Arc::new(System)))
        })
    }
}

/// Until it has started.
async fn find_at(network: &Arc<dyn Network>, to: SocketAddr, from: IpAddr, carrier: Carrier) -> PortServer {
    let start = Instant::now();
    loop {
        match PortServer::find(Arc::clone(network), to, from, &[carrier], SECOND).await {
            Ok(server) => return server,
            Err(why) => assert!(start.elapsed() < PATIENCE, "{why}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn mappings_of_both_protocols_carry_bytes_and_go() {
    let Some(world) = World::new() else { return };
    let _daemon = world.start();
    let (host, internet) = (world.lab.lan_host(1), world.lab.internet_host(1));
    let here = IpAddr::V4(host.ipv4());
    let outside = IpAddr::V4(world.lab.wan_ipv4());
    let echo = Echo::tcp(host, 0);
    for carrier in [Carrier::Pcp, Carrier::NatPmp] {
        let ask = Ask {
            internal_port: echo.port(),
            external_port: ExternalPort::Rather(port(18_080)),
            ..ask()
        };
        let (server, granted) = world.run(async |network| {
            let server = find_at(&network, at(GATEWAY), here, carrier).await;
            let granted = server.map(&ask).await.unwrap();
            let renewed = server.map(&ask).await.unwrap();
            assert_eq!((granted.external_port, granted), (18_080, renewed), "{carrier}");
            assert_eq!(server.external_address().await, Ok(Some(outside)), "{carrier}");
            (server, granted)
        });
        assert_eq!((granted.lease.as_secs(), granted.epoch), (7200, Continuity::Continues));
        let reply = reach_tcp(internet, (outside, granted.external_port)).unwrap();
        assert_eq!(reply.server, host.name(), "{carrier}");
        world.run(async |_| {
            server.unmap(&ask).await.unwrap();
            let low = Ask {
                internal_port: 80,
                external_port: ExternalPort::Only(port(80)),
                ..ask.clone()
            };
            let refused = refusal(server.map(&low).await);
            assert_ne!(refused.code, 0, "{carrier}: {refused}");
        });
        assert!(
            reach_tcp(internet, (outside, granted.external_port)).is_err(),
            "{carrier}"
        );
    }
}

#[test]
fn over_ipv6_it_is_asked_by_pcp() {
    let Some(world) = World::new() else { return };
    let _daemon = world.start();
    let here = IpAddr::V6(world.lab.lan_host(1).ipv6());
    let router = scoped(world.lab.gateway().ipv6().into(), pcp::SERVER_PORT, 0);
    world.run(async |network| {
        let server = find_at(&network, router, here, Carrier::Pcp).await;
        let granted = server.map(&ask()).await.unwrap();
        assert_eq!((granted.external_port, granted.external_address), (8080, Some(here)));
    });
}

#[test]
fn an_end_is_noticed_at_once_and_a_start_is_heard() {
    let Some(world) = World::new() else { return };
    let daemon = world.start();
    let here = IpAddr::V4(world.lab.lan_host(1).ipv4());
    let server = world.run(async |network| {
        let server = find_at(&network, at(GATEWAY), here, Carrier::Pcp).await;
        // Until it has an age that a start shows in.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(server.look().await.unwrap().epoch, Continuity::Continues);
        server
    });
    daemon.stop();
    let again = world.run(async |_| {
        let start = Instant::now();
        let gone = server.look().await;
        assert!(
            matches!(gone, Err(Error::Conversation(Conversation::Unreachable { .. }))),
            "{gone:?}"
        );
        // Silence takes five times as long.
        assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
        let mut announcements = PortAnnouncements::of(&server).unwrap();
        let again = world.start();
        let heard = timeout(PATIENCE, announcements.next()).await.unwrap().unwrap();
        assert_eq!((heard.epoch, server.era()), (Continuity::Lost, 1));
        assert_eq!(server.look().await.unwrap().epoch, Continuity::Continues);
        again
    });
    again.stop();
}
