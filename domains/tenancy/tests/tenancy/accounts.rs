//! Provider accounts: routes, changes, webhook tokens, credentials.

use carepost_kernel::{Channel, ErrorKind, Secret};
use carepost_tenancy::{
    AccountChange, AccountStatus, FieldProblem, NewAccount, RouteChange, TenancyError, TenancyEvent,
};
use serde_json::json;

use crate::support::{World, actor, new_account, pleased};

fn at(route_order: i16) -> RouteChange {
    RouteChange { route_order: Some(route_order), ..RouteChange::default() }
}

#[tokio::test]
async fn accounts_come_in_route_order_without_closed_ones() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let mut ids = Vec::new();
    for (name, route_order) in [("second", 2), ("first", 1), ("third", 2)] {
        let new = NewAccount { route: at(route_order), ..new_account(name) };
        ids.push(world.directory.create_account(&actor(), tenant_id, new, pleased).await.unwrap().account_id);
    }
    let email = NewAccount { channel: Channel::Email, vendor: "smtp".to_owned(), ..new_account("mail") };
    world.directory.create_account(&actor(), tenant_id, email, pleased).await.unwrap();
    let names = |accounts: &[std::sync::Arc<carepost_tenancy::ProviderAccount>]| {
        accounts.iter().map(|account| account.name.clone()).collect::<Vec<_>>()
    };
    let route = world.directory.accounts(tenant_id, Channel::Sms).await.unwrap();
    assert_eq!(names(&route), ["first", "second", "third"]);
    assert_eq!(names(&world.directory.accounts(tenant_id, Channel::Email).await.unwrap()), ["mail"]);
    assert!(world.directory.accounts(tenant_id, Channel::Voice).await.unwrap().is_empty());

    let directory = &world.directory;
    directory.set_account_status(&actor(), tenant_id, ids[1], AccountStatus::Paused).await.unwrap();
    directory.set_account_status(&actor(), tenant_id, ids[0], AccountStatus::Closed).await.unwrap();
    let route = directory.cached_accounts(tenant_id, Channel::Sms).unwrap();
    assert_eq!(names(&route), ["first", "third"]);
    assert_eq!(route[0].status, AccountStatus::Paused);
    // A closed account is still known, and stays closed.
    assert_eq!(directory.account(tenant_id, ids[0]).await.unwrap().status, AccountStatus::Closed);
    let error = directory.set_account_status(&actor(), tenant_id, ids[0], AccountStatus::Active).await.unwrap_err();
    assert!(matches!(error, TenancyError::Invalid { pointer, .. } if pointer == "/status"));
    assert_eq!(directory.list_accounts(tenant_id, None, 3).await.unwrap().items.len(), 3);
    let rest = directory.list_accounts(tenant_id, None, 3).await.unwrap().next;
    assert_eq!(directory.list_accounts(tenant_id, rest, 3).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn the_vendors_check_sees_the_account_as_it_would_be() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let refuse = |_: &NewAccount| Err(FieldProblem::new("/settings/from", "not one of the account's numbers"));
    let error = world.directory.create_account(&actor(), tenant_id, new_account("main"), refuse).await.unwrap_err();
    assert!(matches!(error, TenancyError::Invalid { pointer, .. } if pointer == "/settings/from"));
    assert!(world.directory.list_accounts(tenant_id, None, 10).await.unwrap().items.is_empty());

    let account = world.directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    let change = AccountChange { settings: Some(json!({ "from": "+15005550001" })), ..AccountChange::default() };
    let check = |merged: &NewAccount| {
        assert_eq!(merged.settings, json!({ "from": "+15005550001" }));
        assert!(merged.credentials.as_ref().unwrap().expose().contains("canary-credential"));
        Ok(())
    };
    let changed = world.directory.update_account(&actor(), tenant_id, account.account_id, change, check).await.unwrap();
    assert_eq!((changed.version, changed.settings), (2, json!({ "from": "+15005550001" })));
    let untouched = AccountChange { route: at(9), ..AccountChange::default() };
    let never = |_: &NewAccount| panic!("nothing of the vendor's changes");
    let moved =
        world.directory.update_account(&actor(), tenant_id, account.account_id, untouched, never).await.unwrap();
    assert_eq!((moved.route_order, moved.max_in_flight), (9, account.max_in_flight));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let other_id = world.tenant("lakeside").await.tenant_id;
    world.directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    world.directory.create_account(&actor(), other_id, new_account("main"), pleased).await.unwrap();
    let spare = world.directory.create_account(&actor(), tenant_id, new_account("spare"), pleased).await.unwrap();
    let taken = world.directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    let change = AccountChange { name: Some("main".to_owned()), ..AccountChange::default() };
    let taken = world.directory.update_account(&actor(), tenant_id, spare.account_id, change, pleased).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn ten_2_credentials_open_for_their_account_and_can_be_replaced() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let account = world.directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    let opened = world.other_process().open_credentials(&account).await.unwrap();
    assert_eq!(opened.expose(), r#"{"auth_token":"canary-credential"}"#);
    let fresh = Secret::new(r#"{"auth_token":"fresh"}"#.to_owned());
    let change = AccountChange { credentials: Some(fresh.clone()), ..AccountChange::default() };
    let changed =
        world.directory.update_account(&actor(), tenant_id, account.account_id, change, pleased).await.unwrap();
    assert_eq!(world.directory.open_credentials(&changed).await.unwrap(), fresh);
    let sandbox = NewAccount { credentials: None, sandbox: true, ..new_account("sandbox") };
    let sandbox = world.directory.create_account(&actor(), tenant_id, sandbox, pleased).await.unwrap();
    assert!(!sandbox.has_credentials());
    assert_eq!(world.directory.open_credentials(&sandbox).await.unwrap().expose(), "{}");
    assert!(!format!("{account:?}").contains("canary"));
}

#[tokio::test]
async fn a_webhook_token_finds_its_account_even_when_closed() {
    let mut world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let account = world.directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    let token = world.directory.open_webhook_token(&account).await.unwrap();
    assert_eq!(token.expose().len(), 43);
    world.directory.set_account_status(&actor(), tenant_id, account.account_id, AccountStatus::Closed).await.unwrap();
    let found = world.directory.account_by_webhook_token(token.expose()).await.unwrap();
    assert_eq!((found.tenant_id, found.account_id), (tenant_id, account.account_id));
    for unknown in ["", "short", &"A".repeat(43)] {
        let error = world.directory.account_by_webhook_token(unknown).await.unwrap_err();
        assert!(matches!(error, TenancyError::UnknownWebhookToken));
    }
    // TEN-5: known ones work without the database, the others are not called unknown.
    world.take_database_away().await;
    world.directory.account_by_webhook_token(token.expose()).await.unwrap();
    let away = world.directory.account_by_webhook_token(&"B".repeat(43)).await.unwrap_err();
    assert_eq!(away.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_account_that_another_process_makes_or_changes_comes_in_with_one_refresh() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let other = world.other_process();
    assert!(other.accounts(tenant_id, Channel::Sms).await.unwrap().is_empty());
    let mut events = other.subscribe();
    let account = world.directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    let account_id = account.account_id;
    let news = TenancyEvent::AccountChanged { tenant_id, account_id };
    assert_eq!(other.refresh().await.unwrap(), 1);
    assert_eq!(events.try_recv().unwrap(), news);
    assert_eq!(*other.cached_accounts(tenant_id, Channel::Sms).unwrap()[0], account);

    world.directory.set_account_status(&actor(), tenant_id, account_id, AccountStatus::Paused).await.unwrap();
    assert_eq!(other.refresh().await.unwrap(), 1);
    assert_eq!(events.try_recv().unwrap(), news);
    assert_eq!(other.cached_accounts(tenant_id, Channel::Sms).unwrap()[0].status, AccountStatus::Paused);
    assert_eq!(other.refresh().await.unwrap(), 0);
}
