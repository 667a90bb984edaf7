//! Every millisecond has a name.

use carepost_kernel::{Channel, MessageId, TenantId};

use super::*;
use crate::types::DeliveryKey;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + ms).expect("in range")
}

fn event(kind: EventKind, ms: i64, reason: Option<WaitReason>) -> DeliveryEvent {
    let key = DeliveryKey { tenant_id: TenantId::new(at(0)), message_id: MessageId::new(at(0)), channel: Channel::Sms };
    DeliveryEvent { reason, ..DeliveryEvent::new(key, kind, 1, at(ms)) }
}

#[test]
fn del_3_the_spans_cover_the_whole_life() {
    let mut started = event(EventKind::AttemptStarted, 100, None);
    started.waits = vec![(WaitReason::Fairness, 30), (WaitReason::ProviderLimit, 50)];
    let events = [
        started,
        event(EventKind::AttemptFinished, 180, Some(WaitReason::Backoff)),
        event(EventKind::AttemptStarted, 2_180, None),
        event(EventKind::AttemptFinished, 2_250, Some(WaitReason::AwaitingReceipt)),
        event(EventKind::ReceiptMerged, 5_000, None),
    ];
    let spans = explain(at(0), WaitReason::Dispatch, &events, Some(at(5_000)), at(9_000));
    let told: Vec<(WaitReason, i64)> = spans.iter().map(|span| (span.reason, span.ms)).collect();
    assert_eq!(
        told,
        [
            (WaitReason::Dispatch, 20),
            (WaitReason::Fairness, 30),
            (WaitReason::ProviderLimit, 50),
            (WaitReason::ProviderCall, 80),
            (WaitReason::Backoff, 2_000),
            (WaitReason::ProviderCall, 70),
            (WaitReason::AwaitingReceipt, 2_750),
        ]
    );
    assert_eq!(told.iter().map(|(_, ms)| ms).sum::<i64>(), 5_000);
}

#[test]
fn an_open_delivery_is_explained_up_to_now() {
    let spans = explain(at(0), WaitReason::Scheduled, &[], None, at(7_000));
    assert_eq!(spans.iter().map(|span| (span.reason, span.ms)).collect::<Vec<_>>(), [(WaitReason::Scheduled, 7_000)]);
}

#[test]
fn what_is_told_after_the_end_makes_no_life_longer() {
    let events = [
        event(EventKind::AttemptStarted, 100, None),
        event(EventKind::AttemptFinished, 200, Some(WaitReason::AwaitingReceipt)),
        event(EventKind::ReceiptMerged, 1_000, None),
        event(EventKind::Replied, 3_600_000, None),
    ];
    let spans = explain(at(0), WaitReason::Dispatch, &events, Some(at(1_000)), at(9_000_000));
    assert_eq!(spans.iter().map(|span| span.ms).sum::<i64>(), 1_000);
}
