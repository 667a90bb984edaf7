//! A policy that fails brings a stricter one.

use serde_json::json;

use super::*;

fn stored(policy: &GatePolicy) -> Value {
    serde_json::to_value(policy).unwrap()
}

#[test]
fn a_policy_without_faults_stays_as_it_is() {
    let policy = GatePolicy { caps: Caps { per_day: Some(7), ..Caps::default() }, ..GatePolicy::default() };
    let (compiled, faults) = CompiledPolicy::of_stored(&stored(&policy));
    assert_eq!((compiled.source(), faults.len()), (&policy, 0));
}

#[test]
fn con_006_sites_in_a_zone_that_is_gone_may_lie_anywhere() {
    let practice = Practice { zones: vec!["America/Atlantis".to_owned()], ..Practice::default() };
    let policy = GatePolicy { practice, caps: Caps { per_day: Some(7), ..Caps::default() }, ..GatePolicy::default() };
    let (compiled, faults) = CompiledPolicy::of_stored(&stored(&policy));
    assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/practice/zones/0"]);
    assert_eq!(compiled.source().caps, policy.caps, "what is sound stays");
    let zones = &compiled.source().practice.zones;
    assert_eq!(compiled.zones().len(), zones.len());
    for zone in ["America/New_York", "America/Los_Angeles", "Pacific/Honolulu"] {
        assert!(zones.iter().any(|name| name == zone), "{zone}: {zones:?}");
    }
}

#[test]
fn del_8_what_cannot_be_read_brings_the_strictest_rules() {
    let built_in = GatePolicy::default();
    assert!(CompiledPolicy::strictest().source().caps.per_day.is_some());
    for body in [json!({}), json!({"caps": {"per_day": 0}}), json!({"gates": "open"}), json!("open"), json!(null)] {
        let (compiled, faults) = CompiledPolicy::of_stored(&body);
        if body == json!({}) {
            assert_eq!((compiled.source(), faults.len()), (&built_in, 0));
            continue;
        }
        assert_eq!(faults.len(), 1, "{body}");
        let strict = compiled.source();
        for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Emergency) {
            assert_eq!(strict.unknown_address(purpose), UnknownAddress::Refuse, "{body}");
            for channel in Channel::ALL {
                assert!(strict.consent_need(purpose, channel) >= built_in.consent_need(purpose, channel), "{body}");
            }
        }
        assert_eq!(strict.unknown_address(Purpose::Emergency), UnknownAddress::CallerAttests, "emergencies go");
        assert_eq!(strict.phi.by_channel.get(&Channel::Sms), Some(&PhiHandling::Block));
        assert!(strict.caps.per_day.is_some() && !strict.exemption.is_used);
    }
}
