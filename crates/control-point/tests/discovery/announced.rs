//! What gateways announce.

use portreeve::discovery::{Announcement, Announcements};
use portreeve_testkit::{Lab, require_root};

use super::*;

#[test]
fn a_gateway_that_leaves_and_comes_back_is_heard_and_others_are_not() {
    let Some(()) = require_root("announcements in a network") else {
        return;
    };
    let lab = Lab::builder().lan_hosts(2).build();
    let scripted = ScriptedGateway::builder().start_in(lab.gateway());
    let other = ScriptedGateway::builder().start_in(lab.lan_host(2));
    lab.lan_host(1).run(|| {
        block_on(async {
            let gateway = discover().without_cache().await.unwrap();
            assert_eq!(gateway.address(), IpAddr::V4(scripted.address()));
            let mut announcements = Announcements::of(&gateway).unwrap();
            other.announce_byebye();
            scripted.announce_byebye();
            assert_eq!(next(&mut announcements).await, Announcement::Byebye);
            scripted.go_silent();
            scripted.come_back();
            let (boot_id, location) = loop {
                match next(&mut announcements).await {
                    Announcement::Alive { boot_id, location } => break (boot_id, location),
                    Announcement::Byebye => {}
                    unexpected => panic!("{unexpected:?}"),
                }
            };
            assert_eq!(location.as_deref(), Some(scripted.description_url().as_str()));
            assert!(boot_id.is_some() && boot_id != gateway.boot_id(), "it has started anew");
            other.announce_alive();
            let more = tokio::time::timeout(Duration::from_millis(300), async {
                while let Announcement::Alive { location, .. } = next(&mut announcements).await {
                    assert_eq!(location.as_deref(), Some(scripted.description_url().as_str()));
                }
            });
            assert!(more.await.is_err(), "only announcements of the gateway itself came");
        });
    });
}

async fn next(announcements: &mut Announcements) -> Announcement {
    let next = tokio::time::timeout(Duration::from_secs(10), announcements.next());
    next.await.expect("an announcement comes").expect("it can be heard")
}
