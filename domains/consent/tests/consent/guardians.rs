//! What the gate knows of guardians, and when it hears of a change (decision C59).

use carepost_consent::ConsentError;
use carepost_consent::commands::{merge, unmerge, update_recipient};
use carepost_consent::types::{GuardianInput, GuardianScope, RecipientInput, WardFact};
use carepost_kernel::{Channel, RecipientId};

use crate::support::{World, later, noon};

const PHONE: &str = "+15005550060";
const INBOX: &str = "parent-1";

async fn link(world: &World, ward_id: RecipientId, guardian: GuardianInput) -> usize {
    let guardian = GuardianInput { field: "/guardians/0".to_owned(), ..guardian };
    let input = RecipientInput { guardians: vec![guardian], ..RecipientInput::default() };
    let (_, keys) = world.at(noon(), async |desk| update_recipient(desk, ward_id, input).await).await.unwrap();
    keys.len()
}

fn financial(guardian_id: RecipientId) -> GuardianInput {
    GuardianInput {
        recipient_id: Some(guardian_id),
        scope: Some(GuardianScope::Financial),
        ends_on: Some("2027-06-30".to_owned()),
        ..GuardianInput::default()
    }
}

async fn wards(world: &World, channel: Channel, address: &str) -> Vec<WardFact> {
    let mut facts = world.facts(later(60), &[world.key(channel, address)]).await.remove(0);
    assert_eq!(facts.people.len(), 1);
    facts.people.remove(0).wards
}

#[tokio::test]
async fn con_c59_the_gate_knows_for_whom_readers_answer_and_hears_of_each_change() {
    let world = World::new().await;
    let parent = world.add("g-1", &[(Channel::Sms, PHONE), (Channel::InApp, INBOX)]).await;
    let ward_id = world.add("p-1", &[]).await;
    assert!(wards(&world, Channel::InApp, INBOX).await.is_empty());
    assert_eq!(link(&world, ward_id, financial(parent)).await, 3, "texts, calls and the inbox of the guardian");
    let ends_on = Some("2027-06-30".parse().unwrap());
    let expected = [WardFact { ward_id, also: Vec::new(), scope: GuardianScope::Financial, ends_on }];
    for (channel, address) in [(Channel::InApp, INBOX), (Channel::Sms, PHONE), (Channel::Voice, PHONE)] {
        assert_eq!(wards(&world, channel, address).await, expected);
    }
    assert_eq!(link(&world, ward_id, financial(parent)).await, 0, "what changes nothing is no news");
    let full = GuardianInput { scope: Some(GuardianScope::Full), ..financial(parent) };
    assert_eq!(link(&world, ward_id, full).await, 3);
    assert_eq!(wards(&world, Channel::InApp, INBOX).await[0].scope, GuardianScope::Full);
    let gone = GuardianInput { is_removed: true, is_mistake: true, ..financial(parent) };
    assert_eq!(link(&world, ward_id, gone.clone()).await, 3);
    assert!(wards(&world, Channel::InApp, INBOX).await.is_empty());
    assert_eq!(link(&world, ward_id, gone).await, 0);
    let unclear = GuardianInput { is_mistake: true, field: "/guardians/0".to_owned(), ..financial(parent) };
    let input = RecipientInput { guardians: vec![unclear], ..RecipientInput::default() };
    let refused = world.at(noon(), async |desk| update_recipient(desk, ward_id, input).await).await;
    let Err(ConsentError::Invalid(faults)) = refused else { panic!("a mistake that is not taken away") };
    assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/guardians/0"]);
}

/// Without a link nothing would be asked, and what waits would leave.
#[tokio::test]
async fn con_c59_a_link_that_is_taken_away_closes_as_one_that_has_ended() {
    let world = World::new().await;
    let parent = world.add("g-1", &[(Channel::InApp, INBOX)]).await;
    let ward_id = world.add("p-1", &[]).await;
    let gone = GuardianInput { is_removed: true, ..financial(parent) };
    assert_eq!(link(&world, ward_id, gone.clone()).await, 0, "who was never there is not there as ended");
    assert!(wards(&world, Channel::InApp, INBOX).await.is_empty());
    link(&world, ward_id, GuardianInput { ends_on: None, ..financial(parent) }).await;
    assert_eq!(link(&world, ward_id, gone.clone()).await, 1);
    let [ward] = &wards(&world, Channel::InApp, INBOX).await[..] else { panic!("one ward") };
    // At noon in UTC it is the 22nd everywhere, and has just begun to be in the last zone of all.
    assert_eq!((ward.scope, ward.ends_on), (GuardianScope::Financial, Some("2026-11-21".parse().unwrap())));
    assert_eq!(link(&world, ward_id, gone.clone()).await, 0, "it has ended already");
    // What ended earlier ended then.
    let past = GuardianInput { ends_on: Some("2026-01-31".to_owned()), ..financial(parent) };
    link(&world, ward_id, past).await;
    assert_eq!(link(&world, ward_id, gone).await, 0);
    assert_eq!(wards(&world, Channel::InApp, INBOX).await[0].ends_on, Some("2026-01-31".parse().unwrap()));
}

#[tokio::test]
async fn con_c59_the_last_word_of_a_list_on_a_guardian_holds() {
    let there = || GuardianInput { scope: Some(GuardianScope::Full), ends_on: None, ..GuardianInput::default() };
    let gone = |is_mistake| GuardianInput { is_removed: true, is_mistake, ..GuardianInput::default() };
    for (list, is_there) in [
        (vec![gone(false), there()], true),
        (vec![gone(true), there()], true),
        (vec![there(), gone(true)], false),
        (vec![gone(true), there(), gone(true)], false),
    ] {
        for is_known in [true, false] {
            let world = World::new().await;
            let parent = world.add("g-1", &[(Channel::InApp, INBOX)]).await;
            let ward_id = world.add("p-1", &[]).await;
            if is_known {
                link(&world, ward_id, financial(parent)).await;
            }
            let of_parent = |one: &GuardianInput| GuardianInput {
                field: "/guardians/0".to_owned(),
                recipient_id: Some(parent),
                ..one.clone()
            };
            let input = RecipientInput { guardians: list.iter().map(of_parent).collect(), ..RecipientInput::default() };
            world.at(noon(), async |desk| update_recipient(desk, ward_id, input).await).await.unwrap();
            let expected =
                is_there.then_some(WardFact { ward_id, also: Vec::new(), scope: GuardianScope::Full, ends_on: None });
            assert_eq!(wards(&world, Channel::InApp, INBOX).await, Vec::from_iter(expected));
        }
    }
}

#[tokio::test]
async fn con_c59_the_link_of_the_record_that_stands_for_a_ward_holds_for_all_of_them() {
    let world = World::new().await;
    let parent = world.add("g-1", &[(Channel::InApp, INBOX)]).await;
    let (stays, goes) = (world.add("p-1", &[]).await, world.add("p-2", &[]).await);
    link(&world, goes, GuardianInput { scope: None, ends_on: None, ..financial(parent) }).await;
    link(&world, stays, financial(parent)).await;
    let (_, keys) = world.at(later(1), async |desk| merge(desk, goes, stays).await).await.unwrap();
    assert_eq!(keys, [world.key(Channel::InApp, INBOX)], "the guardian's inbox is read again");
    let [ward] = &wards(&world, Channel::InApp, INBOX).await[..] else { panic!("one ward") };
    assert_eq!((ward.ward_id, &ward.also[..], ward.scope), (stays, &[goes][..], GuardianScope::Financial));
    // Whoever names the former record means the present one.
    link(&world, goes, GuardianInput { is_removed: true, is_mistake: true, ..financial(parent) }).await;
    assert!(wards(&world, Channel::InApp, INBOX).await.is_empty());
    let (_, keys) = world.at(later(2), async |desk| unmerge(desk, goes).await).await.unwrap();
    assert_eq!(keys.len(), 1);
    let [ward] = &wards(&world, Channel::InApp, INBOX).await[..] else { panic!("one ward") };
    assert_eq!((ward.ward_id, ward.scope), (goes, GuardianScope::Full));
}
