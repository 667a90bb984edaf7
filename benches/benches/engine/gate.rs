//! The whole gate, for one message: made ready, asked, recorded.

use std::hint::black_box;
use std::sync::Arc;

use carepost_consent::policy::{GatePolicy, Preset};
use carepost_consent::types::{AddressKey, ConsentState, ContactFacts, Grant, PersonFacts, Preferences};
use carepost_delivery::gate::dress::{Dressed, Dressing, dress};
use carepost_delivery::gate::{GateFacts, Rulebook, Sender, decide};
use carepost_delivery::prepare::{EnqueueRequest, PrepareContext, prepare};
use carepost_delivery::types::{About, Delivery, Recipient};
use carepost_kernel::{Channel, Clock, DataKey, PhiHandling, PlacementId, Purpose, RecipientId, SmsContent, TenantId};
use carepost_tenancy::{Directory, MasterKeys, Tenant, TenantHandle, TenantSettings, TenantStatus};
use criterion::Criterion;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

pub(crate) fn bench(criterion: &mut Criterion) {
    let now: Timestamp = "2026-11-18T17:00:00Z".parse().expect("an instant of RFC 3339");
    let (tenant, delivery) = (tenant(now), delivery(now));
    let contact = contact(&delivery, now);
    let public_url = Url::parse("https://carepost.example").expect("an address");
    let mut group = criterion.benchmark_group("delivery");
    for (name, handling) in
        [("gate: let a text message go", PhiHandling::Off), ("gate: the same, guarded", PhiHandling::Block)]
    {
        let rulebook = rulebook(handling);
        let on = Dressing { rulebook: &rulebook, tenant: &tenant, contact: &contact, public_url: &public_url, now };
        let ask = || {
            let Dressed { content, judged, .. } = dress(&delivery, on).expect("a key seals").expect("it has content");
            let facts = GateFacts {
                now,
                is_paused: false,
                tenant_limit_until: None,
                sender: Sender::Ready,
                pause_recheck: now,
                contact: &contact,
                rulebook: &rulebook,
                judged,
            };
            decide(black_box(&delivery), &facts, content).map_err(|held| held.verdict)
        };
        assert!(ask().is_ok(), "this is the way of most messages: {:?}", ask().err());
        group.bench_function(name, |bench| bench.iter(ask));
    }
    group.finish();
}

fn rulebook(handling: PhiHandling) -> Rulebook {
    let mut policy = GatePolicy::preset(Preset::Medical);
    policy.registration = GatePolicy::default().registration;
    policy.practice.name = "Larch Lane Dental".to_owned();
    policy.practice.postal_address = "12 Larch Lane, Springfield, IL 62701".to_owned();
    policy.practice.portal_url = "https://larch-lane.example".to_owned();
    policy.phi.by_channel = [(Channel::Sms, handling)].into();
    Rulebook::new(1, policy.compile().expect("the preset lacks the practice only")).expect("the shipped dictionary")
}

fn tenant(now: Timestamp) -> Arc<TenantHandle> {
    let keys = MasterKeys::parse("bench:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a key of 32 bytes");
    let tenant = Tenant {
        tenant_id: TenantId::new(now),
        slug: "larch-lane".to_owned(),
        display_name: "Larch Lane Dental".to_owned(),
        placement_id: PlacementId::new(now),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let directory = Directory::given(keys, Clock::system());
    directory.give(tenant, DataKey::new(1, &[7; 32]).into(), Vec::new()).expect("it has a key")
}

fn delivery(now: Timestamp) -> Delivery {
    let text = "See you tomorrow at 9:30. Reply C to confirm, R to reschedule.".to_owned();
    let recipient_id = Some(RecipientId::new(now));
    let message_type = Some("appointment_reminder".to_owned());
    let request = EnqueueRequest {
        to: Recipient { phone: Some("+15005550006".to_owned()), ..Recipient::default() },
        purpose: Some(Purpose::Transactional),
        sms: Some(SmsContent { text, ..SmsContent::default() }),
        about: About { recipient_id, message_type, ..About::default() },
        channels: vec![Channel::Sms],
        ..EnqueueRequest::default()
    };
    let key = DataKey::new(1, &[7; 32]);
    let settings = TenantSettings::default();
    let context = PrepareContext {
        tenant_id: TenantId::new(now),
        api_key_id: None,
        settings: &settings,
        data_key: &key,
        hash_key: &key,
        now,
    };
    prepare(request, None, context).expect("a valid message").live().remove(0)
}

fn contact(delivery: &Delivery, now: Timestamp) -> ContactFacts {
    let recipient_id = delivery.payload.expose().about.recipient_id.expect("it is for somebody");
    ContactFacts {
        key: AddressKey { channel: Channel::Sms, address_hash: delivery.recipient_hash },
        people: vec![PersonFacts {
            recipient_id,
            also: Vec::new(),
            zone: Some(TimeZone::get("America/Chicago").expect("a zone of the database")),
            state: Some(*b"IL"),
            language: "en".to_owned(),
            grants: vec![Grant { purpose: None, state: ConsentState::Granted, since: now, expires_at: None }],
            preferences: Preferences::default(),
            wards: Vec::new(),
        }],
        suppressions: Vec::new(),
        sends: Vec::new(),
    }
}
