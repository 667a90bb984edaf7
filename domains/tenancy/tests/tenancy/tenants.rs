//! Tenants, their settings and their placements.

use std::sync::Mutex;

use carepost_kernel::{Channel, ErrorKind, Secret};
use carepost_store::StoreError;
use carepost_tenancy::{
    LinkTag, PlacementChoice, PlacementKind, TenancyError, TenancyEvent, TenantSettings, TenantStatus,
};
use serde_json::json;

use crate::support::{World, actor, new_key, new_tenant, nobody};

#[tokio::test]
async fn a_new_tenant_has_a_key_and_is_known_at_once() {
    let world = World::new().await;
    let tenant = world.tenant("riverside").await;
    let handle = world.directory.cached_tenant(tenant.tenant_id).unwrap();
    assert_eq!((&handle.tenant, handle.data_key.version()), (&tenant, 1));
    // Another process unwraps the same key.
    let sealed = handle.seal(b"row", b"text").unwrap();
    let elsewhere = world.other_process().tenant(tenant.tenant_id).await.unwrap();
    assert_eq!(elsewhere.open(b"row", &sealed).unwrap().as_slice(), b"text");
    assert_eq!(world.directory.placement_of(tenant.tenant_id).await.unwrap(), tenant.placement_id);
}

#[tokio::test]
async fn a_wrong_tenant_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    world.tenant("riverside").await;
    let prepared = |_| async { panic!("nothing is prepared for a refused tenant") };
    let taken = new_tenant("riverside", PlacementChoice::OwnSchema);
    let error = world.directory.create_tenant(&actor(), taken, prepared).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let wrong = new_tenant("River side", PlacementChoice::OwnSchema);
    let error = world.directory.create_tenant(&actor(), wrong, prepared).await.unwrap_err();
    assert!(matches!(error, TenancyError::Invalid { pointer, .. } if pointer == "/slug"));
    assert_eq!(world.directory.list_tenants(None, 10).await.unwrap().items.len(), 1);
    let missing = world.directory.tenant(nobody()).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_placement_of_its_own_is_prepared_first_and_its_address_comes_back() {
    let world = World::new().await;
    let seen = Mutex::new(Vec::new());
    let url = Secret::new("postgres://canary@db.example/clinic".to_owned());
    for (slug, choice) in
        [("one", PlacementChoice::OwnSchema), ("two", PlacementChoice::OwnDatabase { url: url.clone() })]
    {
        let prepare = |placement: carepost_tenancy::PlacementRecord| {
            seen.lock().unwrap().push(placement);
            async { Ok(()) }
        };
        world.directory.create_tenant(&actor(), new_tenant(slug, choice), prepare).await.unwrap();
    }
    let seen = seen.into_inner().unwrap();
    let kinds: Vec<_> = seen.iter().map(|placement| placement.kind).collect();
    assert_eq!(kinds, [PlacementKind::Schema, PlacementKind::Database]);
    let recorded = world.directory.placements().await.unwrap();
    assert_eq!(recorded.len(), 3);
    for placement in seen {
        let record = world.directory.placement(placement.placement_id).await.unwrap();
        assert_eq!((record.schema_name, record.url), (placement.schema_name, placement.url));
    }
}

#[tokio::test]
async fn a_placement_that_cannot_be_prepared_makes_no_tenant() {
    let world = World::new().await;
    let prepare = |_| async { Err(StoreError::Config("no such database".to_owned())) };
    let new = new_tenant("riverside", PlacementChoice::OwnSchema);
    world.directory.create_tenant(&actor(), new, prepare).await.unwrap_err();
    assert!(world.directory.find_tenant_by_slug("riverside").await.unwrap().is_none());
    assert_eq!(world.directory.placements().await.unwrap().len(), 1);
}

#[tokio::test]
async fn settings_change_at_once_and_can_be_taken_back() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let mut events = world.directory.subscribe();
    let patch = json!({ "weight": 3, "send_per_second": 50 });
    let change = world.directory.patch_settings(&actor(), tenant_id, &patch, Some(1)).await.unwrap();
    assert_eq!(change.previous, TenantSettings::default());
    assert_eq!((change.tenant.version, change.tenant.settings.weight), (2, 3));
    assert_eq!(world.directory.cached_tenant(tenant_id).unwrap().tenant, change.tenant);
    assert_eq!(events.try_recv().unwrap(), TenancyEvent::TenantChanged(tenant_id));

    let stale = world.directory.update_settings(&actor(), tenant_id, TenantSettings::default(), Some(1)).await;
    assert_eq!(stale.unwrap_err().kind(), ErrorKind::Conflict);
    let back = world.directory.update_settings(&actor(), tenant_id, change.previous, Some(2)).await.unwrap();
    assert_eq!((back.tenant.version, back.tenant.settings), (3, TenantSettings::default()));

    let wrong = json!({ "weight": 0 });
    let error = world.directory.patch_settings(&actor(), tenant_id, &wrong, None).await.unwrap_err();
    assert!(matches!(error, TenancyError::Invalid { pointer, .. } if pointer == "/weight"));
    let nobody = world.directory.patch_settings(&actor(), nobody(), &json!({ "weight": 2 }), None).await;
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_change_elsewhere_comes_in_with_one_refresh_and_is_news_once() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let other = world.other_process();
    other.tenant(tenant_id).await.unwrap();
    assert_eq!(other.refresh().await.unwrap(), 0);
    let mut events = other.subscribe();
    world.directory.set_channel_paused(&actor(), tenant_id, Channel::Sms, true).await.unwrap();
    assert!(other.cached_tenant(tenant_id).unwrap().tenant.settings.paused_channels.is_empty());
    assert_eq!(other.refresh().await.unwrap(), 1);
    assert!(other.cached_tenant(tenant_id).unwrap().tenant.settings.paused_channels.contains(&Channel::Sms));
    assert_eq!(events.try_recv().unwrap(), TenancyEvent::TenantChanged(tenant_id));
    assert_eq!(other.refresh().await.unwrap(), 0);
    assert_eq!(world.directory.refresh().await.unwrap(), 0);
}

#[tokio::test]
async fn a_closed_tenant_stays_closed_and_its_keys_open_nothing_anywhere() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (_, key) = world.directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    let other = world.other_process();
    other.authenticate(key.expose()).await.unwrap();
    world.directory.authenticate(key.expose()).await.unwrap();
    world.directory.set_tenant_status(&actor(), tenant_id, TenantStatus::Paused).await.unwrap();
    world.directory.authenticate(key.expose()).await.unwrap();

    world.directory.set_tenant_status(&actor(), tenant_id, TenantStatus::Closed).await.unwrap();
    let refused = world.directory.authenticate(key.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    // The other process never cached the tenant, only its key.
    other.refresh().await.unwrap();
    assert_eq!(other.authenticate(key.expose()).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    let reopened = world.directory.set_tenant_status(&actor(), tenant_id, TenantStatus::Active).await;
    assert_eq!(reopened.unwrap_err().kind(), ErrorKind::Conflict);
    let key = world.directory.create_api_key(&actor(), tenant_id, new_key()).await;
    assert_eq!(key.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn hub_022_a_tenant_is_found_by_the_tag_of_its_links() {
    let world = World::new().await;
    let (one, two) = (world.tenant("one").await.tenant_id, world.tenant("two").await.tenant_id);
    for (tenant_id, other) in [(one, two), (two, one)] {
        let tag = LinkTag::of(tenant_id);
        assert_ne!(tag, LinkTag::of(other));
        assert_eq!(*world.directory.tenants_by_link_tag(tag).await.unwrap(), [tenant_id]);
        // Again, out of the cache; and in a process that never saw it made.
        assert_eq!(*world.directory.tenants_by_link_tag(tag).await.unwrap(), [tenant_id]);
        assert_eq!(*world.other_process().tenants_by_link_tag(tag).await.unwrap(), [tenant_id]);
    }
    for _ in 0..2 {
        assert!(world.directory.tenants_by_link_tag(LinkTag::from_bytes([0; 6])).await.unwrap().is_empty());
    }
}
