//! Tenants come to life and retire, each by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use carepost_actors::Tuning;
use carepost_kernel::TenantId;
use jiff::Timestamp;
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::support::{PATIENCE, World, tuning, until};

/// Whether an actor of the tenant lives.
async fn lives(world: &World, tenant_id: TenantId) -> bool {
    world.restarts().await.contains_key(&format!("root/tenant:{tenant_id}"))
}

async fn lease_ends_at(world: &World, tenant_id: TenantId) -> Timestamp {
    let connection = world.placement.engine().await.unwrap();
    let ends = "SELECT expires_at FROM tenant_leases WHERE tenant_id = $1";
    connection.query_one(ends, &[&tenant_id.as_uuid()]).await.unwrap().get(0)
}

#[actix::test]
async fn del_10_a_tenant_whose_lease_is_gone_is_taken_up_again() {
    let world = World::new().await;
    let before = world.enqueue(&world.first).await;
    world.delivered(&world.first, &[before]).await;
    world.engine.lose_lease(world.first.id()).await.unwrap();
    let after = timeout(PATIENCE, world.enqueue(&world.first)).await.expect("it is taken in");
    world.delivered(&world.first, &[after]).await;
    assert_eq!((world.vendor.calls(before), world.vendor.calls(after)), (1, 1));
    world.stop().await;
}

#[actix::test]
async fn del_10_an_idle_tenant_retires_and_comes_again_at_any_moment() {
    let world = World::tuned(Tuning { idle_after: Duration::from_millis(300), ..tuning() }).await;
    let mut messages = Vec::new();
    for round in 0..20_u64 {
        let message_id = timeout(PATIENCE, world.enqueue(&world.first)).await.expect("it is taken in");
        messages.push(message_id);
        world.delivered(&world.first, &[message_id]).await;
        if round % 10 == 0 {
            until("the tenant has retired", async || !lives(&world, world.first.id()).await).await;
        } else {
            // Somewhere around the moment at which it retires.
            tokio::time::sleep(Duration::from_millis(250 + 10 * round)).await;
        }
    }
    let twice: Vec<_> = messages.iter().filter(|message_id| world.vendor.calls(**message_id) != 1).collect();
    assert!(twice.is_empty(), "DEL-5: called once for each message: {twice:?}");
    world.stop().await;
}

#[actix::test]
async fn a_dead_database_of_one_tenant_holds_nobody_else_up() {
    let (world, proxy) =
        (World::tuned(Tuning { lease_ttl: Duration::from_secs(3), ..tuning() }).await, Proxy::start().await);
    let far = world.far_tenant(&proxy).await;
    let sent = world.enqueue(&world.first).await;
    world.delivered(&world.first, &[sent]).await;
    proxy.freeze();
    let stuck = world.enqueue(&far);
    let others = async {
        // Nobody has worked for this one yet.
        let sent = world.enqueue(&world.second).await;
        world.delivered(&world.second, &[sent]).await;
        let mut ends = BTreeSet::new();
        while ends.len() < 4 {
            ends.insert(lease_ends_at(&world, world.first.id()).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let last = ends.last().copied().unwrap();
        assert!(last > world.clock.now(), "DEL-10: its lease has not run out meanwhile");
    };
    tokio::select! {
        _taken_in = stuck => panic!("the database was frozen"),
        done = timeout(PATIENCE, others) => done.expect("the others were held up"),
    }
    proxy.thaw();
    timeout(PATIENCE, world.enqueue(&far)).await.expect("it is taken in again");
    world.stop().await;
}
