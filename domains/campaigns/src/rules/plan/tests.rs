//! Tests of plans.

use carepost_consent::message_types;
use carepost_consent::types::{Profile, RecipientKind};
use carepost_kernel::{Phi, RecipientId};
use jiff::Timestamp;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::{select, subsequence};

use super::*;

use Channel::{Email, InApp, Sms, Voice};

fn person() -> Person {
    let at = Timestamp::UNIX_EPOCH;
    Person {
        recipient_id: RecipientId::new(at),
        kind: RecipientKind::Patient,
        profile: Phi::new(Profile::default()),
        language: "en".to_owned(),
        zone: None,
        state: None,
        is_active: true,
        merged_into: None,
        version: 1,
        created_at: at,
        updated_at: at,
        contact_points: Vec::new(),
        guardians: Vec::new(),
    }
}

fn reached(person: &Person, channels: &[Channel]) -> Recipient {
    let on = |channel, address: &str| channels.contains(&channel).then(|| address.to_owned());
    Recipient {
        phone: on(Sms, "+15005550006"),
        email: on(Email, "pat@example.com"),
        in_app: on(InApp, "pat").or_else(|| Some(person.recipient_id.to_string())),
    }
}

struct Case {
    key: Option<&'static str>,
    strategy: Strategy,
    offered: &'static [Channel],
    reached: &'static [Channel],
    preferred: Option<Channel>,
}

const CASE: Case =
    Case { key: None, strategy: Strategy::Fallback, offered: &SERVED, reached: &[Sms, Email], preferred: None };

#[track_caller]
fn check(case: &Case, expected: &[Channel]) {
    let person = person();
    let of_type = case.key.map(|key| message_types::shipped(key).unwrap());
    let Case { strategy, offered, preferred, .. } = *case;
    let plan = Plan { of_type, purpose: None, offered, strategy, preferred };
    assert_eq!(plan.of(&person, &reached(&person, case.reached)), expected);
}

#[test]
fn hub_003_the_preferred_channel_is_tried_first_where_the_plan_has_it() {
    check(&CASE, &[Sms, Email, InApp]);
    check(&Case { preferred: Some(Email), ..CASE }, &[Email, Sms, InApp]);
    check(&Case { preferred: Some(InApp), ..CASE }, &[InApp, Sms, Email]);
    check(&Case { preferred: Some(Email), reached: &[Sms], ..CASE }, &[Sms, InApp]);
    check(&Case { preferred: Some(Voice), ..CASE }, &[Sms, Email, InApp]);
    check(&Case { key: Some("appointment_reminder"), preferred: Some(Email), ..CASE }, &[Email, Sms]);
    check(&Case { key: Some("appointment_reminder"), preferred: Some(InApp), ..CASE }, &[InApp, Sms, Email]);
    check(&Case { key: Some("emergency_instructions"), preferred: Some(Email), ..CASE }, &[Sms, Email]);
}

#[test]
fn con_001_c34_the_types_own_channels_come_first_and_the_others_stand_behind() {
    let reminder = Case { key: Some("appointment_reminder"), ..CASE };
    check(&reminder, &[Sms, Email]);
    check(&Case { reached: &[Sms, Email, InApp], ..reminder }, &[Sms, Email, InApp]);
    check(&Case { reached: &[Sms], ..reminder }, &[Sms]);
    check(&Case { reached: &[Email], ..reminder }, &[Email]);
    check(&Case { reached: &[], ..reminder }, &[InApp]);
    check(&Case { offered: &[Sms], ..reminder }, &[Sms]);
    check(&Case { offered: &[InApp], ..reminder }, &[InApp]);
    check(&Case { strategy: Strategy::All, ..reminder }, &[Sms]);
    check(&Case { key: Some("payment_due"), ..CASE }, &[Email, Sms]);
    check(&Case { key: Some("appointment_confirmation"), ..CASE }, &[Email, Sms]);
}

proptest! {
    #[test]
    fn hub_003_a_plan_has_each_channel_once_and_none_without_address_or_words(
        own in proptest::collection::vec(select(Channel::ALL.to_vec()), 1..4),
        offered in subsequence(SERVED.to_vec(), 0..=3),
        on in subsequence(SERVED.to_vec(), 0..=3),
        preferred in proptest::option::of(select(Channel::ALL.to_vec())),
        is_all in any::<bool>(),
    ) {
        let person = person();
        let to = reached(&person, &on);
        let of_type = MessageType { channels: own, ..message_types::shipped("appointment_reminder").unwrap().clone() };
        let strategy = if is_all { Strategy::All } else { Strategy::Fallback };
        let plan = Plan { of_type: Some(&of_type), purpose: None, offered: &offered, strategy, preferred };
        let plan = plan.of(&person, &to);
        let mut once = plan.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), plan.len());
        prop_assert!(plan.iter().all(|channel| offered.contains(channel) && to.address(*channel).is_some()));
        prop_assert_eq!(plan.is_empty(), offered.iter().all(|channel| to.address(*channel).is_none()));
        if let Some(first) = preferred.filter(|first| plan.contains(first)) {
            prop_assert_eq!(plan[0], first);
        }
    }
}
