//! One line for each way through the gate.

use carepost_consent::types::{AddressKey, SuppressionFact, SuppressionReason};

use std::sync::Arc;

use carepost_kernel::{Phi, Purpose};

use super::*;
use crate::testing::delivery;
use crate::types::{About, Payload, Ruling};

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// A way through the gate that is open, with whatever a test changes about it.
struct Case {
    delivery: Delivery,
    rulebook: Rulebook,
    contact: ContactFacts,
    is_paused: bool,
    tenant_limit_until: Option<Timestamp>,
    sender: Sender,
    phi: Verdict,
}

impl Case {
    fn new() -> Self {
        let delivery = delivery(at(NOW));
        let key = AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash };
        Self {
            delivery,
            rulebook: Rulebook::built_in(),
            contact: ContactFacts { key, people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() },
            is_paused: false,
            tenant_limit_until: None,
            sender: Sender::Ready,
            phi: Verdict::Go,
        }
    }

    fn facts(&self) -> GateFacts<'_> {
        GateFacts {
            now: at(NOW),
            is_paused: self.is_paused,
            tenant_limit_until: self.tenant_limit_until,
            sender: self.sender,
            pause_recheck: at(NOW + 5),
            contact: &self.contact,
            rulebook: &self.rulebook,
            judged: Judged { phi: self.phi.clone(), done: None, is_identified: None, text_chars: None },
        }
    }
}

fn check(change: impl FnOnce(&mut Case), expected: Verdict) {
    let mut case = Case::new();
    change(&mut case);
    let verdict = match decide(&case.delivery, &case.facts(), ()) {
        Ok((_, record)) => {
            assert!(record.read().unwrap().rules.iter().all(|said| said.ruling == Ruling::Go));
            Verdict::Go
        }
        Err(held) => {
            assert!(held.record.read().unwrap().rules.iter().any(|said| said.ruling != Ruling::Go));
            held.verdict
        }
    };
    assert_eq!(verdict, expected);
}

#[test]
fn del_8_each_rule_has_its_say() {
    check(|_| {}, Verdict::Go);
    check(|case| case.delivery.expires_at = at(NOW), Verdict::Refuse { code: "expired" });
    check(|case| case.delivery.state = DeliveryState::Cancelled, Verdict::Refuse { code: "finished" });
    check(
        |case| case.delivery.scheduled_at = Some(at(NOW + 60)),
        Verdict::Wait { until: at(NOW + 60), reason: WaitReason::Scheduled },
    );
    check(|case| case.delivery.scheduled_at = Some(at(NOW)), Verdict::Go);
    check(|case| case.is_paused = true, Verdict::Wait { until: at(NOW + 5), reason: WaitReason::Paused });
    check(
        |case| case.tenant_limit_until = Some(at(NOW + 1)),
        Verdict::Wait { until: at(NOW + 1), reason: WaitReason::TenantLimit },
    );
    check(
        |case| case.sender = Sender::Missing,
        Verdict::Wait { until: at(NOW + 5), reason: WaitReason::ProviderConfig },
    );
    let blocked = |until| Sender::Blocked { until, reason: WaitReason::BreakerOpen };
    check(
        |case| case.sender = blocked(at(NOW + 3)),
        Verdict::Wait { until: at(NOW + 3), reason: WaitReason::BreakerOpen },
    );
    check(
        |case| (case.delivery.expires_at, case.sender) = (at(NOW), blocked(at(NOW + 3))),
        Verdict::Refuse { code: "expired" },
    );
    check(|case| case.delivery.key.channel = Channel::Voice, Verdict::OtherChannel { code: "channel_not_available" });
}

#[test]
fn del_8_an_address_that_opted_out_gets_nothing_but_the_answer_to_that() {
    let since = at(NOW - 1);
    let opted_out = |case: &mut Case| {
        case.contact.suppressions = vec![SuppressionFact { reason: SuppressionReason::OptedOut, since, until: None }];
    };
    check(opted_out, Verdict::OtherChannel { code: "opted_out" });
    check(
        |case| {
            opted_out(case);
            let about = About { confirms_opt_out: true, ..About::default() };
            case.delivery.payload = Arc::new(Phi::new(Payload { about, ..Payload::default() }));
        },
        Verdict::Go,
    );
    // An answer is no way around the rest of the gate.
    check(
        |case| {
            opted_out(case);
            let about = About { confirms_opt_out: true, ..About::default() };
            case.delivery.payload = Arc::new(Phi::new(Payload { about, ..Payload::default() }));
            case.delivery.expires_at = at(NOW);
        },
        Verdict::Refuse { code: "expired" },
    );
}

#[test]
fn del_8_a_scheduled_message_to_whoever_opted_out_is_held_back_before_its_time() {
    let fact = SuppressionFact { reason: SuppressionReason::OptedOut, since: at(NOW - 1), until: None };
    check(
        |case| {
            case.contact.suppressions = vec![fact];
            case.delivery.scheduled_at = Some(at(NOW + 3_600));
        },
        Verdict::OtherChannel { code: "opted_out" },
    );
}

#[test]
fn del_8_the_guard_has_its_say() {
    let blocked = Verdict::OtherChannel { code: "health_information" };
    check(|case| case.phi = blocked.clone(), blocked.clone());
}

#[test]
fn con_012_marketing_to_an_address_that_nobody_here_knows_is_held_back() {
    check(|case| case.delivery.purpose = Purpose::Marketing, Verdict::OtherChannel { code: "no_marketing_consent" });
}
