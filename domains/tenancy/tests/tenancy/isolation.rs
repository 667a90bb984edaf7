//! TEN-6: tenant A against everything of tenant B.

use carepost_kernel::ErrorKind;
use carepost_tenancy::{AccountChange, AccountStatus, EndpointChange, NewEndpoint};
use serde_json::json;

use crate::support::{World, actor, new_account, new_key, pleased};

#[tokio::test]
async fn ten_6_a_tenant_neither_lists_nor_changes_what_is_anothers() {
    let world = World::new().await;
    let directory = &world.directory;
    let ours = world.tenant("ours").await.tenant_id;
    let theirs = world.tenant("theirs").await.tenant_id;
    let (key, text) = directory.create_api_key(&actor(), theirs, new_key()).await.unwrap();
    let account = directory.create_account(&actor(), theirs, new_account("main"), pleased).await.unwrap();
    let url = "https://hooks.example.com/".to_owned();
    let new = NewEndpoint { url, event_types: Vec::new(), start_after: None };
    let (endpoint, _) = directory.create_endpoint(&actor(), theirs, new).await.unwrap();

    assert!(directory.list_api_keys(ours, None, 10).await.unwrap().items.is_empty());
    assert!(directory.list_accounts(ours, None, 10).await.unwrap().items.is_empty());
    assert!(directory.list_endpoints(ours, None, 10).await.unwrap().items.is_empty());
    let trail = directory.list_audit_events(ours, None, 10).await.unwrap();
    assert!(trail.items.iter().all(|event| event.tenant_id == ours));

    let (account_id, endpoint_id) = (account.account_id, endpoint.webhook_endpoint_id);
    let account_change = || AccountChange { status: Some(AccountStatus::Closed), ..AccountChange::default() };
    let refusals = [
        directory.api_key(ours, key.api_key_id).await.unwrap_err(),
        directory.revoke_api_key(&actor(), ours, key.api_key_id).await.unwrap_err(),
        directory.account(ours, account_id).await.unwrap_err(),
        directory.update_account(&actor(), ours, account_id, account_change(), pleased).await.unwrap_err(),
        directory.endpoint(ours, endpoint_id).await.unwrap_err(),
        directory.update_endpoint(&actor(), ours, endpoint_id, EndpointChange::default()).await.unwrap_err(),
        directory.remove_endpoint(&actor(), ours, endpoint_id).await.unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.kind(), ErrorKind::NotFound, "{refusal}");
    }
    directory.authenticate(text.expose()).await.unwrap();
    assert_eq!(*directory.account(theirs, account_id).await.unwrap(), account);
    assert_eq!(directory.endpoint(theirs, endpoint_id).await.unwrap(), endpoint);
}

#[tokio::test]
async fn ten_6_row_level_security_holds_where_a_statement_forgets_its_tenant() {
    let world = World::new().await;
    let ours = world.tenant("ours").await.tenant_id;
    let theirs = world.tenant("theirs").await.tenant_id;
    for tenant_id in [ours, theirs] {
        world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
        world.directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    }
    let mut connection = world.control.tenant(ours).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let seen = tx.query(include_str!("sql/count_everything.sql"), &[]).await.unwrap();
    for row in seen {
        let (table, mine, foreign): (&str, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert!(mine > 0 && foreign == 0, "{table}: {mine} {foreign}");
    }
    let touched = tx.execute(include_str!("sql/rename_everything.sql"), &[]).await.unwrap();
    assert_eq!(touched, 1);
}

#[tokio::test]
async fn a_tenants_role_reads_no_data_key_and_no_placement_and_rewrites_no_trail() {
    let world = World::new().await;
    let ours = world.tenant("ours").await.tenant_id;
    world.directory.patch_settings(&actor(), ours, &json!({ "weight": 2 }), None).await.unwrap();
    for sql in [
        include_str!("sql/read_data_keys.sql"),
        include_str!("sql/read_placements.sql"),
        include_str!("sql/rewrite_trail.sql"),
        include_str!("sql/clear_trail.sql"),
        include_str!("sql/move_tenant.sql"),
    ] {
        let mut connection = world.control.tenant(ours).await.unwrap();
        let tx = connection.begin().await.unwrap();
        let error = tx.execute(sql, &[]).await.unwrap_err();
        assert_eq!(error.code(), Some("42501"), "{sql}");
    }
    for sql in [include_str!("sql/rewrite_trail.sql"), include_str!("sql/clear_trail.sql")] {
        let error = world.control.engine().await.unwrap().execute(sql, &[]).await.unwrap_err();
        assert_eq!(error.code(), Some("42501"), "{sql}");
    }
}
