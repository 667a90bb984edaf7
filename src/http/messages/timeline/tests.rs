//! DEL-3: a life without gaps, whichever channel it was.

use carepost_delivery::types::{DeliveryKey, Strategy};
use carepost_kernel::{Priority, Purpose, TenantId};
use jiff::ToSpan as _;

use super::*;

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn after_ms(ms: i64) -> Timestamp {
    noon() + ms.milliseconds()
}

fn delivery(channel: Channel, state: DeliveryState, finished_at: Option<Timestamp>) -> DeliveryRecord {
    DeliveryRecord {
        channel,
        state,
        reason: None,
        due_at: finished_at.is_none().then(noon),
        attempts: 1,
        account_id: None,
        code: None,
        segments: None,
        sent_at: None,
        finished_at,
    }
}

fn message(deliveries: Vec<DeliveryRecord>) -> MessageRecord {
    MessageRecord {
        message_id: MessageId::new(noon()),
        created_at: noon(),
        purpose: Purpose::Treatment,
        priority: Priority::Normal,
        strategy: Strategy::Fallback,
        channels: vec![Channel::Sms, Channel::Email],
        scheduled_at: None,
        expires_at: after_ms(3_600_000),
        payload_sealed: Vec::new(),
        deliveries,
    }
}

fn event(message: &MessageRecord, channel: Channel, kind: EventKind, at: Timestamp) -> DeliveryEvent {
    let key = DeliveryKey { tenant_id: TenantId::new(noon()), message_id: message.message_id, channel };
    DeliveryEvent::new(key, kind, 1, at)
}

#[test]
fn del_3_every_millisecond_of_a_fallback_has_a_reason() {
    let deliveries = vec![
        delivery(Channel::Sms, DeliveryState::Failed, Some(after_ms(130))),
        delivery(Channel::Email, DeliveryState::Sent, None),
    ];
    let message = message(deliveries);
    let mut finished = event(&message, Channel::Sms, EventKind::AttemptFinished, after_ms(130));
    finished.state = Some(DeliveryState::Failed);
    let mut sent = event(&message, Channel::Email, EventKind::AttemptFinished, after_ms(200));
    sent.reason = Some(WaitReason::AwaitingReceipt);
    let events = [
        event(&message, Channel::Sms, EventKind::AttemptStarted, after_ms(30)),
        finished,
        event(&message, Channel::Email, EventKind::FellBack, after_ms(140)),
        event(&message, Channel::Email, EventKind::AttemptStarted, after_ms(150)),
        sent,
    ];
    let view = show(&message, &events, after_ms(1_000));
    let [sms, email] = view.deliveries.as_slice() else { panic!("two deliveries") };
    assert_eq!((sms.life_ms, sms.explained_share), (130, 1.0));
    assert_eq!(sms.totals_ms, BTreeMap::from([("dispatch", 30), ("provider_call", 100)]));
    assert_eq!((email.life_ms, email.explained_share), (860, 1.0));
    assert_eq!(email.totals_ms, BTreeMap::from([("awaiting_receipt", 800), ("dispatch", 10), ("provider_call", 50)]));
    assert_eq!(view.events.len(), 5);
    assert_eq!(view.status, DeliveryState::Sent);
}

#[test]
fn del_3_a_wished_delay_is_called_by_its_name() {
    let mut message = message(vec![delivery(Channel::Sms, DeliveryState::Queued, None)]);
    message.scheduled_at = Some(after_ms(5_000));
    let view = show(&message, &[], after_ms(1_000));
    assert_eq!(view.deliveries[0].totals_ms, BTreeMap::from([("scheduled", 1_000)]));
}

#[test]
fn a_life_of_no_length_is_explained() {
    let message = message(vec![delivery(Channel::Sms, DeliveryState::Queued, None)]);
    assert_eq!(show(&message, &[], noon()).deliveries[0].explained_share, 1.0);
}
