//! What tenants name does not lead into the deployment's own network, and the sandbox works all the same.

use carepost_providers::Vendor;
use serde_json::json;

use crate::support::{Answer, Clinic, Server, TestDatabase, simulator, sms};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_endpoints_that_lead_inside_are_refused() {
    let (database, simulator) = (TestDatabase::create().await, simulator().await);
    let more = [("CAREPOST_PRIVATE_URLS", "off"), ("CAREPOST_SANDBOX", "on")];
    let server = Server::start(&database.url, &more).await;
    let clinic = Clinic::open(&server, "outside", json!({})).await;
    let nowhere = "http://127.0.0.1:9/".parse().unwrap();
    let post = async |vendor: Vendor, host: Option<&str>, base_url: Option<&str>| -> Answer {
        let account = simulator.account(vendor, &nowhere);
        let credentials: serde_json::Value = serde_json::from_str(account.credentials.expose()).unwrap();
        let mut settings = account.settings;
        if let Some(host) = host {
            settings["host"] = json!(host);
        }
        let body = json!({ "name": format!("{host:?} {base_url:?}"), "vendor": vendor.as_str(), "settings": settings,
                           "credentials": credentials, "base_url": base_url });
        clinic.admin.post(&clinic.path("/provider-accounts"), &body).await
    };
    for host in ["127.0.0.1", "localhost", "10.0.0.25", "169.254.169.254", "[::1]", "mail.internal"] {
        let answer = post(Vendor::Smtp, Some(host), None).await.expect(422);
        assert_eq!(answer.pointers(), ["/settings/host"], "{host}: {}", answer.text);
    }
    for base_url in ["smtp://mail.example.com:25", "https://mail.example.com"] {
        let answer = post(Vendor::Smtp, Some("mail.example.com"), Some(base_url)).await.expect(422);
        assert_eq!(answer.pointers(), ["/base_url"], "{base_url}");
    }
    for base_url in ["https://127.0.0.1/", "https://localhost/", "http://api.example.com/"] {
        let answer = post(Vendor::Twilio, None, Some(base_url)).await.expect(422);
        assert_eq!(answer.pointers(), ["/base_url"], "{base_url}");
    }
    let endpoint = json!({ "url": "https://169.254.169.254/hook" });
    clinic.admin.post(&clinic.path("/webhook-endpoints"), &endpoint).await.expect(422);
    // The server's own simulators are inside, and reached.
    for vendor in ["twilio", "smtp"] {
        let sandbox = json!({ "name": vendor, "vendor": vendor, "sandbox": true });
        clinic.admin.post(&clinic.path("/provider-accounts"), &sandbox).await.expect(201);
    }
    let text = clinic.send(&sms(&crate::support::phone(1))).await;
    let mail = clinic.send(&crate::support::email("pat@example.com")).await;
    clinic.until_all(&[text, mail], "delivered").await;
}
