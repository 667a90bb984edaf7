//! Two records of one person, joined and parted again.

use carepost_consent::commands::{
    AddressWord, GiveConsent, RecipientSearch, create_recipient, get_preferences, get_recipient, merge,
    opt_out_address, put_preferences, record_consent, search_recipients, unmerge,
};
use carepost_consent::types::{ConsentSource, ConsentState, Preferences, RecipientInput, Said};
use carepost_kernel::{Channel, ErrorKind, Phi, RecipientId, Topic};

use crate::support::{World, later, noon, person};

const SHARED: &str = "+15005550050";
const OLD: &str = "+15005550051";

/// Everything that a merge may touch, without what counts changes.
const PICTURE: &str = "
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT concat_ws(' ', 'point', recipient_id, channel, encode(address_hash, 'hex'), rank, is_active, verified_at) AS line FROM contact_points
        UNION ALL SELECT concat_ws(' ', 'ward', recipient_id, guardian_id, scope, ends_on) FROM guardians
        UNION ALL SELECT concat_ws(' ', 'person', recipient_id, merged_into, is_active, zone) FROM recipients
        UNION ALL SELECT concat_ws(' ', 'wish', recipient_id, body) FROM preferences
        UNION ALL SELECT concat_ws(' ', 'state', recipient_id, channel, encode(address_hash, 'hex'), purpose, state, since) FROM consent_states
    ) AS lines";

async fn picture(world: &World) -> String {
    world.owner.query_one(PICTURE, &[]).await.unwrap().get(0)
}

async fn give(world: &World, recipient_id: RecipientId, address: &str, seconds: i64) {
    let give = GiveConsent {
        recipient_id,
        channel: Channel::Sms,
        address: Some(Phi::from(address)),
        purposes: Vec::new(),
        is_in_writing: false,
        is_unsecured: false,
        said: Said::by(ConsentSource::Form),
        expires_at: None,
    };
    world.at(later(seconds), async |desk| record_consent(desk, &give).await).await.unwrap();
}

async fn off(world: &World, recipient_id: RecipientId, topic: Topic) {
    let wishes = Preferences { off: [(topic, [Channel::Sms].into())].into(), ..Preferences::default() };
    world
        .at(noon(), async |desk| put_preferences(desk, recipient_id, wishes, ConsentSource::Staff, None).await)
        .await
        .unwrap();
}

/// A patient who stands in the files twice, with a child.
async fn twice(world: &World) -> (RecipientId, RecipientId) {
    let stays = world.add("p-1", &[(Channel::Email, "ana@example.com"), (Channel::Sms, SHARED)]).await;
    let goes = world.add("p-2", &[(Channel::Sms, SHARED), (Channel::Sms, OLD)]).await;
    let guardian = carepost_consent::types::GuardianInput {
        field: "/guardians/0".to_owned(),
        recipient_id: Some(goes),
        ..Default::default()
    };
    let child = RecipientInput { guardians: vec![guardian], ..person("c-1", &[]) };
    world.at(noon(), async |desk| create_recipient(desk, child).await).await.unwrap();
    give(world, stays, SHARED, 1).await;
    give(world, goes, SHARED, 2).await;
    give(world, goes, OLD, 3).await;
    off(world, stays, Topic::Marketing).await;
    off(world, goes, Topic::Surveys).await;
    (goes, stays)
}

#[tokio::test]
async fn a_merge_moves_addresses_consent_guardians_and_refusals_and_parting_restores_exactly_that() {
    let world = World::new().await;
    let (goes, stays) = twice(&world).await;
    let before = picture(&world).await;
    let (deed, keys) = world.at(later(10), async |desk| merge(desk, goes, stays).await).await.unwrap();
    assert_eq!((deed.merged_id, deed.survivor_id, keys.len()), (goes, stays, 5));
    let facts = world.facts(later(10), &[world.key(Channel::Sms, OLD), world.key(Channel::Sms, SHARED)]).await;
    for one in &facts {
        let people: Vec<_> = one.people.iter().map(|person| person.recipient_id).collect();
        assert_eq!(people, [stays]);
        assert_eq!(one.people[0].grants[0].state, ConsentState::Granted);
        assert_eq!(one.people[0].preferences.off.len(), 2, "what either did not want is not wanted");
    }
    let wards = world.owner.query("SELECT guardian_id FROM guardians", &[]).await.unwrap();
    assert_eq!(wards.iter().map(|row| RecipientId::from_uuid(row.get(0))).collect::<Vec<_>>(), [stays]);
    // The other id still leads to the person.
    let found = world.at(noon(), async |desk| get_recipient(desk, goes).await).await.unwrap();
    assert_eq!((found.merged_into, found.contact_points.len()), (Some(stays), 1));
    let wishes = world.at(noon(), async |desk| get_preferences(desk, goes).await).await.unwrap();
    assert_eq!(wishes.preferences.off.len(), 2);
    world.at(later(20), async |desk| unmerge(desk, goes).await).await.unwrap();
    assert_eq!(picture(&world).await, before);
    let parted = world.facts(later(20), &[world.key(Channel::Sms, OLD)]).await.remove(0);
    assert_eq!((parted.people[0].recipient_id, parted.people[0].also.len()), (goes, 0));
    let again = world.at(later(30), async |desk| unmerge(desk, goes).await).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_is_said_while_merged_stays_with_the_survivor_and_a_stop_holds_for_both() {
    let world = World::new().await;
    let (goes, stays) = twice(&world).await;
    world.at(later(10), async |desk| merge(desk, goes, stays).await).await.unwrap();
    let stop = AddressWord { channel: Channel::Sms, address: Phi::from(OLD), said: Said::by(ConsentSource::Stop) };
    let opted = world.at(later(15), async |desk| opt_out_address(desk, &stop).await).await.unwrap();
    assert_eq!(opted.people, [stays]);
    // The former id is written to as well: it is the survivor's address.
    let input = person("p-2", &[(Channel::Email, "new@example.com")]);
    let upserted = world.at(later(16), async |desk| create_recipient(desk, input).await).await.unwrap().0;
    assert_eq!((upserted.recipient_id, upserted.is_changed), (goes, true));
    world.at(later(20), async |desk| unmerge(desk, goes).await).await.unwrap();
    let keys = [world.key(Channel::Sms, OLD), world.key(Channel::Email, "new@example.com")];
    let facts = world.facts(later(20), &keys).await;
    assert_eq!((facts[0].people[0].recipient_id, facts[1].people[0].recipient_id), (goes, stays));
    assert_eq!(facts[0].people[0].grants[0].state, ConsentState::Revoked, "the address itself has said no");
    assert_eq!(facts[0].suppressions.len(), 1);
    let search = RecipientSearch::Address { channel: Channel::Sms, address: OLD.to_owned() };
    let found = world.at(noon(), async |desk| search_recipients(desk, &search).await).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn merges_in_a_row_are_parted_from_the_last_one_back() {
    let world = World::new().await;
    let (first, second) = twice(&world).await;
    let third = world.add("p-3", &[(Channel::Email, "third@example.com")]).await;
    let before = picture(&world).await;
    world.at(later(10), async |desk| merge(desk, first, second).await).await.unwrap();
    world.at(later(11), async |desk| merge(desk, second, third).await).await.unwrap();
    let facts = world.facts(later(11), &[world.key(Channel::Sms, OLD)]).await;
    let one = &facts[0].people[0];
    assert_eq!((one.recipient_id, one.grants[0].state), (third, ConsentState::Granted));
    let records = [first, second, third, RecipientId::new(noon())].map(|id| one.has_record(id));
    assert_eq!((one.also.len(), records), (2, [true, true, true, false]), "what waits under a former record is theirs");
    for (merged, survivor) in [(first, third), (third, first), (third, third)] {
        let error = world.at(later(12), async |desk| merge(desk, merged, survivor).await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    let early = world.at(later(12), async |desk| unmerge(desk, first).await).await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::Conflict);
    world.at(later(13), async |desk| unmerge(desk, second).await).await.unwrap();
    world.at(later(14), async |desk| unmerge(desk, first).await).await.unwrap();
    // Wishes of somebody who had none before are empty ones now.
    let after = picture(&world).await;
    let rest = |text: &str| {
        text.lines().filter(|line| !line.starts_with(&format!("wish {third}"))).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rest(&after), rest(&before));
}
