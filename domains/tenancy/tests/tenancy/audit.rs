//! The trail: one entry for each change, in the change's own transaction.

use carepost_audit::{DEPLOYMENT, list};
use carepost_tenancy::{AccountStatus, NewEndpoint, TenantStatus};
use serde_json::json;

use crate::support::{World, actor, new_account, new_key, pleased};

#[tokio::test]
async fn aud_1_every_change_leaves_one_entry_with_who_what_and_how() {
    let world = World::new().await;
    let directory = &world.directory;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    directory.patch_settings(&actor(), tenant_id, &json!({ "weight": 4 }), None).await.unwrap();
    // Nothing changes, so nothing is written.
    directory.patch_settings(&actor(), tenant_id, &json!({ "weight": 4 }), None).await.unwrap();
    let (key, _) = directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    directory.revoke_api_key(&actor(), tenant_id, key.api_key_id).await.unwrap();
    directory.revoke_api_key(&actor(), tenant_id, key.api_key_id).await.unwrap();
    let account = directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    directory.set_account_status(&actor(), tenant_id, account.account_id, AccountStatus::Paused).await.unwrap();
    let url = "https://hooks.example.com/".to_owned();
    let new = NewEndpoint { url, event_types: Vec::new(), start_after: None };
    let (endpoint, _) = directory.create_endpoint(&actor(), tenant_id, new).await.unwrap();
    directory.remove_endpoint(&actor(), tenant_id, endpoint.webhook_endpoint_id).await.unwrap();
    directory.set_tenant_status(&actor(), tenant_id, TenantStatus::Paused).await.unwrap();

    let mut trail = directory.list_audit_events(tenant_id, None, 100).await.unwrap().items;
    trail.reverse();
    let actions: Vec<_> = trail.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "tenant.create",
            "tenant.update_settings",
            "api_key.create",
            "api_key.revoke",
            "provider_account.create",
            "provider_account.update",
            "webhook_endpoint.create",
            "webhook_endpoint.remove",
            "tenant.change_status",
        ]
    );
    assert!(trail.iter().all(|event| (event.actor_kind.as_str(), event.actor_id.as_str()) == ("cli", "tester")));
    let settings = &trail[1].detail;
    assert_eq!((&settings["previous"]["weight"], &settings["current"]["weight"]), (&json!(1), &json!(4)));
    assert_eq!(trail[5].subject_id, account.account_id.to_string());
    assert_eq!(trail[5].detail["current"]["status"], "paused");
}

#[tokio::test]
async fn the_trail_is_read_in_pages_newest_first() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    for weight in 2..=6 {
        let patch = json!({ "weight": weight });
        world.directory.patch_settings(&actor(), tenant_id, &patch, None).await.unwrap();
    }
    let first = world.directory.list_audit_events(tenant_id, None, 4).await.unwrap();
    let weights: Vec<_> = first.items.iter().map(|event| event.detail["current"]["weight"].clone()).collect();
    assert_eq!(weights, [json!(6), json!(5), json!(4), json!(3)]);
    let second = world.directory.list_audit_events(tenant_id, first.next, 4).await.unwrap();
    assert_eq!((second.items.len(), second.next), (2, None));
    assert_eq!(second.items[1].action, "tenant.create");
}

#[tokio::test]
async fn a_placement_stands_in_the_deployments_own_trail() {
    let world = World::new().await;
    let mut engine = world.control.engine().await.unwrap();
    let tx = engine.begin().await.unwrap();
    let trail = list(&tx, DEPLOYMENT, None, 10).await.unwrap().items;
    assert_eq!(trail.len(), 1);
    assert_eq!((trail[0].action.as_str(), &trail[0].detail["kind"]), ("placement.create", &json!("pooled")));
}
