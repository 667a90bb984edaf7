//! Requests made ready, turns of tenants and recipients, the learned pace, receipts merged.

use std::hint::black_box;
use std::time::Duration;

use carepost_delivery::fair_queue::FairQueue;
use carepost_delivery::ingest::Columns;
use carepost_delivery::lattice::Standing;
use carepost_delivery::pace::Pace;
use carepost_delivery::prepare::{EnqueueRequest, KeyedBody, PrepareContext, prepare};
use carepost_delivery::types::{NewMessage, Recipient};
use carepost_kernel::{Channel, DataKey, Priority, ReceiptStatus, TenantId};
use carepost_tenancy::types::TenantSettings;
use criterion::{BatchSize, Criterion};
use jiff::Timestamp;

pub(crate) fn bench(criterion: &mut Criterion) {
    prepare_and_assemble(criterion);
    let mut group = criterion.benchmark_group("delivery");
    for flows in [1_u32, 1_000] {
        let mut queue = FairQueue::default();
        for item in 0..10_000_u32 {
            queue.push(item % flows, 1, Priority::Normal, item, item);
        }
        let mut item = 0_u32;
        group.bench_function(
            format!("fair queue, {flows} flow{}: push and pop", if flows == 1 { "" } else { "s" }),
            |bench| {
                bench.iter(|| {
                    item = item.wrapping_add(1);
                    queue.push(item % flows, 1, Priority::Normal, item, item);
                    queue.pop()
                });
            },
        );
    }
    let mut pace = Pace::default();
    pace.accepted(Duration::ZERO);
    pace.throttled(Duration::from_millis(100), None);
    let mut now = Duration::from_secs(1);
    group.bench_function("pace: take a turn", |bench| {
        bench.iter(|| {
            now += Duration::from_micros(10);
            pace.take(black_box(now))
        });
    });
    let news = [
        ReceiptStatus::Accepted,
        ReceiptStatus::Sent,
        ReceiptStatus::Delivered,
        ReceiptStatus::Opened,
        ReceiptStatus::Sent,
        ReceiptStatus::Bounced,
    ];
    group.bench_function("lattice: merge six receipts", |bench| {
        bench.iter(|| {
            black_box(&news).iter().fold(Standing::START.start(1), |standing, status| standing.receive(1, *status))
        });
    });
    group.finish();
}

fn prepare_and_assemble(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("delivery");
    let now = Timestamp::UNIX_EPOCH;
    let (settings, key) = (TenantSettings::default(), DataKey::new(1, &[3; 32]));
    let tenant_id = TenantId::new(now);
    let context =
        PrepareContext { tenant_id, api_key_id: None, settings: &settings, data_key: &key, hash_key: &key, now };
    let body = "We expect you at 9:30. ".repeat(13);
    let keyed = KeyedBody { key: "visit-v-1001-reminder", body: body.as_bytes() };
    let text = EnqueueRequest {
        to: Recipient { phone: Some("+15005556101".to_owned()), ..Recipient::default() },
        channels: vec![Channel::Sms],
        subject: Some("Your visit".to_owned()),
        body: Some(body.clone()),
        ..EnqueueRequest::default()
    };
    let fallback = EnqueueRequest {
        to: Recipient {
            email: Some("pat@example.com".to_owned()),
            in_app: Some("patient-1001".to_owned()),
            ..text.to.clone()
        },
        channels: vec![Channel::InApp, Channel::Sms, Channel::Email],
        ..text.clone()
    };
    let prepared = |request: EnqueueRequest| prepare(request, Some(keyed), context).expect("the request is valid");
    for (name, request) in [("prepare a text message", &text), ("prepare a fallback over three channels", &fallback)] {
        group.bench_function(name, |bench| {
            bench.iter_batched(|| request.clone(), prepared, BatchSize::SmallInput);
        });
    }
    let messages: Vec<NewMessage> = (0..500).map(|_| prepared(text.clone())).collect();
    let batch: Vec<&NewMessage> = messages.iter().collect();
    group.bench_function("group commit: assemble 500 messages", |bench| {
        bench.iter(|| Columns::of(black_box(&batch)));
    });
    group.finish();
}
