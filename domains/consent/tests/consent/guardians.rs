//! What the gate knows of guardians, and when it hears of a change (decision C59).

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
    let gone = GuardianInput { is_removed: true, ..financial(parent) };
    assert_eq!(link(&world, ward_id, gone).await, 3);
    assert!(wards(&world, Channel::InApp, INBOX).await.is_empty());
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
    link(&world, goes, GuardianInput { is_removed: true, ..financial(parent) }).await;
    assert!(wards(&world, Channel::InApp, INBOX).await.is_empty());
    let (_, keys) = world.at(later(2), async |desk| unmerge(desk, goes).await).await.unwrap();
    assert_eq!(keys.len(), 1);
    let [ward] = &wards(&world, Channel::InApp, INBOX).await[..] else { panic!("one ward") };
    assert_eq!((ward.ward_id, ward.scope), (goes, GuardianScope::Full));
}
