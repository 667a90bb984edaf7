//! Webhook endpoints: made, changed, followed, removed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{ErrorKind, EventId};
use carepost_tenancy::{
    EndpointChange, EndpointProgress, EndpointStatus, NewEndpoint, TenancyError, TenancyEvent, TenantStatus,
};
use jiff::SignedDuration;

use crate::support::{World, actor, noon};

fn new_endpoint() -> NewEndpoint {
    NewEndpoint {
        url: "https://hooks.example.com/carepost".to_owned(),
        event_types: vec!["message.delivered".to_owned()],
        start_after: None,
    }
}

#[tokio::test]
async fn an_endpoint_is_made_with_a_standard_webhooks_secret() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let mut events = world.directory.subscribe();
    let (endpoint, secret) = world.directory.create_endpoint(&actor(), tenant_id, new_endpoint()).await.unwrap();
    let encoded = secret.expose().strip_prefix("whsec_").unwrap();
    assert_eq!(STANDARD.decode(encoded).unwrap().len(), 32);
    let elsewhere = world.other_process();
    let live = elsewhere.live_endpoints().await.unwrap();
    assert_eq!((live.len(), &live[0]), (1, &endpoint));
    assert_eq!(elsewhere.open_endpoint_secret(&live[0]).await.unwrap(), secret);
    let webhook_endpoint_id = endpoint.webhook_endpoint_id;
    let changed = TenancyEvent::WebhookEndpointChanged { tenant_id, webhook_endpoint_id };
    assert_eq!(events.try_recv().unwrap(), changed);
    // Made here, so no news here.
    assert_eq!(world.directory.refresh().await.unwrap(), 0);
    assert_eq!(elsewhere.refresh().await.unwrap(), 1);
}

#[tokio::test]
async fn wrong_endpoints_are_named() {
    let world = World::new().await;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let table = [
        (NewEndpoint { url: "http://hooks.example.com/".to_owned(), ..new_endpoint() }, "/url"),
        (NewEndpoint { url: "https://169.254.169.254/latest".to_owned(), ..new_endpoint() }, "/url"),
        (NewEndpoint { event_types: vec!["*".to_owned()], ..new_endpoint() }, "/event_types/0"),
    ];
    for (new, expected) in table {
        let error = world.directory.create_endpoint(&actor(), tenant_id, new).await.unwrap_err();
        assert!(matches!(error, TenancyError::Invalid { pointer, .. } if pointer == expected), "{expected}");
    }
    let local = NewEndpoint { url: "http://127.0.0.1:9999/".to_owned(), ..new_endpoint() };
    let demo = world.directory.clone().with_reach(carepost_kernel::Reach::Anywhere);
    demo.create_endpoint(&actor(), tenant_id, local).await.unwrap();
}

#[tokio::test]
async fn progress_only_goes_forward_and_does_not_undo_a_pause() {
    let world = World::new().await;
    let directory = &world.directory;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (endpoint, _) = directory.create_endpoint(&actor(), tenant_id, new_endpoint()).await.unwrap();
    let id = endpoint.webhook_endpoint_id;
    let (first, second) = (EventId::new(noon()), EventId::new(noon() + SignedDuration::from_secs(1)));
    let progress = |last_event_id, failures| EndpointProgress {
        last_event_id,
        failures,
        next_try_at: (failures > 0).then(noon),
        failing: failures > 10,
    };
    for (last_event_id, failures) in [(Some(second), 0), (Some(first), 0), (None, 11)] {
        let step = progress(last_event_id, failures);
        assert!(directory.record_endpoint_progress(tenant_id, id, &step).await.unwrap());
    }
    let failing = directory.endpoint(tenant_id, id).await.unwrap();
    assert_eq!((failing.last_event_id, failing.failures, failing.status), (Some(second), 11, EndpointStatus::Failing));
    assert_eq!((failing.next_try_at, failing.version), (Some(noon()), 1));

    let set = |status| EndpointChange { status: Some(status), ..EndpointChange::default() };
    let by_hand = directory.update_endpoint(&actor(), tenant_id, id, set(EndpointStatus::Failing)).await.unwrap_err();
    assert_eq!(by_hand.kind(), ErrorKind::Invalid);
    let resumed = directory.update_endpoint(&actor(), tenant_id, id, set(EndpointStatus::Active)).await.unwrap();
    assert_eq!((resumed.failures, resumed.next_try_at, resumed.last_event_id), (0, None, Some(second)));
    directory.update_endpoint(&actor(), tenant_id, id, set(EndpointStatus::Paused)).await.unwrap();
    assert!(!directory.record_endpoint_progress(tenant_id, id, &progress(None, 0)).await.unwrap());
    assert!(directory.live_endpoints().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_removed_endpoint_and_those_of_a_closed_tenant_are_not_told() {
    let world = World::new().await;
    let directory = &world.directory;
    let tenant_id = world.tenant("riverside").await.tenant_id;
    let (endpoint, _) = directory.create_endpoint(&actor(), tenant_id, new_endpoint()).await.unwrap();
    directory.create_endpoint(&actor(), tenant_id, new_endpoint()).await.unwrap();
    let id = endpoint.webhook_endpoint_id;
    directory.remove_endpoint(&actor(), tenant_id, id).await.unwrap();
    assert_eq!(directory.live_endpoints().await.unwrap().len(), 1);
    assert_eq!(directory.list_endpoints(tenant_id, None, 10).await.unwrap().items.len(), 1);
    let again = directory.remove_endpoint(&actor(), tenant_id, id).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
    directory.set_tenant_status(&actor(), tenant_id, TenantStatus::Closed).await.unwrap();
    assert!(directory.live_endpoints().await.unwrap().is_empty());
}
