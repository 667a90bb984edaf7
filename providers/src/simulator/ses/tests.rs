//! The handshake of a subscription, end to end.

use super::*;
use crate::contract::WebhookError;
use crate::contract_tests::support::Bench;

#[tokio::test]
async fn a_subscription_is_confirmed_once_it_is_verified() {
    let mut bench = Bench::new(Vendor::Ses).await;
    let core = Arc::clone(&bench.simulator.core);
    let account = core.account_by_credentials(Vendor::Ses, bench.account.credentials.expose()).unwrap();
    assert_eq!(core.poster.post_once(subscription(&core, &account)).await.unwrap(), 204);
    let webhook = bench.receiver.next().await;
    let received = bench.provider.receive(&webhook).await.unwrap();
    assert!(received.receipts.is_empty() && received.inbound.is_empty());

    let mut forged: Value = serde_json::from_slice(&webhook.body).unwrap();
    forged["SubscribeURL"] = "https://evil.example/".into();
    let mut request = webhook.clone();
    request.body = forged.to_string().into();
    assert_eq!(bench.provider.receive(&request).await.err(), Some(WebhookError::Signature));
    // Signed, but with a token that the simulator does not know: asked for, and refused.
    let stranger = Account { secret: "other".to_owned(), ..account_of(&account) };
    assert_eq!(core.poster.post_once(subscription(&core, &stranger)).await.unwrap(), 204);
    let unknown = bench.receiver.next().await;
    assert_eq!(bench.provider.receive(&unknown).await.err(), Some(WebhookError::Unavailable));
    bench.simulator.stop().await;
}

fn account_of(account: &Account) -> Account {
    Account {
        vendor: account.vendor,
        key: account.key.clone(),
        secret: account.secret.clone(),
        webhook_secret: account.webhook_secret.clone(),
        material: account.material.clone(),
        webhook_url: account.webhook_url.clone(),
        settings: account.settings.clone(),
        credentials: account.credentials.clone(),
        base_url: account.base_url.clone(),
    }
}
