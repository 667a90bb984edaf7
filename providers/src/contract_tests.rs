//! The suite that every vendor must pass, over real sockets against the simulator.
//!
//! A vendor takes part by a [`Suite`]: what its own words are for each thing that can go wrong.

use std::fmt::Debug;
use std::time::Duration;

use carepost_kernel::{Failure, FailureClass, ReceiptStatus, Secret, SendOutcome};
use jiff::SignedDuration;
use serde_json::Value;

use crate::contract::{Outbound, Vendor, WebhookError, WebhookRequest};
use crate::simulator::{CallOutcome, Fault, Profile};

mod email;
mod sms;
pub(crate) mod support;

use self::support::{Bench, CANARY, cleared, closed_port, shared};

/// One vendor's words.
pub(crate) struct Suite {
    pub(crate) vendor: Vendor,
    /// Makes a message whose body holds [`CANARY`] to [`Self::recipient`].
    pub(crate) message: fn() -> Outbound,
    /// Must not be printed either.
    pub(crate) recipient: &'static str,
    /// The vendor's refusal of a recipient who opted out, where it has one at send time.
    pub(crate) opted_out: Option<Fault>,
    /// The vendor's refusal of a recipient that will never do.
    pub(crate) bad_recipient: Fault,
    /// Spoils the credentials so that the vendor refuses them.
    pub(crate) spoil_credentials: fn(&mut Value, &mut Value),
    /// Takes the signature off a webhook; `None` where the vendor has no webhooks.
    pub(crate) strip_signature: Option<fn(&mut WebhookRequest)>,
    /// Whether an old webhook is told by its signed time.
    pub(crate) has_signed_time: bool,
    /// Sender, our address and text of an inbound message, where the simulator has one.
    pub(crate) inbound: Option<(&'static str, &'static str, &'static str)>,
}

/// Runs the whole suite.
pub(crate) async fn check(suite: &Suite) {
    let mut bench = Bench::new(suite.vendor).await;
    let quiet = |script: Vec<Fault>| {
        let mut profile = Profile { script: script.into(), ..Profile::default() };
        profile.receipts.silent = true;
        profile
    };
    bench.simulator.set_profile(suite.vendor, quiet(Vec::new()));
    accepts(suite, &bench).await;
    for (fault, class) in [
        (Some(Fault::Status(503)), FailureClass::Transient),
        (Some(Fault::Status(500)), FailureClass::Transient),
        (Some(Fault::Throttle { retry_after: Some(Duration::from_secs(1)) }), FailureClass::Throttled),
        (suite.opted_out.clone(), FailureClass::Suppressed),
        (Some(suite.bad_recipient.clone()), FailureClass::Permanent),
        (Some(Fault::DropAfterAccept), FailureClass::Unknown),
    ] {
        let Some(fault) = fault else { continue };
        bench.simulator.set_profile(suite.vendor, quiet(vec![fault.clone()]));
        let failure = failure_of(suite, &*bench.provider).await;
        assert_eq!(failure.class, class, "{:?}: {fault:?}", suite.vendor);
        let throttled = class == FailureClass::Throttled;
        assert_eq!(failure.after.is_some(), throttled, "{:?}: {fault:?} wishes a wait", suite.vendor);
    }
    let accepted = bench.simulator.accepted(suite.vendor);
    assert_eq!(accepted, 2, "{:?}: one answered, one dropped", suite.vendor);
    unreachable(suite, &bench).await;
    bench.simulator.set_profile(suite.vendor, quiet(vec![Fault::Hang]));
    hangs(suite, &bench).await;
    refuses_credentials(suite, &bench).await;
    bench.simulator.set_profile(suite.vendor, Profile::default());
    if suite.strip_signature.is_some() {
        receipts_come_back(suite, &mut bench).await;
    }
    if let Some((from, to, text)) = suite.inbound {
        inbound_comes(suite, &mut bench, from, to, text).await;
    }
    bench.simulator.stop().await;
}

/// DEL-9: nothing of body or address in what may be logged.
fn assert_clean(suite: &Suite, what: &impl Debug) {
    let text = format!("{what:?}");
    for secret in ["CANARY", suite.recipient, suite.recipient.trim_start_matches('+')] {
        assert!(!text.contains(secret), "{:?}: {text}", suite.vendor);
    }
}

async fn send(suite: &Suite, provider: &dyn crate::Provider) -> (Outbound, SendOutcome) {
    let cleared = cleared((suite.message)());
    let outcome = provider.send(&cleared).await;
    assert_clean(suite, &outcome);
    assert_clean(suite, &cleared);
    (cleared.revoke(), outcome)
}

async fn failure_of(suite: &Suite, provider: &dyn crate::Provider) -> Failure {
    match send(suite, provider).await.1 {
        SendOutcome::Failed(failure) => {
            assert!(failure.code.starts_with(suite.vendor.as_str()), "{}", failure.code);
            failure
        }
        accepted @ SendOutcome::Accepted { .. } => panic!("{:?}: {accepted:?}", suite.vendor),
    }
}

async fn accepts(suite: &Suite, bench: &Bench) {
    let (outbound, outcome) = send(suite, &*bench.provider).await;
    let SendOutcome::Accepted { provider_refs, delivered: false } = outcome else {
        panic!("{:?}: {outcome:?}", suite.vendor)
    };
    assert!(!provider_refs.is_empty() && provider_refs.iter().all(|id| !id.as_str().is_empty()), "{:?}", suite.vendor);
    let calls = bench.simulator.calls(suite.vendor);
    let [call] = calls.as_slice() else { panic!("{:?}: {} calls", suite.vendor, calls.len()) };
    assert_eq!(call.attempt, Some(outbound.attempt), "{:?}", suite.vendor);
    assert!(matches!(call.outcome, CallOutcome::Accepted { .. }) && call.text.contains(CANARY), "{:?}", suite.vendor);
}

/// DEL-5: no connection, no bytes: it may be tried again.
async fn unreachable(suite: &Suite, bench: &Bench) {
    let mut config = bench.config.clone();
    match config.vendor {
        Vendor::Smtp => config.settings["port"] = closed_port().port().into(),
        _ => config.base_url = Some(closed_port()),
    }
    let provider = crate::build(&config, &shared()).unwrap();
    assert_eq!(failure_of(suite, &*provider).await.class, FailureClass::Transient, "{:?}", suite.vendor);
}

/// DEL-5: bytes went out and nothing came back.
async fn hangs(suite: &Suite, bench: &Bench) {
    let mut config = bench.config.clone();
    config.timeout = Duration::from_millis(300);
    let provider = crate::build(&config, &shared()).unwrap();
    assert_eq!(failure_of(suite, &*provider).await.class, FailureClass::Unknown, "{:?}", suite.vendor);
}

async fn refuses_credentials(suite: &Suite, bench: &Bench) {
    let mut config = bench.config.clone();
    let mut credentials = serde_json::from_str(config.credentials.expose()).unwrap();
    (suite.spoil_credentials)(&mut config.settings, &mut credentials);
    config.credentials = Secret::new(credentials.to_string());
    let provider = crate::build(&config, &shared()).unwrap();
    assert_eq!(failure_of(suite, &*provider).await.class, FailureClass::ConfigFault, "{:?}", suite.vendor);
}

/// DEL-6: receipts verify, name the attempt or its id, and two copies have one key.
async fn receipts_come_back(suite: &Suite, bench: &mut Bench) {
    let (outbound, outcome) = send(suite, &*bench.provider).await;
    let SendOutcome::Accepted { provider_refs, .. } = outcome else { panic!("{:?}: {outcome:?}", suite.vendor) };
    bench.simulator.settled().await;
    let webhooks = bench.receiver.rest();
    assert!(!webhooks.is_empty(), "{:?}: no receipts", suite.vendor);
    let mut statuses = Vec::new();
    for webhook in webhooks {
        assert_clean(suite, &webhook);
        let received = bench.provider.receive(&webhook).await.unwrap();
        assert_clean(suite, &received);
        assert!(received.inbound.is_empty() && !received.receipts.is_empty(), "{:?}", suite.vendor);
        for receipt in &received.receipts {
            assert!(receipt.attempt.is_none_or(|attempt| attempt == outbound.attempt), "{:?}", suite.vendor);
            let known = receipt.attempt.is_some() || provider_refs.contains(&receipt.provider_ref);
            assert!(known, "{:?}: {receipt:?} names nothing of ours", suite.vendor);
            assert!(receipt.failure.is_none(), "{:?}: {receipt:?}", suite.vendor);
            statuses.push(receipt.status);
        }
        let again = bench.provider.receive(&webhook).await.unwrap();
        assert_eq!(received.receipts, again.receipts, "{:?}: a replay is the same news", suite.vendor);
        refuses_forgeries(suite, bench, &webhook).await;
    }
    assert!(statuses.contains(&ReceiptStatus::Delivered), "{:?}: {statuses:?}", suite.vendor);
}

/// A changed body or address, a missing signature, another account's signature, an old one.
async fn refuses_forgeries(suite: &Suite, bench: &Bench, webhook: &WebhookRequest) {
    let refused = |forged: WebhookRequest, why: &'static str| async move {
        let error = bench.provider.receive(&forged).await.expect_err(why);
        assert_clean(suite, &error);
        assert_eq!(error, WebhookError::Signature, "{:?}: {why}", suite.vendor);
    };
    let mut tampered = webhook.clone();
    if webhook.method == "GET" {
        tampered.url = webhook.url.replace("messageId=", "messageId=0");
    } else {
        tampered.body = tamper(&webhook.body).into();
    }
    refused(tampered, "the content was changed").await;
    let mut bare = webhook.clone();
    if let Some(strip) = suite.strip_signature {
        strip(&mut bare);
    }
    refused(bare, "the signature is missing").await;
    let stranger = bench.simulator.account(suite.vendor, &bench.receiver.url);
    let provider = crate::build(&support::config(&stranger, &bench.receiver.url), &shared()).unwrap();
    assert_eq!(
        provider.receive(webhook).await.err(),
        Some(WebhookError::Signature),
        "{:?}: signed for another account",
        suite.vendor
    );
    if suite.has_signed_time {
        let mut old = webhook.clone();
        old.received_at += SignedDuration::from_hours(1);
        assert_eq!(bench.provider.receive(&old).await.err(), Some(WebhookError::Stale), "{:?}", suite.vendor);
    }
}

/// Changes the first digit that is found: the body stays well-formed.
fn tamper(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let digit = body.iter_mut().find(|byte| byte.is_ascii_digit()).expect("a body has digits");
    *digit = if *digit == b'9' { b'8' } else { *digit + 1 };
    body
}

async fn inbound_comes(suite: &Suite, bench: &mut Bench, from: &str, to: &str, text: &str) {
    assert_eq!(bench.simulator.inbound(&bench.account, from, to, text).await.unwrap(), 204);
    let webhook = bench.receiver.next().await;
    let received = bench.provider.receive(&webhook).await.unwrap();
    assert_clean(suite, &received);
    let [message] = received.inbound.as_slice() else { panic!("{:?}: {received:?}", suite.vendor) };
    assert!(received.receipts.is_empty() && !message.provider_ref.as_str().is_empty(), "{:?}", suite.vendor);
    assert_eq!(message.from.expose(), from, "{:?}", suite.vendor);
    assert_eq!(message.to, to, "{:?}", suite.vendor);
    assert_eq!(message.text.expose().trim_end(), text, "{:?}", suite.vendor);
    let again = bench.provider.receive(&webhook).await.unwrap();
    assert_eq!(again.inbound[0].provider_ref, message.provider_ref, "{:?}: a replay is the same", suite.vendor);
    refuses_forgeries(suite, bench, &webhook).await;
}
