//! CON-1 on PostgreSQL: the derived table is what the evidence says, whatever happened.

use std::collections::BTreeMap;

use carepost_consent::commands::{
    AddressWord, GiveConsent, RevokeConsent, create_recipient, merge, opt_in_address, opt_out_address, record_consent,
    revoke_consent, unmerge,
};
use carepost_consent::evidence::derive;
use carepost_consent::types::{ConsentSource, ConsentState, Evidence, Said};
use carepost_kernel::{Channel, ConsentEventId, Phi, Purpose, RecipientId};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use crate::support::{World, later, noon, person};

const PHONES: [&str; 2] = ["+15005550060", "+15005550061"];

#[derive(Debug, Clone)]
enum Step {
    Give(usize, usize, Option<Purpose>),
    Revoke(usize, Option<usize>, Option<Purpose>),
    Stop(usize),
    Start(usize),
    Link(usize, usize),
    Merge(usize, usize),
    Unmerge(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let purpose = || prop_oneof![Just(None), Just(Some(Purpose::Treatment)), Just(Some(Purpose::Marketing))];
    prop_oneof![
        (0..3_usize, 0..2_usize, purpose()).prop_map(|(who, phone, purpose)| Step::Give(who, phone, purpose)),
        (0..3_usize, proptest::option::of(0..2_usize), purpose())
            .prop_map(|(who, phone, purpose)| Step::Revoke(who, phone, purpose)),
        (0..2_usize).prop_map(Step::Stop),
        (0..2_usize).prop_map(Step::Start),
        (0..3_usize, 0..2_usize).prop_map(|(who, phone)| Step::Link(who, phone)),
        (0..3_usize, 0..3_usize).prop_map(|(who, into)| Step::Merge(who, into)),
        (0..3_usize).prop_map(Step::Unmerge),
    ]
}

/// Takes a step; what the present state does not allow is refused, and that is all.
async fn take(world: &World, people: &[RecipientId], step: Step, at: Timestamp) {
    let said = || Said { at: Some(at), ..Said::by(ConsentSource::Api) };
    let word = |phone: usize| AddressWord { channel: Channel::Sms, address: Phi::from(PHONES[phone]), said: said() };
    world
        .at(later(3_600), async |desk| match step {
            Step::Give(who, phone, purpose) => {
                let give = GiveConsent {
                    recipient_id: people[who],
                    channel: Channel::Sms,
                    address: Some(Phi::from(PHONES[phone])),
                    purposes: purpose.into_iter().collect(),
                    is_in_writing: false,
                    is_unsecured: false,
                    said: said(),
                    expires_at: None,
                };
                drop(record_consent(desk, &give).await);
            }
            Step::Revoke(who, phone, purpose) => {
                let revoke = RevokeConsent {
                    recipient_id: people[who],
                    channel: None,
                    address: phone.map(|phone| Phi::from(PHONES[phone])),
                    purposes: purpose.into_iter().collect(),
                    said: said(),
                };
                drop(revoke_consent(desk, &revoke).await);
            }
            Step::Stop(phone) => drop(opt_out_address(desk, &word(phone)).await.unwrap()),
            Step::Start(phone) => drop(opt_in_address(desk, &word(phone)).await.unwrap()),
            Step::Link(who, phone) => {
                let input = person(&format!("p-{who}"), &[(Channel::Sms, PHONES[phone])]);
                create_recipient(desk, input).await.unwrap();
            }
            Step::Merge(who, into) => drop(merge(desk, people[who], people[into]).await),
            Step::Unmerge(who) => drop(unmerge(desk, people[who]).await),
        })
        .await;
}

type Key = (Uuid, i16, Vec<u8>);
type States = BTreeMap<Key, Vec<(i16, i16, Timestamp)>>;

/// What the table says.
async fn stored(world: &World) -> States {
    let sql = "SELECT recipient_id, channel, address_hash, purpose, state, since FROM consent_states ORDER BY purpose";
    let mut states = States::new();
    for row in world.owner.query(sql, &[]).await.unwrap() {
        let key = (row.get(0), row.get(1), row.get(2));
        states.entry(key).or_default().push((row.get(3), row.get(4), row.get(5)));
    }
    states
}

/// What the whole evidence says, from the beginning: of each address, and of each person who has it or spoke there.
async fn replayed(world: &World) -> States {
    let stands: BTreeMap<Uuid, Option<Uuid>> = world
        .owner
        .query("SELECT recipient_id, merged_into FROM recipients", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let survivor = |mut id: Uuid| {
        while let Some(Some(next)) = stands.get(&id) {
            id = *next;
        }
        id
    };
    let mut said: BTreeMap<Key, Vec<Evidence>> = BTreeMap::new();
    let points = "SELECT recipient_id, channel, address_hash FROM contact_points WHERE is_active \
                  UNION SELECT recipient_id, 5::smallint, voice_hash FROM contact_points WHERE is_active";
    for row in world.owner.query(points, &[]).await.unwrap() {
        said.entry((survivor(row.get(0)), row.get(1), row.get(2))).or_default();
    }
    let events = "SELECT event_id, recipient_id, channel, address_hash, purpose, state, at FROM consent_events";
    let mut of_address: Vec<(Key, Evidence)> = Vec::new();
    for row in world.owner.query(events, &[]).await.unwrap() {
        let evidence = Evidence {
            event_id: ConsentEventId::from_uuid(row.get(0)),
            purpose: row.get::<_, Option<i16>>(4).and_then(Purpose::from_i16),
            state: ConsentState::from_i16(row.get(5)).unwrap(),
            at: row.get(6),
            expires_at: None,
        };
        match row.get::<_, Option<Uuid>>(1) {
            Some(id) => said.entry((survivor(id), row.get(2), row.get(3))).or_default().push(evidence),
            None => of_address.push(((Uuid::nil(), row.get(2), row.get(3)), evidence)),
        }
    }
    for (key, evidence) in of_address {
        said.entry(key.clone()).or_default();
        for ((_, channel, hash), all) in &mut said {
            if (*channel, &key.2) == (key.1, hash) {
                all.push(evidence);
            }
        }
    }
    let number = |purpose: Option<Purpose>| purpose.map_or(0, Purpose::as_i16);
    let derived = said.into_iter().map(|(key, all)| {
        let grants = derive(&all);
        (key, grants.iter().map(|grant| (number(grant.purpose), grant.state.as_i16(), grant.since)).collect::<Vec<_>>())
    });
    derived.filter(|(_, grants)| !grants.is_empty()).collect()
}

#[tokio::test]
async fn con_001_the_derived_table_is_what_a_replay_of_the_evidence_says() {
    let steps = proptest::collection::vec((step(), 0_i64..40), 40);
    let mut runner = TestRunner::default();
    for _ in 0..6 {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let world = World::new().await;
        let mut people = Vec::new();
        for who in 0..3 {
            people.push(world.add(&format!("p-{who}"), &[(Channel::Sms, PHONES[who % 2])]).await);
        }
        for (i, (step, seconds)) in steps.iter().enumerate() {
            take(&world, &people, step.clone(), later(*seconds)).await;
            assert_eq!(stored(&world).await, replayed(&world).await, "after step {i} of {steps:?} from {}", noon());
        }
    }
}
