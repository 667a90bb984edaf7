//! Consent given, taken back, and taken back for a whole address.

use carepost_consent::ConsentError;
use carepost_consent::commands::{
    AddressWord, GiveConsent, RevokeConsent, Suppress, create_recipient, lift, list_consents, list_suppressions,
    opt_in_address, opt_out_address, record_consent, revoke_consent, suppress,
};
use carepost_consent::store::SuppressionFilter;
use carepost_consent::types::{ConsentSource, ConsentState, Grant, Said, SuppressionReason};
use carepost_kernel::{Channel, ErrorKind, InboundId, Phi, Purpose, RecipientId};
use jiff::Timestamp;

use crate::support::{World, later, noon, person};

const PHONE: &str = "+15005550020";
const EMAIL: &str = "ana@example.com";

fn give(recipient_id: RecipientId, channel: Channel, purposes: &[Purpose]) -> GiveConsent {
    GiveConsent {
        recipient_id,
        channel,
        address: None,
        purposes: purposes.to_vec(),
        is_in_writing: false,
        is_unsecured: false,
        said: Said::by(ConsentSource::Form),
        expires_at: None,
    }
}

fn word(at: Timestamp, inbound_id: Option<InboundId>) -> AddressWord {
    let said = Said {
        wording: Some(Phi::from("Stop")),
        language: Some("en".to_owned()),
        at: Some(at),
        inbound_id,
        ..Said::by(ConsentSource::Stop)
    };
    AddressWord { channel: Channel::Sms, address: Phi::from(PHONE), said }
}

async fn stop(world: &World, at: Timestamp) -> bool {
    world.at(at, async |desk| opt_out_address(desk, &word(at, None)).await).await.unwrap().is_news
}

async fn start(world: &World, at: Timestamp) -> bool {
    world.at(at, async |desk| opt_in_address(desk, &word(at, None)).await).await.unwrap().is_news
}

async fn grants(world: &World, channel: Channel, address: &str) -> Vec<(Option<Purpose>, ConsentState)> {
    let facts = world.facts(later(3_600), &[world.key(channel, address)]).await.remove(0);
    let of = |grants: &[Grant]| grants.iter().map(|grant| (grant.purpose, grant.state)).collect();
    facts.people.first().map(|person| of(&person.grants)).unwrap_or_default()
}

async fn suppressed(world: &World) -> Vec<SuppressionReason> {
    let facts = world.facts(later(3_600), &[world.key(Channel::Sms, PHONE)]).await.remove(0);
    facts.suppressions.iter().map(|one| one.reason).collect()
}

#[tokio::test]
async fn con_003_an_opt_out_of_texts_leaves_email_on_and_says_who_when_and_how() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE), (Channel::Email, EMAIL)]).await;
    for channel in [Channel::Sms, Channel::Email] {
        world.at(noon(), async |desk| record_consent(desk, &give(ana, channel, &[])).await).await.unwrap();
    }
    assert!(stop(&world, later(10)).await);
    assert_eq!(grants(&world, Channel::Sms, PHONE).await, [(None, ConsentState::Revoked)]);
    assert_eq!(grants(&world, Channel::Email, EMAIL).await, [(None, ConsentState::Granted)]);
    let consents = world.at(noon(), async |desk| list_consents(desk, ana, None, 10).await).await.unwrap();
    let events = &consents.events.items;
    assert_eq!(events.len(), 3);
    let newest = &events[0];
    assert_eq!(
        (newest.source, newest.evidence.at, newest.actor.id.as_str()),
        (ConsentSource::Stop, later(10), "desk-1")
    );
    assert_eq!(newest.wording.as_ref().unwrap().expose(), "Stop");
    assert_eq!(consents.addresses[&newest.key].expose(), PHONE);
}

#[tokio::test]
async fn con_c58_con_008_a_stop_is_every_readers_and_news_once() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    let ben = world.add("p-2", &[(Channel::Sms, PHONE)]).await;
    let inbound = InboundId::new(noon());
    let opt = async |inbound| {
        world.at(later(5), async |desk| opt_out_address(desk, &word(later(5), Some(inbound))).await).await.unwrap()
    };
    let first = opt(inbound).await;
    assert_eq!((first.is_news, &first.people), (true, &vec![ana, ben]));
    assert!(!opt(inbound).await.is_news, "the same message again");
    assert_eq!(world.count("SELECT count(*) FROM consent_events").await, 3, "the address and two people, once");
    assert!(!opt(InboundId::new(later(1))).await.is_news, "said twice");
    let facts = world.facts(later(6), &[world.key(Channel::Sms, PHONE)]).await.remove(0);
    assert!(facts.people.iter().all(|person| person.grants[0].state == ConsentState::Revoked));
    assert_eq!(world.count("SELECT count(*) FROM suppressions").await, 1);
    assert!(start(&world, later(60)).await && !start(&world, later(61)).await);
    assert_eq!(
        (suppressed(&world).await, grants(&world, Channel::Sms, PHONE).await),
        (vec![], vec![(None, ConsentState::Granted)])
    );
}

#[tokio::test]
async fn con_003_two_opt_outs_and_an_opt_in_in_one_second_leave_the_address_opted_out() {
    let instant = |milliseconds: i64| noon() + jiff::SignedDuration::from_millis(milliseconds);
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 2, 1]] {
        let world = World::new().await;
        world.add("p-1", &[(Channel::Sms, PHONE)]).await;
        for which in order {
            match which {
                0 => stop(&world, instant(100)).await,
                1 => start(&world, instant(900)).await,
                _ => stop(&world, instant(500)).await,
            };
        }
        assert_eq!(suppressed(&world).await, [SuppressionReason::OptedOut], "{order:?}");
        assert_eq!(grants(&world, Channel::Sms, PHONE).await, [(None, ConsentState::Revoked)], "{order:?}");
        assert!(start(&world, instant(1_000)).await, "a later one opens it");
        assert!(!stop(&world, instant(300)).await, "an old one that comes late changes nothing");
        assert!(suppressed(&world).await.is_empty());
    }
}

#[tokio::test]
async fn con_008_nothing_about_a_stop_keeps_it_from_being_heard() {
    let world = World::new().await;
    let mut stop = word(later(86_400), None);
    stop.said.wording = Some(Phi::new("stop ".repeat(2_000)));
    stop.said.wording_version = Some(String::new());
    stop.said.language = Some("English".to_owned());
    let opted = world.at(noon(), async |desk| opt_out_address(desk, &stop).await).await.unwrap();
    assert!(opted.is_news);
    let heard = "SELECT count(*) FROM consent_events WHERE at = '2026-11-22T12:00:00Z' AND language IS NULL";
    assert_eq!(world.count(heard).await, 1, "by a clock that runs ahead of ours: now");
}

#[tokio::test]
async fn con_008_an_email_stop_holds_however_the_address_is_written() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Email, "Ana@Example.com")]).await;
    world.at(noon(), async |desk| record_consent(desk, &give(ana, Channel::Email, &[])).await).await.unwrap();
    let stop = AddressWord { channel: Channel::Email, address: Phi::from(EMAIL), said: Said::by(ConsentSource::Stop) };
    let opted = world.at(later(5), async |desk| opt_out_address(desk, &stop).await).await.unwrap();
    assert_eq!((opted.is_news, opted.people), (true, vec![ana]));
    for written in ["ana@example.com", "Ana@example.com", "ANA@EXAMPLE.COM"] {
        assert_eq!(grants(&world, Channel::Email, written).await, [(None, ConsentState::Revoked)], "{written}");
    }
    let consents = world.at(noon(), async |desk| list_consents(desk, ana, None, 10).await).await.unwrap();
    let shown: Vec<&str> = consents.addresses.values().map(|address| address.expose().as_str()).collect();
    assert_eq!(shown, ["Ana@example.com"], "it is sent to as it was written");
    let twice = [(Channel::Email, "ben@example.com"), (Channel::Email, "Ben@example.com")];
    let input = person("p-2", &twice);
    let error = world.at(noon(), async |desk| create_recipient(desk, input).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn what_an_unknown_number_said_holds_for_those_who_are_known_there_later() {
    let world = World::new().await;
    assert!(stop(&world, noon()).await);
    let facts = world.facts(noon(), &[world.key(Channel::Sms, PHONE)]).await.remove(0);
    assert!(facts.people[0].recipient_id.as_uuid().is_nil(), "somebody without a name");
    world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    assert_eq!(grants(&world, Channel::Sms, PHONE).await, [(None, ConsentState::Revoked)]);
    assert!(start(&world, later(9)).await);
    assert_eq!(grants(&world, Channel::Sms, PHONE).await, [(None, ConsentState::Granted)]);
}

#[tokio::test]
async fn con_011_a_revocation_takes_back_what_it_names() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE), (Channel::Email, EMAIL)]).await;
    let purposes = [Purpose::Treatment, Purpose::Financial];
    for channel in [Channel::Sms, Channel::Email] {
        world.at(noon(), async |desk| record_consent(desk, &give(ana, channel, &purposes)).await).await.unwrap();
    }
    let mut revoke = RevokeConsent {
        recipient_id: ana,
        channel: Some(Channel::Sms),
        address: None,
        purposes: vec![Purpose::Financial],
        said: Said::by(ConsentSource::Staff),
    };
    let (_, keys) = world.at(later(5), async |desk| revoke_consent(desk, &revoke).await).await.unwrap();
    assert_eq!(keys, [world.key(Channel::Sms, PHONE)]);
    assert_eq!(
        grants(&world, Channel::Sms, PHONE).await,
        [(Some(Purpose::Treatment), ConsentState::Granted), (Some(Purpose::Financial), ConsentState::Revoked)]
    );
    revoke = RevokeConsent { channel: None, purposes: Vec::new(), ..revoke };
    let (_, keys) = world.at(later(10), async |desk| revoke_consent(desk, &revoke).await).await.unwrap();
    assert_eq!(keys.len(), 3, "texts, calls and email");
    for (channel, address) in [(Channel::Sms, PHONE), (Channel::Email, EMAIL), (Channel::Voice, PHONE)] {
        let now = grants(&world, channel, address).await;
        assert!(now.iter().all(|(_, state)| *state == ConsentState::Revoked) && !now.is_empty(), "{channel:?}");
    }
}

#[tokio::test]
async fn con_011_a_revocation_holds_over_a_grant_from_a_clock_ahead_of_ours() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    let ahead = Said { at: Some(later(240)), ..Said::by(ConsentSource::Form) };
    let grant = GiveConsent { said: ahead, ..give(ana, Channel::Sms, &[]) };
    world.at(noon(), async |desk| record_consent(desk, &grant).await).await.unwrap();
    let (channel, address, purposes) = (Some(Channel::Sms), None, Vec::new());
    let revoke = RevokeConsent { recipient_id: ana, channel, address, purposes, said: Said::by(ConsentSource::Staff) };
    world.at(later(60), async |desk| revoke_consent(desk, &revoke).await).await.unwrap();
    assert_eq!(grants(&world, Channel::Sms, PHONE).await, [(None, ConsentState::Revoked)]);
}

#[tokio::test]
async fn con_009_consent_in_writing_needs_its_wording_and_an_address_of_the_person() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    let check = async |give: GiveConsent, pointer: &str| {
        let error = world.at(noon(), async |desk| record_consent(desk, &give).await).await.unwrap_err();
        assert!(matches!(&error, ConsentError::Invalid(faults) if faults[0].pointer == pointer), "{error:?} {pointer}");
    };
    check(GiveConsent { is_in_writing: true, ..give(ana, Channel::Sms, &[]) }, "/wording").await;
    check(GiveConsent { is_unsecured: true, ..give(ana, Channel::Sms, &[]) }, "/wording").await;
    check(give(ana, Channel::Email, &[]), "/channel").await;
    check(GiveConsent { address: Some(Phi::from("+15005550099")), ..give(ana, Channel::Sms, &[]) }, "/address").await;
    check(GiveConsent { expires_at: Some(noon()), ..give(ana, Channel::Sms, &[]) }, "/expires_at").await;
    let ahead = Said { at: Some(later(3_600)), ..Said::by(ConsentSource::Form) };
    check(GiveConsent { said: ahead, ..give(ana, Channel::Sms, &[]) }, "/at").await;
    let nobody = give(RecipientId::new(noon()), Channel::Sms, &[]);
    let error = world.at(noon(), async |desk| record_consent(desk, &nobody).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(world.count("SELECT count(*) FROM consent_events").await, 0);
    let said = Said {
        wording: Some(Phi::from("I want offers.")),
        wording_version: Some("2026-01".to_owned()),
        ..Said::by(ConsentSource::Form)
    };
    let written = GiveConsent { is_in_writing: true, said, ..give(ana, Channel::Sms, &[Purpose::Marketing]) };
    world.at(noon(), async |desk| record_consent(desk, &written).await).await.unwrap();
    assert_eq!(grants(&world, Channel::Sms, PHONE).await, [(Some(Purpose::Marketing), ConsentState::GrantedInWriting)]);
    let unsecured = GiveConsent { is_unsecured: true, ..written };
    world.at(later(60), async |desk| record_consent(desk, &unsecured).await).await.unwrap();
    assert_eq!(grants(&world, Channel::Sms, PHONE).await, [(Some(Purpose::Marketing), ConsentState::GrantedUnsecured)]);
}

#[tokio::test]
async fn con_001_nobody_can_change_or_remove_evidence() {
    let world = World::new().await;
    assert!(stop(&world, noon()).await);
    for table in ["consent_events", "preference_events", "consent_terms"] {
        for role in ["carepost_app", "carepost_engine"] {
            for right in ["UPDATE", "DELETE", "TRUNCATE"] {
                let sql = format!("SELECT has_table_privilege('{role}', 'care.{table}', '{right}')::int::bigint");
                assert_eq!(world.count(&sql).await, 0, "{role} {right} {table}");
            }
        }
    }
}

#[tokio::test]
async fn suppressions_have_their_permanence_and_are_lifted_by_whom_they_should() {
    let world = World::new().await;
    let put = async |reason, now| {
        let source = ConsentSource::Provider;
        let new = Suppress { channel: Channel::Sms, address: Phi::from(PHONE), reason, source, until: None, at: None };
        world.at(now, async |desk| suppress(desk, &new).await).await.unwrap().0
    };
    assert!(put(SuppressionReason::ProviderBlock, noon()).await);
    assert!(put(SuppressionReason::SoftBounce, noon()).await);
    assert!(!put(SuppressionReason::SoftBounce, later(60)).await, "it holds already, a minute longer now");
    assert!(put(SuppressionReason::WrongNumber, noon()).await);
    assert!(start(&world, later(120)).await);
    assert_eq!(suppressed(&world).await, [SuppressionReason::SoftBounce, SuppressionReason::WrongNumber]);
    let week = 7 * 86_400;
    assert!(put(SuppressionReason::SoftBounce, later(week)).await, "it had run out: this is news");
    let filter = SuppressionFilter { live_at: Some(later(week)), ..SuppressionFilter::default() };
    let listed =
        world.at(later(week), async |desk| list_suppressions(desk, filter, None, 10).await).await.unwrap().items;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|one| one.address.as_ref().unwrap().expose() == PHONE));
    for one in listed {
        let said = Said::by(ConsentSource::Staff);
        let lifted = world.at(later(week), async |desk| lift(desk, one.suppression_id, &said).await).await.unwrap();
        assert!(lifted.0);
    }
    assert_eq!(world.count("SELECT count(*) FROM suppressions WHERE lifted_at IS NOT NULL").await, 4);
    assert!(put(SuppressionReason::OptedOut, later(week)).await);
    assert_eq!(world.count("SELECT count(*) FROM consent_events WHERE state = 3").await, 1, "with its evidence");
}

#[tokio::test]
async fn a_copy_of_old_news_undoes_no_lift() {
    let world = World::new().await;
    let told = async |reason, at, now| {
        let (source, at) = (ConsentSource::Provider, Some(at));
        let new = Suppress { channel: Channel::Sms, address: Phi::from(PHONE), reason, source, until: None, at };
        world.at(now, async |desk| suppress(desk, &new).await).await.unwrap().0
    };
    assert!(told(SuppressionReason::HardBounce, noon(), noon()).await);
    let listed =
        world.at(noon(), async |desk| list_suppressions(desk, SuppressionFilter::default(), None, 10).await).await;
    let said = Said::by(ConsentSource::Staff);
    let id = listed.unwrap().items[0].suppression_id;
    assert!(world.at(later(60), async |desk| lift(desk, id, &said).await).await.unwrap().0);
    assert!(!told(SuppressionReason::HardBounce, noon(), later(120)).await, "the vendor has sent it once more");
    assert_eq!(suppressed(&world).await, []);
    assert!(told(SuppressionReason::HardBounce, later(180), later(180)).await, "it has bounced again");

    // What passes by itself passes a week after it was said, not after it was heard of again.
    assert!(told(SuppressionReason::SoftBounce, later(180), later(180)).await);
    assert!(!told(SuppressionReason::SoftBounce, later(180), later(86_400)).await);
    let week = 7 * 86_400;
    assert!(!told(SuppressionReason::SoftBounce, later(180), later(180 + week)).await, "over by now");
}

#[tokio::test]
async fn a_texted_stop_takes_the_place_of_one_on_a_page() {
    let world = World::new().await;
    let stop = async |source, now| {
        let opt = AddressWord { channel: Channel::Sms, address: Phi::from(PHONE), said: Said::by(source) };
        world.at(now, async |desk| opt_out_address(desk, &opt).await).await.unwrap().is_news
    };
    assert!(stop(ConsentSource::Portal, noon()).await);
    assert!(!stop(ConsentSource::Stop, later(60)).await, "no second confirmation");
    assert!(!stop(ConsentSource::Portal, later(120)).await);
    let filter = SuppressionFilter { live_at: Some(later(120)), ..SuppressionFilter::default() };
    let listed = world.at(later(120), async |desk| list_suppressions(desk, filter, None, 10).await).await.unwrap();
    let sources: Vec<ConsentSource> = listed.items.iter().map(|one| one.source).collect();
    assert_eq!(sources, [ConsentSource::Stop]);
}
