//! Whether a gateway has kept its state.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_gateway_that_goes_on_is_believed() {
    for carrier in [Carrier::Pcp, Carrier::NatPmp] {
        let network = network(Speaks::Both);
        let server = find_by(&network, &[carrier]).await.unwrap();
        for pause in [1, 0, 3600, 86_400] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            assert_eq!(
                server.look().await.unwrap().epoch,
                Continuity::Continues,
                "{carrier} {pause}"
            );
        }
        assert_eq!(server.era(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_starts_anew_is_noticed_once() {
    for carrier in [Carrier::Pcp, Carrier::NatPmp] {
        let network = network(Speaks::Both);
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let server = find_by(&network, &[carrier]).await.unwrap();
        let clone = server.clone();
        network.gateway().port_server.begin_epoch();
        let granted = server.map(&ask()).await.unwrap();
        assert_eq!(granted.epoch, Continuity::Lost, "{carrier}");
        assert_eq!(clone.look().await.unwrap().epoch, Continuity::Continues, "{carrier}");
        assert_eq!((server.era(), clone.era()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_loss_that_an_error_told_counts_too() {
    let network = network(Speaks::Pcp);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let server = find(&network).await.unwrap();
    network.gateway().port_server.begin_epoch();
    network.gateway().port_server.pcp_refuses = Some(pcp::ResultCode::NoResources.into());
    refusal(server.map(&ask()).await);
    assert_eq!(server.era(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_epoch_of_pcp_forgets_the_external_address() {
    let network = network(Speaks::Pcp);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let server = find(&network).await.unwrap();
    server.map(&ask()).await.unwrap();
    network.set_external_address("11.11.11.7");
    network.gateway().port_server.begin_epoch();
    assert_eq!(server.external_address().await, Ok(Some([11, 11, 11, 7].into())));
}
