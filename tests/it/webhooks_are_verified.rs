//! Webhooks: only what the vendor signed counts, once, and never too much of it.

use carepost_providers::Vendor;
use serde_json::json;
use url::form_urlencoded;

use crate::support::sign::{Callback, hmac_sha256, twilio};
use crate::support::{Answer, Clinic, World, phone, silent, sms, taken, wait_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_or_missing_signature_is_403_and_changes_nothing() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "signed", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    world.simulator.set_profile(Vendor::Twilio, silent());
    let id = clinic.send(&sms(&phone(1))).await;
    clinic.until(&id, "sent").await;
    let calls = world.simulator.calls(Vendor::Twilio);
    let callback = Callback { sid: taken(&calls[0]).unwrap(), status: "delivered", code: None };

    let nobody = world.server.nobody();
    let bad = callback.post_signed(&nobody, &account, "another token").await;
    assert_eq!((bad.status, bad.code()), (403, "webhook_refused"));
    let unsigned = nobody.http.post(account.webhook_url.clone()).form(&[("MessageSid", callback.sid)]);
    Answer::of(unsigned).await.unwrap().expect(403);
    // Signed for another address.
    let params = [("MessageSid", callback.sid), ("MessageStatus", "delivered")];
    let signature = twilio("https://care.example/", &params, &account.secret("auth_token"));
    let moved = nobody.http.post(account.webhook_url.clone()).header("x-twilio-signature", signature).form(&params);
    Answer::of(moved).await.unwrap().expect(403);
    // No such token, another vendor's path.
    let token = account.webhook_url.path_segments().unwrap().next_back().unwrap().to_owned();
    for path in ["/webhooks/twilio/no-such-token".to_owned(), format!("/webhooks/ses/{token}")] {
        Answer::of(nobody.request("POST", &path).body("x")).await.unwrap().expect(404);
    }
    let big = nobody.http.post(account.webhook_url.clone()).body(vec![b'a'; 5 << 20]);
    Answer::of(big).await.unwrap().expect(413);

    assert_eq!(clinic.status(&id).await, "sent");
    assert_eq!(world.database.count("SELECT count(*) FROM delivery_events WHERE kind = 4").await, 0);
    assert_eq!(world.database.count("SELECT count(*) FROM parked_receipts").await, 0);

    // The real one counts, and its replays do not.
    for _ in 0..3 {
        assert!(callback.post(&nobody, &account).await.status < 300);
    }
    clinic.until(&id, "delivered").await;
    assert_eq!(world.database.count("SELECT count(*) FROM delivery_events WHERE kind = 4").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_signature_is_403() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "stale", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    let post = async |seconds_ago: i64, is_genuine: bool| {
        let at = carepost_kernel::Clock::system().now().as_second() - seconds_ago;
        let mut params = vec![
            ("api-key", "0123".to_owned()),
            ("messageId", "0A0000000123ABCD".to_owned()),
            ("status", "delivered".to_owned()),
            ("timestamp", at.to_string()),
        ];
        params.sort();
        let text: String = params.iter().map(|(name, value)| format!("&{name}={value}")).collect();
        let secret = if is_genuine { account.secret("signature_secret") } else { "guess".to_owned() };
        let sig = hmac_sha256(&text, &secret);
        params.push(("sig", sig));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
        let url = format!("{}?{query}", account.webhook_url);
        Answer::of(world.server.nobody().http.get(url)).await.unwrap()
    };
    let fresh = post(0, true).await;
    assert!(fresh.status < 300, "{}: {}", fresh.status, fresh.text);
    post(0, false).await.expect(403);
    post(3_600, true).await.expect(403);
    assert_eq!(world.database.count("SELECT count(*) FROM parked_receipts").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_from_outside_are_kept_once_and_shown_to_those_who_may() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "inbound", json!({})).await;
    let vendors = [Vendor::Twilio, Vendor::VonageSms, Vendor::VonageMessages, Vendor::Sendgrid];
    for (before, vendor) in vendors.into_iter().enumerate() {
        let account = clinic.account(&world.simulator, vendor, json!({})).await;
        let (from, to) = match vendor {
            Vendor::Sendgrid => ("pat@example.com", "clinic@example.com"),
            _ => ("+15005556101", "+15005550006"),
        };
        let adopted = carepost_providers::simulator::SimulatedAccount { vendor, ..account.simulated };
        let status = world.simulator.inbound(&adopted, from, to, "canary: thank you").await.unwrap();
        assert!(status < 300, "{}: {status}", vendor.as_str());
        wait_until("it is there", || async {
            let listed = clinic.api.get("/api/v1/messaging/inbound").await.expect(200);
            listed.body["items"].as_array().unwrap().len() == before + 1
        })
        .await;
    }
    let listed = clinic.api.get("/api/v1/messaging/inbound").await.expect(200);
    for item in listed.body["items"].as_array().unwrap() {
        assert!(item["text"].as_str().unwrap().contains("canary: thank you"), "{item}");
        assert!(item["from"].as_str().unwrap().contains("5005556101") || item["channel"] == "email", "{item}");
    }
    let blind = clinic.key(&["messages:read"]).await;
    clinic.api.with_key(&blind).get("/api/v1/messaging/inbound").await.expect(403);
}
