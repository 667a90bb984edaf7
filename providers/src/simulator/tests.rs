//! The simulator by itself: seeds, scripts, throttles, and how its webhooks come.

use std::time::Duration;

use carepost_kernel::{FailureClass, ReceiptStatus, SendOutcome};

use super::*;
use crate::contract_tests::support::{Bench, Receiver, cleared, config, shared, sms};

const TWILIO: Vendor = Vendor::Twilio;

async fn statuses(bench: &mut Bench) -> Vec<ReceiptStatus> {
    bench.simulator.settled().await;
    let mut statuses = Vec::new();
    for webhook in bench.receiver.rest() {
        let received = bench.provider.receive(&webhook).await.unwrap();
        statuses.extend(received.receipts.iter().map(|receipt| receipt.status));
    }
    statuses
}

async fn bench_with(change: impl FnOnce(&mut Profile)) -> Bench {
    let bench = Bench::new(TWILIO).await;
    let mut profile = Profile::default();
    change(&mut profile);
    bench.simulator.set_profile(TWILIO, profile);
    bench
}

async fn send(bench: &Bench, to: &str) -> SendOutcome {
    bench.provider.send(&cleared(sms(to, "Hello"))).await
}

#[tokio::test]
async fn receipts_come_in_order_twice_or_backwards_as_asked() {
    use ReceiptStatus::{Delivered, Sent};
    let mut plain = bench_with(|_| ()).await;
    send(&plain, "+15005550100").await;
    assert_eq!(statuses(&mut plain).await, [Sent, Delivered]);
    let mut twice = bench_with(|profile| profile.receipts.duplicates = 1.0).await;
    send(&twice, "+15005550100").await;
    assert_eq!(statuses(&mut twice).await, [Sent, Sent, Delivered, Delivered]);
    let mut backwards = bench_with(|profile| profile.receipts.reorder = true).await;
    send(&backwards, "+15005550100").await;
    assert_eq!(statuses(&mut backwards).await, [Delivered, Sent]);
    let mut silent = bench_with(|profile| profile.receipts.silent = true).await;
    send(&silent, "+15005550100").await;
    assert!(statuses(&mut silent).await.is_empty());
}

#[tokio::test]
async fn later_calls_are_told_by_themselves() {
    let bench = bench_with(|_| ()).await;
    for to in ["+15005550100", "+15005550101", "+15005550102"] {
        send(&bench, to).await;
    }
    let told =
        |seen| -> Vec<String> { bench.simulator.calls_after(TWILIO, seen).into_iter().map(|call| call.to).collect() };
    assert_eq!(told(1), ["+15005550101", "+15005550102"]);
    assert_eq!((told(0).len(), told(3).len(), told(9).len()), (3, 0, 0));
}

#[tokio::test]
async fn an_account_is_found_by_where_its_webhooks_go() {
    let simulator = Simulator::start(1).await.unwrap();
    let here = |path: &str| Url::parse("http://127.0.0.1:9/").unwrap().join(path).unwrap();
    let one = simulator.account(TWILIO, &here("one"));
    let other = simulator.account(Vendor::VonageSms, &here("other"));
    let found = |path| simulator.account_at(&here(path)).map(|account| account.settings);
    assert_eq!((found("one"), found("other")), (Some(one.settings), Some(other.settings)));
    assert_eq!(found("elsewhere"), None);
}

#[tokio::test]
async fn del_6_early_receipts_are_there_before_the_answer() {
    let mut bench = bench_with(|profile| profile.receipts.early = true).await;
    send(&bench, "+15005550100").await;
    // Without waiting for anything: they came first.
    assert_eq!(bench.receiver.rest().len(), 2);
}

#[tokio::test]
async fn a_webhook_that_is_not_taken_comes_again() {
    let simulator = Simulator::start(1).await.unwrap();
    let mut receiver = Receiver::start([500, 503]);
    let account = simulator.account(TWILIO, &receiver.url);
    let provider = crate::build(&config(&account, &receiver.url), &shared()).unwrap();
    provider.send(&cleared(sms("+15005550100", "Hello"))).await;
    simulator.settled().await;
    assert_eq!(receiver.rest().len(), 4, "two receipts, each refused once");
}

#[tokio::test]
async fn a_dropped_message_is_kept_and_its_receipts_follow() {
    let mut bench = bench_with(|profile| profile.drop_after_accept = 1.0).await;
    let SendOutcome::Failed(failure) = send(&bench, "+15005550100").await else { panic!("was answered") };
    assert_eq!(failure.class, FailureClass::Unknown);
    assert_eq!((bench.simulator.accepted(TWILIO), statuses(&mut bench).await.len()), (1, 2));
}

#[tokio::test]
async fn magic_recipients_do_what_the_table_says() {
    for (vendor, codes) in [
        (Vendor::Twilio, ["21211", "21612", "21408", "21610", "21614"]),
        (Vendor::VonageSms, ["6", "22", "15", "7", "33"]),
        (Vendor::VonageMessages, ["1150", "1021", "1120", "1240", "1300"]),
    ] {
        let bench = Bench::new(vendor).await;
        for (number, code) in ["01", "02", "03", "04", "09"].into_iter().zip(codes) {
            let outcome = send(&bench, &format!("+150055500{number}")).await;
            let SendOutcome::Failed(failure) = outcome else { panic!("{vendor:?} {number}: {outcome:?}") };
            assert_eq!(failure.code, format!("{}_{code}", vendor.as_str()));
        }
        let again = cleared(sms("+15005550011", "Hello"));
        let mut classes = Vec::new();
        for _ in 0..3 {
            classes.push(match bench.provider.send(&again).await {
                SendOutcome::Accepted { .. } => None,
                SendOutcome::Failed(failure) => Some(failure.class),
            });
        }
        assert_eq!(classes, [Some(FailureClass::Transient), Some(FailureClass::Transient), None], "{vendor:?}");
        let dropped = send(&bench, "+15005550012").await;
        assert!(
            matches!(&dropped, SendOutcome::Failed(failure) if failure.class == FailureClass::Unknown),
            "{vendor:?} {dropped:?}"
        );
        assert_eq!(bench.simulator.accepted(vendor), 2, "{vendor:?}");
    }
}

#[tokio::test]
async fn magic_undelivered_is_accepted_first() {
    for (vendor, code) in [
        (Vendor::Twilio, "twilio_30005"),
        (Vendor::VonageSms, "vonage_sms_dlr_1"),
        (Vendor::VonageMessages, "vonage_messages_1330"),
    ] {
        let mut bench = Bench::new(vendor).await;
        assert!(matches!(send(&bench, "+15005550010").await, SendOutcome::Accepted { .. }));
        bench.simulator.settled().await;
        let webhooks = bench.receiver.rest();
        let received = bench.provider.receive(webhooks.last().unwrap()).await.unwrap();
        assert_eq!(received.receipts[0].failure.as_ref().map(|failure| failure.code.as_str()), Some(code));
    }
}

#[tokio::test]
async fn del_7_beyond_the_rate_it_throttles_and_says_how_long() {
    let bench = bench_with(|profile| profile.throttle_per_second = Some(1)).await;
    assert!(matches!(send(&bench, "+15005550100").await, SendOutcome::Accepted { .. }));
    let SendOutcome::Failed(failure) = send(&bench, "+15005550100").await else { panic!("was not throttled") };
    assert_eq!((failure.class, failure.after), (FailureClass::Throttled, Some(Duration::from_secs(1))));
}

#[test]
fn the_same_seed_decides_the_same() {
    let decisions = |seed: u64| -> Vec<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let poster = webhooks::Poster::new(reqwest::Client::new(), runtime.handle().clone());
        let core = Core::new(seed, Clock::system(), "http://localhost/".parse().unwrap(), poster);
        core.set_profile(TWILIO, Profile { error_rate: 0.5, ..Profile::default() });
        (0..64).map(|_| core.decide(TWILIO, "", None).fault.is_some()).collect()
    };
    assert_eq!(decisions(5), decisions(5));
    assert_ne!(decisions(5), decisions(6));
}

#[tokio::test]
async fn an_account_of_an_earlier_simulator_can_be_adopted() {
    for vendor in [Vendor::Twilio, Vendor::VonageSms, Vendor::VonageMessages] {
        let mut bench = Bench::new(vendor).await;
        let later = Simulator::start(8).await.unwrap();
        bench.config.base_url = Some(later.http_base());
        let provider = crate::build(&bench.config, &shared()).unwrap();
        let send = async || provider.send(&cleared(sms("+15005550100", "Hello"))).await;
        assert!(matches!(send().await, SendOutcome::Failed(failure) if failure.class == FailureClass::ConfigFault));
        let SimulatedAccount { settings, credentials, .. } = &bench.account;
        assert!(later.adopt(vendor, settings, credentials, &bench.receiver.url));
        assert!(matches!(send().await, SendOutcome::Accepted { .. }), "{vendor:?}");
        let webhook = bench.receiver.next().await;
        assert_eq!(provider.receive(&webhook).await.unwrap().receipts.len(), 1);
    }
}

#[tokio::test]
async fn calls_may_prove_themselves_by_a_key_instead() {
    let hook: Url = "http://127.0.0.1:9/hook".parse().unwrap();
    let simulator = Simulator::start(3).await.unwrap();
    let twilio = serde_json::json!({ "auth_token": "token", "api_key_sid": "SK1", "api_key_secret": "key" });
    let vonage = serde_json::json!({ "api_secret": "secret", "signature_secret": "signing" });
    for (vendor, settings, credentials) in [
        (TWILIO, simulator.account(TWILIO, &hook).settings, twilio),
        (Vendor::VonageMessages, serde_json::json!({ "api_key": "abcd1234", "from": "15005550006" }), vonage),
    ] {
        let credentials = Secret::new(credentials.to_string());
        assert!(simulator.adopt(vendor, &settings, &credentials, &hook), "{vendor:?}");
        let account = SimulatedAccount { vendor, settings, credentials, base_url: Some(simulator.http_base()) };
        let provider = crate::build(&config(&account, &hook), &shared()).unwrap();
        let outcome = provider.send(&cleared(sms("+15005550100", "Hello"))).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{vendor:?} {outcome:?}");
    }
}

#[tokio::test]
async fn a_stopped_simulator_lets_hanging_calls_go() {
    let bench = bench_with(|profile| profile.script = [Fault::Hang].into()).await;
    let (simulator, outbound) = (bench.simulator.clone(), cleared(sms("+15005550100", "Hello")));
    let stop = async {
        while simulator.calls(TWILIO).is_empty() {
            tokio::task::yield_now().await;
        }
        simulator.stop().await;
    };
    let (outcome, ()) = tokio::join!(bench.provider.send(&outbound), stop);
    assert!(matches!(outcome, SendOutcome::Failed(failure) if failure.class == FailureClass::Unknown));
    assert_eq!(bench.simulator.calls(TWILIO)[0].outcome, CallOutcome::Hung);
}
