//! The suite's words for the SMS vendors.

use carepost_kernel::{Failure, FailureClass, SendOutcome};
use serde_json::Value;

use super::support::{Bench, CANARY, cleared, sms};
use super::{Suite, check};
use crate::contract::{Outbound, Vendor, WebhookRequest};
use crate::simulator::{Fault, Profile};

const RECIPIENT: &str = "+15005550100";
const INBOUND: (&str, &str, &str) = ("+15005550123", "+15005550006", "Can I come at ten? CANARY & more = 100%");

fn message() -> Outbound {
    sms(RECIPIENT, CANARY)
}

fn code(code: &str) -> Fault {
    Fault::VendorCode(code.to_owned())
}

fn without_header(webhook: &mut WebhookRequest, name: &str) {
    webhook.headers.retain(|(found, _)| found != name);
}

#[tokio::test]
async fn twilio_keeps_the_contract() {
    check(&Suite {
        vendor: Vendor::Twilio,
        message,
        recipient: RECIPIENT,
        opted_out: Some(code("21610")),
        bad_recipient: code("21211"),
        spoil_credentials: |_, credentials| credentials["auth_token"] = "wrong".into(),
        strip_signature: Some(|webhook| without_header(webhook, "x-twilio-signature")),
        has_signed_time: false,
        inbound: Some(INBOUND),
    })
    .await;
}

#[tokio::test]
async fn vonage_sms_keeps_the_contract() {
    check(&Suite {
        vendor: Vendor::VonageSms,
        message,
        recipient: RECIPIENT,
        opted_out: Some(code("7")),
        bad_recipient: code("6"),
        spoil_credentials: |_, credentials| credentials["api_secret"] = "wrong".into(),
        strip_signature: Some(|webhook| {
            if webhook.method == "GET" {
                webhook.url = webhook.url.replace("sig=", "gis=");
            } else {
                let mut body: Value = serde_json::from_slice(&webhook.body).unwrap();
                body.as_object_mut().unwrap().remove("sig");
                webhook.body = body.to_string().into();
            }
        }),
        has_signed_time: true,
        inbound: Some(INBOUND),
    })
    .await;
}

#[tokio::test]
async fn vonage_messages_keeps_the_contract() {
    check(&Suite {
        vendor: Vendor::VonageMessages,
        message,
        recipient: RECIPIENT,
        opted_out: Some(code("1240")),
        bad_recipient: code("1150"),
        spoil_credentials: |settings, _| settings["application_id"] = uuid::Uuid::nil().to_string().into(),
        strip_signature: Some(|webhook| without_header(webhook, "authorization")),
        has_signed_time: true,
        inbound: Some(INBOUND),
    })
    .await;
}

#[tokio::test]
async fn del_5_a_success_that_is_not_the_vendors_is_unknown() {
    for vendor in [Vendor::Twilio, Vendor::VonageSms, Vendor::VonageMessages] {
        let bench = Bench::new(vendor).await;
        bench.simulator.set_profile(vendor, Profile { script: [Fault::Garbage].into(), ..Profile::default() });
        let outcome = bench.provider.send(&cleared(message())).await;
        let code = format!("{}_answer_unreadable", vendor.as_str());
        assert_eq!(outcome, SendOutcome::Failed(Failure::new(FailureClass::Unknown, code)));
    }
}
