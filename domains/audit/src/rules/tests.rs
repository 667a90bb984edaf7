//! Malformed entries are refused before they reach the trail.

use carepost_kernel::ErrorKind;
use serde_json::{Value, json};

use super::*;
use crate::{Actor, DEPLOYMENT};

fn checked(action: &'static str, detail: Value) -> Result<(), ErrorKind> {
    let event =
        AuditEvent { tenant_id: DEPLOYMENT, actor: Actor::System, action, subject: ("tenant", String::new()), detail };
    check(&event).map_err(|error| error.kind())
}

#[test]
fn an_entry_is_a_noun_a_verb_and_an_object() {
    let table = [
        ("api_key.create", json!({}), Ok(())),
        ("tenant.update_settings", json!({"weight": 2}), Ok(())),
        ("create", json!({}), Err(ErrorKind::Internal)),
        (".create", json!({}), Err(ErrorKind::Internal)),
        ("Tenant.create", json!({}), Err(ErrorKind::Internal)),
        ("tenant.create", json!("text"), Err(ErrorKind::Internal)),
        ("tenant.create", Value::Null, Err(ErrorKind::Internal)),
    ];
    for (action, detail, expected) in table {
        assert_eq!(checked(action, detail), expected, "{action}");
    }
}
