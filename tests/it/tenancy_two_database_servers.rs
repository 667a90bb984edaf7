//! Beyond one database: the placement map over two servers. Each tenant's rows are where the map says, and one server
//! that is away is no trouble for the other's tenants.

use carepost_providers::Vendor;
use serde_json::json;

use crate::support::postgres::PrivatePostgres;
use crate::support::{Clinic, Server, World, phone, sms, wait_for, wait_until};

const TAKE_OVER: std::time::Duration = std::time::Duration::from_secs(15);
/// Of the one tenant that lives there.
const STORED: &str = "SELECT count(*) FROM messages";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_of_two_database_servers_do_not_need_each_other() {
    let mut far = PrivatePostgres::start().await;
    let mut world = World::open().await;
    let near = Clinic::open(&world.server, "near", json!({})).await;
    let placement = json!({ "kind": "own_database", "url": far.url });
    let remote = Clinic::open_in(&world.server, "remote", json!({}), placement).await;
    for clinic in [&near, &remote] {
        clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
        clinic.until(&clinic.send(&sms(&phone(1))).await, "delivered").await;
    }
    assert_eq!(world.database.count(STORED).await, 1, "the other's is on the other server");

    // A second process shares tenants of both servers, and a kill moves them all.
    let mut second = Server::start(&world.database.url, &[]).await;
    for clinic in [&near, &remote] {
        let id = clinic.api.at(&second.base).message(&sms(&phone(2))).await.expect(202).id();
        clinic.until(&id, "delivered").await;
    }
    world.server.allow_outage();
    second.allow_outage();
    second.kill9();
    for clinic in [&near, &remote] {
        let body = sms(&phone(3));
        let answer = tokio::time::timeout(TAKE_OVER, clinic.api.keyed("after-the-kill", &body))
            .await
            .expect("taken over in time")
            .unwrap()
            .expect(202);
        clinic.until(&answer.id(), "delivered").await;
    }

    // One server dies without a word: its tenant is told to come again, the other's tenant notices nothing.
    far.kill9().await;
    for number in 0..20 {
        let id = near.send(&sms(&phone(10 + number))).await;
        near.until(&id, "delivered").await;
    }
    let refused = remote.api.keyed("while-away", &sms(&phone(4))).await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.header("retry-after").is_some());
    far.run().await;
    let takes = || async { remote.api.keyed("while-away", &sms(&phone(4))).await.unwrap().status == 202 };
    wait_for(TAKE_OVER, "the tenant is served again", takes).await;
    let id = remote.api.keyed("while-away", &sms(&phone(4))).await.unwrap().expect(202).id();
    remote.until(&id, "delivered").await;
    assert_eq!(world.database.count(STORED).await, 23);
    let owners = "SELECT count(*) FROM tenant_leases WHERE expires_at > now()";
    wait_until("each server keeps its own leases", || async { world.database.count(owners).await == 1 }).await;
}
