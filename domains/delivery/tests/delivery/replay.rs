//! Messages that have been are given back in the order in which they came, the newest so many, without large payloads.

use carepost_delivery::ingest::commit_messages;
use carepost_delivery::prepare::{EnqueueRequest, PrepareContext, prepare};
use carepost_delivery::store::{find_replay_start, list_past_messages};
use carepost_delivery::{NewMessage, Recipient};
use carepost_kernel::{Channel, DataKey, InstanceId, MessageId, TenantId};
use carepost_store::ensure_partitions;
use carepost_tenancy::TenantSettings;
use jiff::{SignedDuration, Timestamp};

use crate::support::{World, noon};

fn minute(number: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(number)
}

fn message(tenant_id: TenantId, key: &DataKey, now: Timestamp, body: String) -> NewMessage {
    let to = Recipient { email: Some("pat@example.com".to_owned()), ..Recipient::default() };
    let subject = Some("Visit".to_owned());
    let request = EnqueueRequest { to, subject, body: Some(body), ..EnqueueRequest::default() };
    let settings = TenantSettings::default();
    let context =
        PrepareContext { tenant_id, api_key_id: None, settings: &settings, data_key: key, hash_key: key, now };
    prepare(request, None, context).unwrap()
}

#[tokio::test]
async fn the_newest_so_many_come_back_in_the_order_in_which_they_came() {
    let (world, key) = (World::new().await, DataKey::new(1, &[3; 32]));
    ensure_partitions(&world.placement, noon(), 2).await.unwrap();
    let (tenant_id, other) = (TenantId::new(noon()), TenantId::new(noon()));
    let mut stored: Vec<NewMessage> =
        (0..5).map(|number| message(tenant_id, &key, minute(number), "Tomorrow.".to_owned())).collect();
    stored.push(message(tenant_id, &key, minute(5), "x".repeat(70 << 10)));
    let ids: Vec<MessageId> = stored.iter().map(|one| one.message_id).collect();
    stored.push(message(other, &key, minute(1), "Tomorrow.".to_owned()));
    let all: Vec<&NewMessage> = stored.iter().collect();
    let mut engine = world.placement.engine().await.unwrap();
    commit_messages(&mut engine, InstanceId::new(noon()), &[], &all, noon()).await.unwrap();
    drop(engine);

    let mut connection = world.placement.tenant(tenant_id).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let span = (noon(), minute(60));
    assert_eq!(find_replay_start(&tx, span, 3).await.unwrap(), Some(ids[3]));
    assert_eq!(find_replay_start(&tx, span, 6).await.unwrap(), Some(ids[0]));
    assert_eq!(find_replay_start(&tx, span, 7).await.unwrap(), None, "there are fewer");
    assert_eq!(find_replay_start(&tx, (minute(2), minute(4)), 2).await.unwrap(), Some(ids[2]));

    let page = list_past_messages(&tx, ids[0], minute(60), 3).await.unwrap();
    assert_eq!(page.iter().map(|row| row.message_id()).collect::<Vec<_>>(), ids[1..4]);
    assert_eq!(page[0].created_at(), minute(1));
    let rest = list_past_messages(&tx, ids[3], minute(60), 9).await.unwrap();
    assert_eq!(rest.len(), 2);
    let opened = rest.into_iter().map(|row| row.open(&key, |owner, sealed| key.open(owner, sealed)).unwrap());
    let opened: Vec<_> = opened.collect();
    let past = opened[0].as_ref().unwrap();
    assert_eq!(past.deliveries.len(), 1);
    let delivery = &past.deliveries[0];
    assert_eq!((delivery.key.channel, delivery.key.message_id), (Channel::Email, ids[4]));
    assert_eq!(delivery.recipient_hash, stored[4].deliveries[0].recipient_hash, "facts are found by it");
    assert!(opened[1].is_none(), "a large one is left out");
}
