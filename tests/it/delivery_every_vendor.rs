//! Each vendor, from the post to the receipt, through the real program.

use carepost_providers::Vendor;
use serde_json::{Value, json};

use crate::support::{Clinic, World, email, phone, sms};

fn message(vendor: Vendor, number: usize) -> Value {
    match vendor {
        Vendor::Twilio | Vendor::VonageSms | Vendor::VonageMessages => sms(&phone(number)),
        Vendor::Sendgrid | Vendor::Ses | Vendor::Smtp => email(&format!("pat.{number}@example.com")),
        Vendor::InApp => json!({
            "to": { "in_app": format!("patient-{number}") },
            "content": { "in_app": { "title": "canary visit", "body": "canary: your visit is tomorrow" } },
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_1_and_del_4_every_vendor_takes_and_delivers() {
    let world = World::open().await;
    for vendor in Vendor::ALL {
        let slug = vendor.as_str().replace('_', "-");
        let clinic = Clinic::open(&world.server, &slug, json!({})).await;
        let account = clinic.account(&world.simulator, vendor, json!({})).await;
        let mut ids = Vec::new();
        for number in 0..5 {
            ids.push(clinic.send(&message(vendor, number)).await);
        }
        for id in &ids {
            // Some vendors tell no more than that they took it.
            let last = if vendor == Vendor::Smtp { "sent" } else { "delivered" };
            clinic
                .until_holds(id, vendor.as_str(), |message| {
                    ["sent", "delivered"].contains(&message["status"].as_str().unwrap_or_default())
                        && (message["status"] == last || message["status"] == "delivered")
                })
                .await;
            let message = clinic.message(id).await;
            let delivery = &message["deliveries"][0];
            assert_eq!(
                (delivery["attempts"].as_i64(), &delivery["provider_account_id"]),
                (Some(1), &json!(account.id))
            );
            assert_eq!(clinic.count_events(id, "attempt_started").await, 1);
            assert_eq!(clinic.count_events(id, "attempt_finished").await, 1);
        }
        if vendor != Vendor::InApp {
            assert_eq!(world.simulator.accepted(vendor), 5, "{}", vendor.as_str());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sandbox_accounts_run_on_the_programs_own_simulators() {
    let database = crate::support::TestDatabase::create().await;
    let server = crate::support::Server::start(&database.url, &[("CAREPOST_SANDBOX", "on")]).await;
    let clinic = Clinic::open(&server, "sandbox-clinic", json!({})).await;
    for vendor in [Vendor::Twilio, Vendor::Ses] {
        let body = json!({ "name": vendor.as_str(), "vendor": vendor.as_str(), "sandbox": true });
        clinic.admin.post(&clinic.path("/provider-accounts"), &body).await.expect(201);
        let id = clinic.send(&message(vendor, 1)).await;
        clinic.until(&id, "delivered").await;
    }
}
