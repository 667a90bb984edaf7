//! Table tests of the rules.

use carepost_kernel::{Channel, Reach, Secret};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::FieldProblem;
use crate::rules::key_text::ENTROPY_LEN;
use crate::types::{NewAccount, RouteChange, TenantSettings, UnknownPolicy};

fn pointer_of<T: std::fmt::Debug>(result: Result<T, FieldProblem>) -> Option<String> {
    result.err().map(|fault| fault.pointer)
}

#[test]
fn the_defaults_hold_and_nothing_means_the_defaults() {
    let defaults = TenantSettings::default();
    assert_eq!(settings::check(&defaults), Ok(()));
    assert_eq!(settings::parse(json!({})), Ok(defaults.clone()));
    assert_eq!(settings::parse(serde_json::to_value(&defaults).unwrap()), Ok(defaults));
}

#[test]
fn a_wrong_setting_is_named_by_its_pointer() {
    let table = [
        (json!({"weight": 0}), "/weight"),
        (json!({"weight": 1_001}), "/weight"),
        (json!({"weight": -1}), "/weight"),
        (json!({"weight": "3"}), "/weight"),
        (json!({"allow_open_tracking": "yes"}), "/allow_open_tracking"),
        (json!({"admission": {"per_second": 0}}), "/admission/per_second"),
        (json!({"admission": {"burst": 0}}), "/admission/burst"),
        (json!({"admission": 5}), "/admission"),
        (json!({"send_per_second": 0}), "/send_per_second"),
        (json!({"idempotency_window_hours": 0}), "/idempotency_window_hours"),
        (json!({"idempotency_window_hours": 721}), "/idempotency_window_hours"),
        (json!({"max_waiting": 0}), "/max_waiting"),
        (json!({"message_ttl_hours": {"bulk": 0}}), "/message_ttl_hours/bulk"),
        (json!({"message_ttl_hours": {"bulk": 1.5}}), "/message_ttl_hours/bulk"),
        (json!({"receipt_wait_hours": {"in_app": 0}}), "/receipt_wait_hours/in_app"),
        (json!({"receipt_wait_hours": {"fax": 1}}), "/receipt_wait_hours/fax"),
        (json!({"retry": {"initial_ms": 9}}), "/retry/initial_ms"),
        (json!({"retry": {"multiplier": 0.5}}), "/retry/multiplier"),
        (json!({"retry": {"multiplier": null}}), "/retry/multiplier"),
        (json!({"retry": {"cap_ms": 1_000}}), "/retry/cap_ms"),
        (json!({"retry": {"max_failures": 0}}), "/retry/max_failures"),
        (json!({"unknown": {"financial": "resend"}}), "/unknown/financial"),
        (json!({"unknown": {"hold_minutes": 0}}), "/unknown/hold_minutes"),
        (json!({"paused_channels": ["sms", "fax"]}), "/paused_channels/1"),
        // The deployment's own (CAREPOST_RETENTION_DAYS): what a tenant cannot have is not taken.
        (json!({"retention_days": 90}), "/retention_days"),
        (json!({"no/such~field": 1}), "/no~1such~0field"),
        (json!([]), ""),
        (json!({"admission": [5, 6]}), "/admission"),
    ];
    for (value, pointer) in table {
        assert_eq!(pointer_of(settings::parse(value.clone())).as_deref(), Some(pointer), "{value}");
    }
}

#[test]
fn a_problem_never_repeats_the_value() {
    for value in [json!({"weight": "canary"}), json!({"unknown": {"financial": "canary"}}), json!("canary")] {
        let fault = settings::parse(value).unwrap_err();
        assert!(!format!("{fault:?}").contains("canary"), "{fault:?}");
    }
}

#[test]
fn a_patch_changes_what_it_names_and_null_means_the_default() {
    let first = settings::patch(
        &TenantSettings::default(),
        &json!({"weight": 5, "unknown": {"financial": "look_up_then_hold"}, "paused_channels": ["sms"]}),
    )
    .unwrap();
    assert_eq!((first.weight, first.unknown.financial), (5, UnknownPolicy::LookUpThenHold));
    assert_eq!(first.unknown.marketing, UnknownPolicy::GiveUp);
    assert!(first.paused_channels.contains(&Channel::Sms));
    let second = settings::patch(&first, &json!({"weight": null, "unknown": null, "paused_channels": []})).unwrap();
    assert_eq!(second, TenantSettings::default());
    for (patch, pointer) in [(json!({"weight": {"x": 1}}), "/weight"), (json!(1), ""), (json!({"wait": 1}), "/wait")] {
        assert_eq!(pointer_of(settings::patch(&first, &patch)).as_deref(), Some(pointer), "{patch}");
    }
}

#[test]
fn slugs_names_and_event_types_have_bounds() {
    for slug in ["ab", "riverside-clinic", "a1", &"a".repeat(63)] {
        assert_eq!(names::check_slug(slug), Ok(()), "{slug}");
    }
    for slug in ["", "a", "-ab", "ab-", "Ab", "a b", "a_b", "ä1", &"a".repeat(64)] {
        assert_eq!(pointer_of(names::check_slug(slug)).as_deref(), Some("/slug"), "{slug}");
    }
    for name in ["", "  ", "a\nb", &"a".repeat(201)] {
        assert_eq!(pointer_of(names::check_name("/name", name)).as_deref(), Some("/name"), "{name:?}");
    }
    let types = |types: &[&str]| names::check_event_types(&types.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(types(&[]), Ok(()));
    assert_eq!(types(&["message.delivered", "message"]), Ok(()));
    assert_eq!(pointer_of(types(&["message.sent", "Message.*"])).as_deref(), Some("/event_types/1"));
    assert_eq!(pointer_of(types(&["a"; 51])).as_deref(), Some("/event_types"));
}

proptest! {
    #[test]
    fn ten_1_a_key_is_long_checked_and_shows_little(entropy in proptest::collection::vec(any::<u8>(), ENTROPY_LEN)) {
        let entropy: [u8; ENTROPY_LEN] = entropy.try_into().unwrap();
        let text = key_text::write(&entropy).unwrap();
        prop_assert_eq!(text.len(), 52);
        prop_assert!(key_text::is_key(&text));
        prop_assert_eq!(key_text::shown(&text).len(), 7);
    }

    #[test]
    fn one_wrong_character_is_noticed_without_a_look_up(place in 0_usize..52, letter in "[0-9A-Za-z]") {
        let text = key_text::write(&[7; ENTROPY_LEN]).unwrap();
        let mut wrong = text.clone();
        wrong.replace_range(place..=place, &letter);
        prop_assert_eq!(key_text::is_key(&wrong), wrong == text);
    }
}

#[test]
fn what_was_never_a_key_is_refused_without_a_look_up() {
    let key = key_text::write(&[7; ENTROPY_LEN]).unwrap();
    let with_tail = format!("{key}0");
    let not_ascii = format!("cp_{}{}", "é".repeat(24), "0");
    for text in ["", "cp_", "Bearer x", &key[1..], &with_tail, &not_ascii, &key.replace("cp_", "pc_")] {
        assert!(!key_text::is_key(text), "{text}");
    }
}

#[test]
fn too_few_usable_bytes_make_no_key() {
    assert_eq!(key_text::write(&[250; ENTROPY_LEN]), None);
}

#[test]
fn addresses_to_call_are_public_https() {
    let public = ["https://hooks.example.com/carepost?x=1", "https://1.1.1.1/", "https://[2606:4700::1111]:8443/"];
    for text in public {
        assert_eq!(url::check_outward("/url", text, Reach::Public), Ok(()), "{text}");
    }
    let private = [
        "http://hooks.example.com/",
        "http://127.0.0.1:9000/",
        "https://127.0.0.1/",
        // Other spellings of 127.0.0.1.
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://db/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[2002:a00:1::]/",
        "https://[2001:db8::1]/",
    ];
    for text in private {
        assert_eq!(pointer_of(url::check_outward("/url", text, Reach::Public)).as_deref(), Some("/url"), "{text}");
        assert_eq!(url::check_outward("/url", text, Reach::Anywhere), Ok(()), "{text}");
    }
    let never = ["", "hooks", "ftp://example.com/", "https://user:pw@example.com/", "https://example.com/#a", "data:x"];
    for text in never {
        assert_eq!(pointer_of(url::check_outward("/url", text, Reach::Anywhere)).as_deref(), Some("/url"), "{text}");
    }
}

fn account(change: impl FnOnce(&mut NewAccount)) -> NewAccount {
    let mut account = NewAccount {
        name: "main".to_owned(),
        channel: Channel::Sms,
        vendor: "twilio".to_owned(),
        settings: json!({}),
        credentials: Some(Secret::new("{}".to_owned())),
        sandbox: false,
        route: RouteChange::default(),
        base_url: None,
    };
    change(&mut account);
    account
}

#[test]
fn accounts_have_bounds_whichever_the_vendor() {
    assert_eq!(
        account::check(&account(|_| {}), Reach::Public),
        Ok(account::Route {
            route_order: 0,
            route_weight: 1,
            rate_per_second: None,
            max_in_flight: 64,
            timeout_ms: 10_000
        })
    );
    type Change = fn(&mut NewAccount);
    let table: [(&str, Change); 12] = [
        ("/name", |account| account.name = " ".to_owned()),
        ("/vendor", |account| account.vendor = "Twilio".to_owned()),
        ("/settings", |account| account.settings = Value::Null),
        ("/settings", |account| account.settings = json!({"x": "y".repeat(20_000)})),
        ("/credentials", |account| account.credentials = Some("token".into())),
        ("/credentials", |account| account.credentials = Some("[]".into())),
        ("/base_url", |account| account.base_url = Some("http://127.0.0.1:1/".to_owned())),
        ("/route_order", |account| account.route.route_order = Some(-1)),
        ("/route_weight", |account| account.route.route_weight = Some(0)),
        ("/rate_per_second", |account| account.route.rate_per_second = Some(Some(0))),
        ("/max_in_flight", |account| account.route.max_in_flight = Some(0)),
        ("/timeout_ms", |account| account.route.timeout_ms = Some(99)),
    ];
    for (pointer, change) in table {
        assert_eq!(pointer_of(account::check(&account(change), Reach::Public)).as_deref(), Some(pointer));
    }
}

#[test]
fn a_route_changes_only_where_it_is_told_to() {
    let limited = RouteChange { rate_per_second: Some(Some(50)), ..RouteChange::default() };
    let route = account::Route::new(&limited).unwrap();
    assert_eq!(route.rate_per_second, Some(50));
    assert_eq!(route.changed(&RouteChange::default()), Ok(route));
    let free = RouteChange { rate_per_second: Some(None), ..RouteChange::default() };
    assert_eq!(route.changed(&free).unwrap().rate_per_second, None);
}
