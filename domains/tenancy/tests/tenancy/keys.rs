//! API keys: found by hash, cached, revoked, written down.

use std::time::Duration;

use carepost_kernel::{ErrorKind, Secret};
use carepost_tenancy::{NewApiKey, Scope, TenancyError, TenancyEvent};
use jiff::{SignedDuration, Timestamp};

use crate::support::{World, actor, advance, new_key, noon};

/// A key of the right form that nobody made.
async fn strangers_key() -> Secret<String> {
    let stranger = World::new().await;
    let tenant_id = stranger.tenant("elsewhere").await.tenant_id;
    stranger.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap().1
}

#[tokio::test]
async fn ten_1_a_key_stands_for_its_tenant_and_scopes() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (key, text) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    assert!(text.expose().starts_with("cp_"));
    let principal = world.directory.authenticate(text.expose()).await.unwrap();
    assert_eq!((principal.tenant_id, principal.api_key_id), (tenant_id, key.api_key_id));
    assert!(principal.may(Scope::MessagesWrite) && principal.may(Scope::EventsRead));
    assert!(!principal.may(Scope::MessagesContent) && !principal.may(Scope::AdminTenant));
    let listed = world.directory.list_api_keys(tenant_id, None, 10).await.unwrap();
    assert_eq!(listed.items, [key]);
}

#[tokio::test]
async fn wrong_new_keys_are_named() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let table = [
        (NewApiKey { name: String::new(), ..new_key() }, "/name"),
        (NewApiKey { scopes: Vec::new(), ..new_key() }, "/scopes"),
        (NewApiKey { expires_at: Some(Timestamp::UNIX_EPOCH), ..new_key() }, "/expires_at"),
    ];
    for (new, expected) in table {
        let error = world.directory.create_api_key(&actor(), tenant_id, new).await.unwrap_err();
        assert!(matches!(error, TenancyError::Invalid { pointer, .. } if pointer == expected), "{expected}");
    }
}

#[tokio::test]
async fn ten_4_a_revoked_key_opens_nothing_at_once_and_elsewhere_after_a_refresh() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (key, text) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    let other = world.other_process();
    world.directory.authenticate(text.expose()).await.unwrap();
    other.authenticate(text.expose()).await.unwrap();
    let mut events = world.directory.subscribe();
    let mut elsewhere = other.subscribe();
    let revoked = TenancyEvent::ApiKeyRevoked { tenant_id, api_key_id: key.api_key_id };

    let first = world.directory.revoke_api_key(&actor(), tenant_id, key.api_key_id).await.unwrap();
    assert!(first.revoked_at.is_some());
    assert!(world.directory.cached_principal(text.expose()).is_none());
    let refused = world.directory.authenticate(text.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    assert_eq!(events.try_recv().unwrap(), revoked);

    assert_eq!(other.refresh().await.unwrap(), 1);
    assert_eq!(elsewhere.try_recv().unwrap(), revoked);
    assert!(matches!(other.authenticate(text.expose()).await, Err(TenancyError::Unauthenticated)));
    assert_eq!(other.refresh().await.unwrap(), 0);
    // Once more changes nothing, not even the time.
    let again = world.directory.revoke_api_key(&actor(), tenant_id, key.api_key_id).await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_4_no_load_that_was_on_its_way_brings_a_revoked_key_back() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    for _ in 0..50 {
        let (key, text) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
        let (directory, presented) = (world.directory.clone(), text.clone());
        // Either answer is right while the revocation is under way; what counts is what holds after it.
        let loading = tokio::spawn(async move { directory.authenticate(presented.expose()).await.is_ok() });
        world.directory.revoke_api_key(&actor(), tenant_id, key.api_key_id).await.unwrap();
        let after = world.directory.authenticate(text.expose()).await;
        assert!(matches!(after, Err(TenancyError::Unauthenticated)));
        let _either = loading.await.unwrap();
        assert!(world.directory.cached_principal(text.expose()).is_none());
    }
}

#[tokio::test]
async fn an_expired_key_opens_nothing_even_from_the_cache() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let in_a_day = world.clock.now() + SignedDuration::from_hours(24);
    let new = NewApiKey { expires_at: Some(in_a_day), ..new_key() };
    let (_, text) = world.directory.create_api_key(&actor(), tenant_id, new).await.unwrap();
    world.directory.authenticate(text.expose()).await.unwrap();
    advance(Duration::from_secs(24 * 3_600)).await;
    assert!(matches!(world.directory.authenticate(text.expose()).await, Err(TenancyError::Unauthenticated)));
    assert!(matches!(world.other_process().authenticate(text.expose()).await, Err(TenancyError::Unauthenticated)));
}

#[tokio::test]
async fn ten_5_a_database_that_is_away_is_no_verdict_on_a_key() {
    let mut world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (_, known) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    let (_, unknown) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    let stranger = strangers_key().await;
    world.directory.authenticate(known.expose()).await.unwrap();

    world.take_database_away().await;
    world.directory.authenticate(known.expose()).await.unwrap();
    for text in [&unknown, &stranger] {
        let error = world.directory.authenticate(text.expose()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    // What is no key at all needs no database to be refused.
    let error = world.directory.authenticate("cp_nonsense").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(world.directory.refresh().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(world.other_process().tenant(tenant_id).await.unwrap_err().kind(), ErrorKind::Unavailable);

    world.bring_database_back().await;
    world.directory.authenticate(unknown.expose()).await.unwrap();
    let refused = world.directory.authenticate(stranger.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_refusal_is_remembered_without_the_database() {
    let mut world = World::new().await;
    let stranger = strangers_key().await;
    assert!(matches!(world.directory.authenticate(stranger.expose()).await, Err(TenancyError::Unauthenticated)));
    world.take_database_away().await;
    assert!(matches!(world.directory.authenticate(stranger.expose()).await, Err(TenancyError::Unauthenticated)));
}

#[tokio::test]
async fn a_thousand_callers_with_one_new_key_are_all_served() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (_, text) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let (directory, text) = (world.directory.clone(), text.clone());
            tokio::spawn(async move { directory.authenticate(text.expose()).await.unwrap().tenant_id })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), tenant_id);
    }
}

#[tokio::test]
async fn the_last_use_is_written_at_most_once_a_minute() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (key, text) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    let find = include_str!("sql/find_last_use.sql");
    assert_eq!(world.directory.flush_key_uses().await.unwrap(), 0);
    world.directory.authenticate(text.expose()).await.unwrap();
    assert_eq!(world.directory.flush_key_uses().await.unwrap(), 1);
    let first: Timestamp = world.owner.query_one(find, &[&key.api_key_id.as_uuid()]).await.unwrap().get(0);
    assert!(first >= noon());

    advance(Duration::from_secs(30)).await;
    world.directory.authenticate(text.expose()).await.unwrap();
    assert_eq!(world.directory.flush_key_uses().await.unwrap(), 0);
    advance(Duration::from_secs(31)).await;
    world.directory.authenticate(text.expose()).await.unwrap();
    assert_eq!(world.directory.flush_key_uses().await.unwrap(), 1);
    let second: Timestamp = world.owner.query_one(find, &[&key.api_key_id.as_uuid()]).await.unwrap().get(0);
    assert!(second.duration_since(first) >= SignedDuration::from_secs(60));
}
