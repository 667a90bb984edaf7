//! Faults of configuration name the field, never the value.

use carepost_kernel::{ProviderAccountId, Secret, TenantId};
use jiff::Timestamp;
use serde::Deserialize;

use super::*;
use crate::contract::Vendor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[expect(dead_code, reason = "only its absence matters")]
    name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "only its type matters")]
    ports: Vec<u16>,
}

fn config(text: &str) -> AccountConfig {
    AccountConfig {
        account_id: ProviderAccountId::new(Timestamp::UNIX_EPOCH),
        tenant_id: TenantId::new(Timestamp::UNIX_EPOCH),
        vendor: Vendor::Twilio,
        settings: serde_json::from_str(text).unwrap_or_default(),
        credentials: Secret::from(text),
        base_url: None,
        webhook_url: "https://example.com/webhooks/twilio/token".parse().unwrap(),
        timeout: Duration::from_secs(1),
    }
}

#[test]
fn a_config_fault_names_the_field_and_never_the_value() {
    let check = |text: &str, pointer: &str, problem: &str| {
        for (root, error) in [
            ("/settings", settings::<Sample>(&config(text)).err().unwrap()),
            ("/credentials", credentials::<Sample>(&config(text)).err().unwrap()),
        ] {
            assert_eq!((error.pointer.as_str(), error.problem), (&*format!("{root}{pointer}"), problem), "{text}");
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{text}");
        }
    };
    check("{}", "/name", "is missing");
    check(r#"{"name":["CANARY"]}"#, "/name", "has the wrong type");
    check(r#"{"name":"CANARY","ports":[1,"CANARY"]}"#, "/ports/1", "has the wrong type");
    check(r#"{"name":"CANARY","surplus":"CANARY"}"#, "/surplus", "is not a field of this vendor");
    assert_eq!(credentials::<Sample>(&config("CANARY")).err().unwrap().problem, "is not JSON");
}

#[test]
fn every_status_has_a_class() {
    for (status, class) in [
        (302, FailureClass::ConfigFault),
        (400, FailureClass::Permanent),
        (401, FailureClass::ConfigFault),
        (402, FailureClass::ConfigFault),
        (404, FailureClass::ConfigFault),
        (408, FailureClass::Transient),
        (413, FailureClass::Permanent),
        (422, FailureClass::Permanent),
        (429, FailureClass::Throttled),
        (500, FailureClass::Transient),
        (503, FailureClass::Transient),
    ] {
        assert_eq!(class_of_status(status), class, "{status}");
    }
}
