//! Links are stored with their message, lead where they were made to lead, and end.

use carepost_delivery::ingest::commit_messages;
use carepost_delivery::links::{LinkToken, TOKEN_LEN, seal_owner};
use carepost_delivery::prepare::{EnqueueRequest, PrepareContext, prepare};
use carepost_delivery::store::{get_link, insert_link_click};
use carepost_delivery::{NewMessage, Recipient};
use carepost_kernel::{Channel, DataKey, EmailContent, InstanceId, ProviderAccountId, Purpose, TenantId};
use carepost_store::ensure_partitions;
use carepost_tenancy::TenantSettings;
use jiff::SignedDuration;

use crate::support::{World, noon};

const MARK_SENT: &str = include_str!("sql/mark_sent.sql");
const LIST_LINKS: &str = include_str!("sql/list_links.sql");
const TARGET: &str = "https://forms.example.com/canary?id=1";

/// A message of a tenant with one link in its text; gives the message and the link's token.
fn message(tenant_id: TenantId, key: &DataKey) -> (NewMessage, LinkToken) {
    let request = EnqueueRequest {
        to: Recipient { phone: Some("+15005550006".to_owned()), ..Recipient::default() },
        purpose: Some(Purpose::Transactional),
        body: Some(format!("Your form: {TARGET}")),
        track_links: Some("https://care.example.com/".parse().unwrap()),
        ..EnqueueRequest::default()
    };
    let settings = TenantSettings::default();
    let context =
        PrepareContext { tenant_id, api_key_id: None, settings: &settings, data_key: key, hash_key: key, now: noon() };
    let message = prepare(request, None, context).unwrap();
    let text = message.payload.expose().sms.as_ref().unwrap().text.clone();
    let token = LinkToken::parse(&text[text.len() - TOKEN_LEN..]).unwrap();
    (message, token)
}

#[tokio::test]
async fn hub_022_a_link_is_stored_with_its_message_and_tells_its_clicks() {
    let (world, key) = (World::new().await, DataKey::new(1, &[3; 32]));
    ensure_partitions(&world.placement, noon(), 2).await.unwrap();
    let (tenant_id, other) = (TenantId::new(noon()), TenantId::new(noon()));
    let (message, token) = message(tenant_id, &key);
    let mut engine = world.placement.engine().await.unwrap();
    commit_messages(&mut engine, InstanceId::new(noon()), &[], &[&message], noon()).await.unwrap();
    let hash = token.hash(&key);

    let mut connection = world.placement.tenant(tenant_id).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let link = get_link(&tx, &hash, noon()).await.unwrap().unwrap();
    let target = key.open(&seal_owner(tenant_id, link.link_id), &link.target_sealed.unwrap()).unwrap();
    assert_eq!(target.as_slice(), TARGET.as_bytes());
    assert_eq!(link.attempt, None, "it has not left yet");
    for second in 0..3 {
        insert_link_click(&tx, link.link_id, noon() + SignedDuration::from_secs(second)).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM link_clicks").await, 3);

    let account_id = ProviderAccountId::new(noon());
    world.owner.execute(MARK_SENT, &[&account_id.as_uuid()]).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let (attempt, account) = get_link(&tx, &hash, noon()).await.unwrap().unwrap().attempt.unwrap();
    assert_eq!((attempt.message_id, attempt.channel, attempt.attempt_no), (message.message_id, Channel::Sms, 1));
    assert_eq!(account, account_id);

    // 90 days after the message was due it leads nowhere; nor does it for anybody else.
    let end = noon() + SignedDuration::from_hours(90 * 24);
    assert!(get_link(&tx, &hash, end - SignedDuration::from_secs(1)).await.unwrap().is_some());
    assert!(get_link(&tx, &hash, end).await.unwrap().is_none());
    drop(tx);
    let mut stranger = world.placement.tenant(other).await.unwrap();
    assert!(get_link(&stranger.begin().await.unwrap(), &hash, noon()).await.unwrap().is_none());
}

#[tokio::test]
async fn hub_022_a_pixel_is_stored_with_its_message_and_leads_nowhere() {
    let (world, key) = (World::new().await, DataKey::new(1, &[3; 32]));
    ensure_partitions(&world.placement, noon(), 2).await.unwrap();
    let tenant_id = TenantId::new(noon());
    let public_url: url::Url = "https://care.example.com/".parse().unwrap();
    let html = format!("<body><a href=\"{TARGET}\">Form</a></body>");
    let email = EmailContent { subject: "Form".to_owned(), html: Some(html), ..EmailContent::default() };
    let request = EnqueueRequest {
        to: Recipient { email: Some("pat@example.com".to_owned()), ..Recipient::default() },
        email: Some(email),
        track_links: Some(public_url.clone()),
        track_opens: Some(public_url),
        ..EnqueueRequest::default()
    };
    let settings = TenantSettings { allow_open_tracking: true, ..TenantSettings::default() };
    let (data_key, hash_key) = (&key, &key);
    let context = PrepareContext { tenant_id, api_key_id: None, settings: &settings, data_key, hash_key, now: noon() };
    let message = prepare(request, None, context).unwrap();
    let html = message.payload.expose().email.as_ref().unwrap().html.clone().unwrap();
    let hash = |start: &str| {
        let (_, rest) = html.split_once(start).unwrap();
        LinkToken::parse(&rest[..TOKEN_LEN]).unwrap().hash(&key)
    };
    let (link_hash, pixel_hash) = (hash("https://care.example.com/l/"), hash("https://care.example.com/o/"));
    let mut engine = world.placement.engine().await.unwrap();
    commit_messages(&mut engine, InstanceId::new(noon()), &[], &[&message], noon()).await.unwrap();
    let account_id = ProviderAccountId::new(noon());
    world.owner.execute(MARK_SENT, &[&account_id.as_uuid()]).await.unwrap();

    let mut connection = world.placement.tenant(tenant_id).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let link = get_link(&tx, &link_hash, noon()).await.unwrap().unwrap();
    let pixel = get_link(&tx, &pixel_hash, noon()).await.unwrap().unwrap();
    assert!(link.target_sealed.is_some() && pixel.target_sealed.is_none());
    assert_eq!(pixel.attempt, link.attempt);
    let (attempt, account) = pixel.attempt.unwrap();
    assert_eq!((attempt.message_id, attempt.channel, account), (message.message_id, Channel::Email, account_id));
    let end = noon() + SignedDuration::from_hours(90 * 24);
    assert!(get_link(&tx, &pixel_hash, end).await.unwrap().is_none());
}

#[tokio::test]
async fn del_9_neither_token_nor_target_can_be_read_in_the_rows() {
    let (world, key) = (World::new().await, DataKey::new(1, &[3; 32]));
    ensure_partitions(&world.placement, noon(), 2).await.unwrap();
    let (message, token) = message(TenantId::new(noon()), &key);
    let mut engine = world.placement.engine().await.unwrap();
    commit_messages(&mut engine, InstanceId::new(noon()), &[], &[&message], noon()).await.unwrap();
    let row: String = world.owner.query_one(LIST_LINKS, &[]).await.unwrap().get(0);
    let hash = hex::encode(token.hash(&key));
    assert!(row.contains(&hash) && !row.contains("canary") && !row.contains(&hex::encode("canary")), "{row}");
}
