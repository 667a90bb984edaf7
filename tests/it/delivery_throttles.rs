//! DEL-7: a throttle is not a failure, and a set rate is kept.

use carepost_providers::Vendor;
use carepost_providers::simulator::{CallOutcome, Profile};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Clinic, World, phone, sms};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_7_a_throttling_vendor_burns_no_attempt_and_gets_everything() {
    let world = World::open().await;
    // One failure would end a message.
    let clinic = Clinic::open(&world.server, "throttled", json!({ "retry": { "max_failures": 1 } })).await;
    clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    let throttled = Profile { throttle_per_second: Some(40), ..Profile::default() };
    world.simulator.set_profile(Vendor::VonageSms, throttled);
    let bodies: Vec<_> = (0..120).map(|number| sms(&phone(number))).collect();
    let ids = join_all(bodies.iter().map(|body| clinic.send(body))).await;
    clinic.until_all(&ids, "delivered").await;
    let calls = world.simulator.calls(Vendor::VonageSms);
    let refused = calls.iter().filter(|call| matches!(call.outcome, CallOutcome::Refused { .. })).count();
    assert!(refused > 0, "the vendor did throttle");
    assert_eq!(world.simulator.accepted(Vendor::VonageSms), 120);
    assert_eq!(world.database.count("SELECT sum(failures)::bigint FROM deliveries").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_7_a_set_rate_is_never_exceeded() {
    const RATE: usize = 20;
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "rated", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({ "rate_per_second": RATE })).await;
    let bodies: Vec<_> = (0..60).map(|number| sms(&phone(number))).collect();
    let ids = join_all(bodies.iter().map(|body| clinic.send(body))).await;
    clinic.until_all(&ids, "delivered").await;
    let mut times: Vec<i64> =
        world.simulator.calls(Vendor::Twilio).iter().map(|call| call.at.as_millisecond()).collect();
    times.sort_unstable();
    assert_eq!(times.len(), 60);
    // A tenth of a second's worth may come at once, and a call may take a moment on the way.
    let most = RATE + RATE / 10 + 4;
    for (first, time) in times.iter().enumerate() {
        let within = times[first..].iter().take_while(|other| **other < time + 1_000).count();
        assert!(within <= most, "{within} calls within a second of {first}");
    }
}
