//! Defaults, presets, faults.

use carepost_kernel::{Channel, Purpose};
use serde_json::json;

use super::*;

fn pointers(policy: serde_json::Value) -> Vec<String> {
    let policy: GatePolicy = serde_json::from_value(policy).unwrap();
    policy.validate().into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn c08_presets_lack_the_practice_and_nothing_else() {
    assert_eq!(GatePolicy::default().validate(), []);
    let compiled = CompiledPolicy::built_in();
    assert_eq!(compiled.message_types().count(), crate::message_types::all().count());
    for preset in Preset::ALL {
        let mut policy = GatePolicy::preset(preset);
        let missing: Vec<_> = policy.validate().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(missing, ["/practice/portal_url", "/practice/name", "/practice/postal_address"]);
        policy.practice.portal_url = "https://larch-lane.example".to_owned();
        policy.practice.name = "Larch Lane Dental".to_owned();
        policy.practice.postal_address = "12 Larch Lane, Springfield, IL 62701".to_owned();
        let compiled = policy.clone().compile().unwrap();
        assert_eq!(compiled.source(), &policy);
    }
    let hours = |preset| GatePolicy::preset(preset).reminders.hours_before.into_iter().collect::<Vec<_>>();
    assert_eq!((hours(Preset::Medical), hours(Preset::Orthodontics)), (vec![2, 24], vec![48]));
}

#[test]
fn con_012_needs_that_are_left_out_are_those_of_the_default() {
    let policy = json!({"consent": {"marketing": {"email": "express"}, "treatment": {"sms": "written"}}});
    let policy: GatePolicy = serde_json::from_value(policy).unwrap();
    let need = |purpose, channel| policy.consent_need(purpose, channel);
    assert_eq!(need(Purpose::Marketing, Channel::Email), ConsentNeed::Express);
    assert_eq!(need(Purpose::Marketing, Channel::Sms), ConsentNeed::Written);
    assert_eq!(need(Purpose::Treatment, Channel::Sms), ConsentNeed::Written);
    assert_eq!(need(Purpose::Treatment, Channel::Email), ConsentNeed::Express);
    let compiled = policy.clone().compile().unwrap();
    for purpose in Purpose::ALL {
        assert_eq!(compiled.unknown_address(purpose), policy.unknown_address(purpose));
        for channel in Channel::ALL {
            assert_eq!(compiled.need(purpose, channel), need(purpose, channel));
        }
    }
}

#[test]
fn each_fault_is_named_by_its_field() {
    let table = [
        (json!({"practice": {"name": "a".repeat(61)}}), "/practice/name"),
        (json!({"practice": {"name": "two\nlines"}}), "/practice/name"),
        (json!({"practice": {"language": "fr"}}), "/practice/language"),
        (json!({"practice": {"zones": ["America/Chicago", "Mars/Olympus"]}}), "/practice/zones/1"),
        (json!({"practice": {"states": ["ZZ"]}}), "/practice/states"),
        (
            json!({"practice": {"postal_address": "12 Larch Lane"}, "identification": {"email_footer": true}}),
            "/practice/name",
        ),
        (json!({"consent": {"marketing": {"sms": "express"}}}), "/consent/marketing/sms"),
        (json!({"contact_hours": {"sms": {"from": "21:00:00", "until": "08:00:00"}}}), "/contact_hours/sms"),
        (json!({"state_hours": {"Z/": {"weekdays": null, "saturday": null, "sunday": null}}}), "/state_hours/Z~1"),
        (json!({"caps": {"per_day": 0}}), "/caps/per_day"),
        (json!({"exemption": {"per_day": 2}}), "/exemption/per_day"),
        (json!({"exemption": {"most_chars": 300}}), "/exemption/most_chars"),
        (json!({"phi": {"extra_terms": ["a"]}}), "/phi/extra_terms"),
        (json!({"types": {"no_such_type": {}}}), "/types/no_such_type"),
        (json!({"types": {"birthday": {"purpose": "transactional"}}}), "/types/birthday/purpose"),
        (json!({"types": {"birthday": {"passes_caps": true}}}), "/types/birthday/passes_caps"),
        (json!({"types": {"payment_due": {"purpose": "emergency"}}}), "/types/payment_due/purpose"),
        (json!({"types": {"payment_due": {"channels": []}}}), "/types/payment_due/channels"),
        (json!({"types": {"result_released": {"is_trackable": true}}}), "/types/result_released/is_trackable"),
        (json!({"reminders": {"hours_before": [0]}}), "/reminders/hours_before"),
    ];
    for (policy, pointer) in table {
        assert_eq!(pointers(policy), [pointer]);
    }
}

#[test]
fn unknown_fields_are_refused_and_a_policy_comes_back_as_written() {
    assert!(serde_json::from_value::<GatePolicy>(json!({"capps": {}})).is_err());
    assert!(serde_json::from_value::<GatePolicy>(json!({"practice": {"fax": "1"}})).is_err());
    for policy in [GatePolicy::default(), GatePolicy::preset(Preset::Medical), GatePolicy::preset(Preset::Orthodontics)]
    {
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<GatePolicy>(&text).unwrap(), policy);
    }
}

#[test]
fn tpl_008_the_zone_of_texts_is_the_recipients_else_the_practices_else_a_known_one() {
    let nowhere = Practice::default();
    let here = Practice { zones: vec!["America/Denver".to_owned(), "America/Phoenix".to_owned()], ..nowhere.clone() };
    assert_eq!(here.zone_of_texts(Some("America/Chicago")), "America/Chicago");
    assert_eq!(here.zone_of_texts(None), "America/Denver");
    assert_eq!(nowhere.zone_of_texts(None), DEFAULT_ZONE);
    assert!(jiff::tz::TimeZone::get(DEFAULT_ZONE).is_ok());
}

#[test]
fn c32_a_template_is_what_it_says_unless_the_practice_has_set_its_type_and_marketing_stays_marketing() {
    use carepost_kernel::Topic;
    let change = |purpose, topic| TypeOverride { purpose, topic, ..TypeOverride::default() };
    let types = BTreeMap::from([
        ("follow_up".to_owned(), change(Some(Purpose::Treatment), Some(Topic::Care))),
        ("progress_update".to_owned(), change(Some(Purpose::Marketing), None)),
    ]);
    let policy = GatePolicy { types, ..GatePolicy::default() }.compile().unwrap();
    let of = |key, purpose| policy.of_template(key, (purpose, Topic::Account));
    assert_eq!(of(None, Purpose::Financial), (Purpose::Financial, Topic::Account));
    assert_eq!(of(Some("own"), Purpose::Financial), (Purpose::Financial, Topic::Account));
    assert_eq!(of(Some("payment_due"), Purpose::Transactional), (Purpose::Transactional, Topic::Account));
    assert_eq!(of(Some("follow_up"), Purpose::Transactional), (Purpose::Treatment, Topic::Care));
    assert_eq!(of(Some("follow_up"), Purpose::Marketing), (Purpose::Marketing, Topic::Care));
    assert_eq!(of(Some("progress_update"), Purpose::Treatment), (Purpose::Marketing, Topic::Account));
    assert_eq!(of(Some("birthday"), Purpose::Transactional), (Purpose::Marketing, Topic::Account));
}
