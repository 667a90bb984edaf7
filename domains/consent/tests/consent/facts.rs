//! What the gate is told of addresses.

use carepost_consent::commands::{GiveConsent, Suppress, put_preferences, record_consent, suppress, update_recipient};
use carepost_consent::store::{insert_contact_sends, list_consent_changes};
use carepost_consent::types::{
    ChangeKind, ConsentSource, ConsentState, PastSend, Preferences, RecipientInput, Said, SuppressionReason,
};
use carepost_kernel::{Channel, MessageId, Phi, Purpose, Topic};
use jiff::{SignedDuration, Timestamp};

use crate::support::{World, later, noon};

const PHONE: &str = "+15005550010";

#[tokio::test]
async fn con_c58_a_family_on_one_phone_is_told_apart() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE), (Channel::Email, "ana@example.com")]).await;
    let ben = world.add("p-2", &[(Channel::Sms, PHONE)]).await;
    let zone = RecipientInput {
        zone: Some("America/Chicago".to_owned()),
        state: Some("IL".to_owned()),
        ..RecipientInput::default()
    };
    world.at(noon(), async |desk| update_recipient(desk, ana, zone).await).await.unwrap();
    let give = GiveConsent {
        recipient_id: ana,
        channel: Channel::Sms,
        address: None,
        purposes: vec![Purpose::Treatment, Purpose::Financial],
        is_in_writing: false,
        is_unsecured: false,
        said: Said::by(ConsentSource::Form),
        expires_at: Some(later(86_400)),
    };
    world.at(noon(), async |desk| record_consent(desk, &give).await).await.unwrap();
    let off = Preferences { off: [(Topic::Care, [Channel::Sms].into())].into(), ..Preferences::default() };
    let wishes = off.clone();
    world.at(noon(), async |desk| put_preferences(desk, ben, wishes, ConsentSource::Portal, None).await).await.unwrap();

    let keys = [
        world.key(Channel::Email, "nobody@example.com"),
        world.key(Channel::Sms, PHONE),
        world.key(Channel::Voice, PHONE),
        world.key(Channel::Email, "ana@example.com"),
    ];
    let facts = world.facts(noon(), &keys).await;
    assert_eq!(facts.iter().map(|one| one.key).collect::<Vec<_>>(), keys, "in the order in which was asked");
    let people = |i: usize| facts[i].people.iter().map(|person| person.recipient_id).collect::<Vec<_>>();
    assert_eq!((people(0), people(1), people(2), people(3)), (vec![], vec![ana, ben], vec![ana, ben], vec![ana]));
    let [first, second] = &facts[1].people[..] else { panic!("two people") };
    assert_eq!(
        (first.state, first.zone.as_ref().and_then(|zone| zone.iana_name())),
        (Some(*b"IL"), Some("America/Chicago"))
    );
    let granted: Vec<_> = first.grants.iter().map(|grant| (grant.purpose, grant.state, grant.expires_at)).collect();
    let until = Some(later(86_400));
    assert_eq!(
        granted,
        [
            (Some(Purpose::Treatment), ConsentState::Granted, until),
            (Some(Purpose::Financial), ConsentState::Granted, until)
        ]
    );
    assert!(first.preferences == Preferences::default() && second.preferences == off && second.grants.is_empty());
    assert!(facts[2].people[0].grants.is_empty(), "consent to texts is none to calls");
}

#[tokio::test]
async fn only_what_holds_now_is_told() {
    let world = World::new().await;
    let gone = world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    let address = || Phi::from(PHONE);
    for (reason, until) in [(SuppressionReason::SoftBounce, Some(later(60))), (SuppressionReason::Complaint, None)] {
        let new = Suppress {
            channel: Channel::Sms,
            address: address(),
            reason,
            source: ConsentSource::Provider,
            until,
            at: None,
        };
        world.at(noon(), async |desk| suppress(desk, &new).await).await.unwrap();
    }
    let inactive = RecipientInput { is_active: Some(false), ..RecipientInput::default() };
    world.at(noon(), async |desk| update_recipient(desk, gone, inactive).await).await.unwrap();
    let key = world.key(Channel::Sms, PHONE);
    let send = |at: Timestamp| {
        let message_id = MessageId::new(at);
        let sent = PastSend { message_id, at, purpose: Purpose::Treatment, is_exempt: true, is_here: true };
        (world.tenant_id(), key, sent)
    };
    let sends = [send(noon() - SignedDuration::from_hours(24 * 9)), send(noon() - SignedDuration::from_hours(30))];
    let mut connection = world.placement.engine().await.unwrap();
    let tx = connection.begin().await.unwrap();
    assert_eq!(insert_contact_sends(&tx, &sends).await.unwrap(), 2);
    assert_eq!(insert_contact_sends(&tx, &sends).await.unwrap(), 0, "counted once");
    tx.commit().await.unwrap();
    let reasons = async |now| {
        let facts = world.facts(now, &[key]).await.remove(0);
        assert!(facts.people.is_empty());
        assert_eq!(facts.sends, [sends[1].2]);
        facts.suppressions.iter().map(|one| one.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(noon()).await, [SuppressionReason::Complaint, SuppressionReason::SoftBounce]);
    assert_eq!(reasons(later(61)).await, [SuppressionReason::Complaint]);
}

#[tokio::test]
async fn con_005_sends_to_all_addresses_of_a_person_count_where_nobody_else_reads() {
    let world = World::new().await;
    let (own, family, mail, inbox) = ("+15005550061", "+15005550062", "ana@example.com", "ana");
    let all = [(Channel::Sms, own), (Channel::Sms, family), (Channel::Email, mail), (Channel::InApp, inbox)];
    world.add("p-1", &all).await;
    world.add("p-2", &[(Channel::Sms, family), (Channel::Email, "ben@example.com")]).await;
    let on_both = MessageId::new(noon());
    let sent = |channel, address: &str, minutes: i64, message_id: Option<MessageId>, purpose| {
        let at = noon() - SignedDuration::from_mins(minutes);
        let message_id = message_id.unwrap_or_else(|| MessageId::new(at));
        let past = PastSend { message_id, at, purpose, is_exempt: minutes == 9, is_here: true };
        (world.tenant_id(), world.key(channel, address), past)
    };
    let (care, offer) = (Purpose::Treatment, Purpose::Marketing);
    let sends = [
        sent(Channel::Sms, own, 9, Some(on_both), care),
        sent(Channel::Email, mail, 8, Some(on_both), care),
        sent(Channel::Voice, own, 7, None, care),
        sent(Channel::Sms, family, 6, None, care),
        sent(Channel::InApp, inbox, 5, None, offer),
        sent(Channel::Email, "ben@example.com", 4, None, offer),
        sent(Channel::Email, "nobody@example.com", 3, None, offer),
    ];
    let mut connection = world.placement.engine().await.unwrap();
    let tx = connection.begin().await.unwrap();
    assert_eq!(insert_contact_sends(&tx, &sends).await.unwrap(), 7);
    tx.commit().await.unwrap();
    let counted = async |channel, address: &str| {
        let facts = world.facts(noon(), &[world.key(channel, address)]).await.remove(0);
        let minutes = |send: &PastSend| noon().duration_since(send.at).as_mins();
        facts.sends.iter().map(|send| (minutes(send), send.is_here, send.is_exempt)).collect::<Vec<_>>()
    };
    // A message on two channels counts once, from the last of its sends.
    let hers = |here: &[i64]| [8, 7, 6, 5].map(|at| (at, here.contains(&at), at == 8)).to_vec();
    assert_eq!(counted(Channel::Sms, own).await, hers(&[8]));
    assert_eq!(counted(Channel::Voice, own).await, hers(&[7]));
    assert_eq!(counted(Channel::Email, mail).await, hers(&[8]));
    assert_eq!(counted(Channel::InApp, inbox).await, hers(&[5]));
    // Two read there: what either of them gets elsewhere is not the other's.
    assert_eq!(counted(Channel::Sms, family).await, [(6, true, false)]);
    assert_eq!(counted(Channel::Email, "ben@example.com").await, [(6, false, false), (4, true, false)]);
    assert_eq!(counted(Channel::Email, "nobody@example.com").await, [(3, true, false)]);
}

#[tokio::test]
async fn del_12_of_a_number_that_got_thousands_the_newest_of_each_kind_are_told() {
    let world = World::new().await;
    let key = world.key(Channel::Sms, PHONE);
    let many = |purpose, hours: i64, count: i64| {
        (0..count).map(move |i| {
            let at = noon() - SignedDuration::from_hours(hours) + SignedDuration::from_secs(i);
            PastSend { message_id: MessageId::new(at), at, purpose, is_exempt: false, is_here: true }
        })
    };
    let sends: Vec<_> = many(Purpose::Marketing, 30, 3)
        .chain(many(Purpose::Treatment, 20, 2_500))
        .map(|sent| (world.tenant_id(), key, sent))
        .collect();
    let mut connection = world.placement.engine().await.unwrap();
    let tx = connection.begin().await.unwrap();
    insert_contact_sends(&tx, &sends).await.unwrap();
    tx.commit().await.unwrap();
    let told = world.facts(noon(), &[key]).await.remove(0).sends;
    let expected: Vec<PastSend> = sends[..3].iter().chain(&sends[1_503..]).map(|(_, _, sent)| *sent).collect();
    assert_eq!((told.len(), carepost_consent::store::MOST_SENDS), (1_003, 1_000));
    assert_eq!(told, expected, "the oldest first, and offers are not hidden behind what came later");
}

#[tokio::test]
async fn con_011_every_change_is_told_to_other_processes_in_its_own_transaction() {
    let world = World::new().await;
    let id = world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    let connection = world.placement.engine().await.unwrap();
    let news = async || {
        let changes = list_consent_changes(&connection, Timestamp::UNIX_EPOCH).await.unwrap();
        changes.iter().map(|change| (change.key.unwrap().channel, change.what)).collect::<Vec<_>>()
    };
    let both = [(Channel::Sms, ChangeKind::Recipient), (Channel::Voice, ChangeKind::Recipient)];
    let mut first = news().await;
    first.sort();
    assert_eq!(first, both);
    // What is not committed is not told.
    let mut tenant = world.placement.tenant(world.tenant_id()).await.unwrap();
    let tx = tenant.begin().await.unwrap();
    let desk = carepost_consent::Desk { tx: &tx, tenant: &world.tenant, actor: &world.actor, now: noon() };
    put_preferences(&desk, id, Preferences::default(), ConsentSource::Staff, None).await.unwrap();
    drop(tx);
    assert_eq!(news().await.len(), 2);
    let same = RecipientInput { language: Some("en".to_owned()), ..RecipientInput::default() };
    world.at(noon(), async |desk| update_recipient(desk, id, same).await).await.unwrap();
    assert_eq!(news().await.len(), 2, "what changes nothing is no news");
}

#[tokio::test]
async fn five_hundred_addresses_are_one_look_over_indexes() {
    let world = World::new().await;
    let fill = include_str!("sql/fill_people.sql").replace("$tenant", &world.tenant_id().to_string());
    world.owner.batch_execute(&fill).await.unwrap();
    world.owner.batch_execute("VACUUM ANALYZE").await.unwrap();
    let keys: Vec<_> = (0..512_u16)
        .map(|number| {
            let mut address_hash = [0; 16];
            address_hash[14..].copy_from_slice(&number.to_be_bytes());
            carepost_consent::types::AddressKey { channel: Channel::Sms, address_hash }
        })
        .collect();
    let facts = world.facts(noon(), &keys).await;
    assert_eq!(facts.len(), 512);
    assert!(facts.iter().all(|one| one.people.len() == 1 && one.people[0].grants.len() == 1 && one.sends.len() == 1));
    assert!(facts.iter().all(|one| one.people[0].wards.len() == 1));
    world.owner.batch_execute(include_str!("sql/enter_engine.sql")).await.unwrap();
    for (name, sql) in [
        ("people", include_str!("../../src/sql/list_people_at.sql")),
        ("wards", include_str!("../../src/sql/list_wards_at.sql")),
        ("states", include_str!("../../src/sql/list_states_at.sql")),
        ("suppressions", include_str!("../../src/sql/list_suppressions_at.sql")),
        ("sends", include_str!("../../src/sql/list_sends_at.sql")),
    ] {
        world.owner.batch_execute(&format!("PREPARE {name} AS {sql}")).await.unwrap();
    }
    let explain = include_str!("sql/explain_facts.sql").replace("$tenant", &world.tenant_id().to_string());
    let plans = world.owner.simple_query(&explain);
    let plan: Vec<String> = plans
        .await
        .unwrap()
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect();
    let text = plan.join("\n");
    for index in ["contact_points_address", "consent_states_pkey", "suppressions_live", "contact_sends_pkey"] {
        assert!(text.contains(&format!("Index Only Scan using {index}")), "{index}:\n{text}");
    }
    for index in ["contact_points_once", "guardians_guardian"] {
        assert!(text.contains(&format!("Index Scan using {index}")), "{index}:\n{text}");
    }
    assert!(!text.contains("Seq Scan"), "{text}");
}
