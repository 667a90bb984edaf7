//! What follows from each class of outcome.

use std::time::Duration;

use super::*;
use carepost_kernel::ProviderRef;

use crate::testing::delivery;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

fn after(change: impl FnOnce(&mut Delivery, &mut TenantSettings), outcome: SendOutcome) -> Step {
    let (mut delivery, mut settings) = (delivery(now()), TenantSettings::default());
    change(&mut delivery, &mut settings);
    let on = Circumstances { settings: &settings, now: now(), jitter: 1.0, account_id: ProviderAccountId::new(now()) };
    after_attempt(&delivery, &outcome, on)
}

fn failed(class: FailureClass) -> SendOutcome {
    SendOutcome::Failed(Failure::new(class, "vendor_1"))
}

fn check(step: &Step, state: DeliveryState, reason: Option<WaitReason>, failures: i16, then: Then) {
    assert_eq!(
        (step.change.state, step.change.reason, step.change.failures, &step.then),
        (state, reason, failures, &then)
    );
    assert_eq!(step.change.is_open, reason.is_some(), "DEL-3: open means a reason and a time");
    assert_eq!(step.event.state, Some(step.change.state));
}

#[test]
fn accepted_waits_for_its_receipt_unless_it_has_arrived() {
    let taken =
        |delivered| SendOutcome::Accepted { provider_refs: ProviderRef::new("a").into_iter().collect(), delivered };
    let step = after(|_, _| {}, taken(false));
    check(&step, DeliveryState::Sent, Some(WaitReason::AwaitingReceipt), 0, Then::AwaitReceipt);
    assert_eq!(step.change.due_at, now() + SignedDuration::from_hours(72));
    check(&after(|_, _| {}, taken(true)), DeliveryState::Delivered, None, 0, Then::Finish);
}

#[test]
fn transient_backs_off_until_failures_or_time_run_out() {
    let step = after(|_, _| {}, failed(FailureClass::Transient));
    check(&step, DeliveryState::Queued, Some(WaitReason::Backoff), 1, Then::TryAgain);
    assert_eq!(step.change.due_at, now() + SignedDuration::from_secs(2));
    let last = after(|delivery, _| delivery.failures = 7, failed(FailureClass::Transient));
    check(&last, DeliveryState::Failed, None, 8, Then::NextChannel);
    let late = after(|delivery, _| delivery.expires_at = now(), failed(FailureClass::Transient));
    check(&late, DeliveryState::Failed, None, 1, Then::NextChannel);
}

#[test]
fn a_longer_wait_that_the_vendor_names_is_kept() {
    let failure = Failure::new(FailureClass::Transient, "vendor_1").with_after(Some(Duration::from_secs(60)));
    let step = after(|_, _| {}, SendOutcome::Failed(failure));
    assert_eq!(step.change.due_at, now() + SignedDuration::from_secs(60));
}

#[test]
fn del_7_a_throttle_burns_no_attempt() {
    let step = after(|delivery, _| delivery.failures = 7, failed(FailureClass::Throttled));
    check(&step, DeliveryState::Queued, Some(WaitReason::ProviderLimit), 7, Then::TryAgain);
}

#[test]
fn a_refused_account_keeps_the_message() {
    let step = after(|delivery, _| delivery.failures = 7, failed(FailureClass::ConfigFault));
    check(&step, DeliveryState::Queued, Some(WaitReason::ProviderConfig), 7, Then::TryAgain);
}

#[test]
fn permanent_and_suppressed_end_the_channel() {
    for class in [FailureClass::Permanent, FailureClass::Suppressed] {
        check(&after(|_, _| {}, failed(class)), DeliveryState::Failed, None, 1, Then::NextChannel);
    }
}

#[test]
fn del_5_unknown_follows_the_policy_of_the_purpose() {
    let with = |policy| after(|_, settings| settings.unknown.transactional = policy, failed(FailureClass::Unknown));
    let unknown = (DeliveryState::Unknown, Some(WaitReason::UnknownOutcome));
    check(&with(UnknownPolicy::LookUpThenHold), unknown.0, unknown.1, 0, Then::LookUp);
    check(&with(UnknownPolicy::Hold), unknown.0, unknown.1, 0, Then::AwaitReceipt);
    check(&with(UnknownPolicy::GiveUp), DeliveryState::Unknown, None, 0, Then::Finish);
    let again = with(UnknownPolicy::ResendMayDuplicate);
    check(&again, DeliveryState::Queued, Some(WaitReason::Backoff), 1, Then::TryAgain);
    assert_eq!(again.event.code.as_deref(), Some("vendor_1_may_duplicate"));
}

#[test]
fn del_5_a_call_whose_maker_is_gone_is_unknown() {
    let mut found = delivery(now());
    found.state = DeliveryState::Sending;
    let settings = TenantSettings::default();
    let on = Circumstances { settings: &settings, now: now(), jitter: 0.0, account_id: ProviderAccountId::new(now()) };
    let step = when_due(&found, on).expect("not for the gate");
    assert_eq!((step.change.state, step.event.code.as_deref()), (DeliveryState::Unknown, Some("engine_stopped")));
    found.state = DeliveryState::Queued;
    assert_eq!(when_due(&found, on), None);
}

#[test]
fn a_plan_falls_back_in_order_and_only_where_it_says_so() {
    let plan = [Channel::Sms, Channel::Email, Channel::InApp];
    let next = |strategy, after| next_channel(strategy, &plan, after);
    assert_eq!(next(Strategy::Fallback, Channel::Sms), Some(Channel::Email));
    assert_eq!(next(Strategy::Fallback, Channel::InApp), None);
    assert_eq!(next(Strategy::All, Channel::Sms), None);
}

#[test]
fn del_7_a_throttle_never_outlasts_the_message() {
    let throttle = Failure::new(FailureClass::Throttled, "vendor_429").with_after(Some(Duration::from_secs(3_000)));
    let outcome = SendOutcome::Failed(throttle);
    let soon = now() + SignedDuration::from_secs(60);
    let step = after(|delivery, _| delivery.expires_at = soon, outcome.clone());
    assert_eq!(step.change.due_at, soon, "it expires in time");
    let step = after(|_, _| {}, outcome);
    assert_eq!(step.change.due_at, now() + SignedDuration::from_secs(3_000));
}

#[test]
fn bad_news_is_never_made_up() {
    let settings = TenantSettings::default();
    let on = Circumstances { settings: &settings, now: now(), jitter: 1.0, account_id: ProviderAccountId::new(now()) };
    for state in [DeliveryState::Undelivered, DeliveryState::Bounced] {
        let told = Delivery { state, ..delivery(now()) };
        assert!(awaits_bad_news(state));
        assert_eq!(when_due(&told, on), None, "the receipt is read first");
        assert_eq!(after_bad_news(&told, &unnamed_bad_news(), on).then, Then::NextChannel);
    }
}

#[test]
fn del_5_a_start_without_a_call_counts_as_no_failure() {
    let key = delivery(now()).key;
    let step = not_called(key, 3, 2, now());
    check(&step, DeliveryState::Queued, Some(WaitReason::Dispatch), 2, Then::TryAgain);
    assert_eq!((step.change.attempt_no, step.change.due_at), (3, now()));
}
