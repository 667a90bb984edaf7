//! One line for each way through the gate.

use super::*;
use crate::testing::delivery;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn facts() -> GateFacts {
    GateFacts {
        now: at(NOW),
        is_paused: false,
        tenant_limit_until: None,
        sender: Sender::Ready,
        pause_recheck: at(NOW + 5),
    }
}

fn check(change: impl FnOnce(&mut Delivery, &mut GateFacts), expected: Verdict) {
    let (mut delivery, mut facts) = (delivery(at(NOW)), facts());
    change(&mut delivery, &mut facts);
    let verdict = decide(&delivery, &facts, ()).map_or_else(|(held, ())| held, |_| Verdict::Go);
    assert_eq!(verdict, expected);
}

#[test]
fn del_8_each_rule_has_its_say() {
    check(|_, _| {}, Verdict::Go);
    check(|delivery, _| delivery.expires_at = at(NOW), Verdict::Refuse { code: "expired" });
    check(|delivery, _| delivery.state = DeliveryState::Cancelled, Verdict::Refuse { code: "finished" });
    check(
        |delivery, _| delivery.scheduled_at = Some(at(NOW + 60)),
        Verdict::Wait { until: at(NOW + 60), reason: WaitReason::Scheduled },
    );
    check(|delivery, _| delivery.scheduled_at = Some(at(NOW)), Verdict::Go);
    check(|_, facts| facts.is_paused = true, Verdict::Wait { until: at(NOW + 5), reason: WaitReason::Paused });
    check(
        |_, facts| facts.tenant_limit_until = Some(at(NOW + 1)),
        Verdict::Wait { until: at(NOW + 1), reason: WaitReason::TenantLimit },
    );
    check(
        |_, facts| facts.sender = Sender::Missing,
        Verdict::Wait { until: at(NOW + 5), reason: WaitReason::ProviderConfig },
    );
    let blocked = |until| Sender::Blocked { until, reason: WaitReason::BreakerOpen };
    check(
        |_, facts| facts.sender = blocked(at(NOW + 3)),
        Verdict::Wait { until: at(NOW + 3), reason: WaitReason::BreakerOpen },
    );
    check(
        |delivery, facts| (delivery.expires_at, facts.sender) = (at(NOW), blocked(at(NOW + 3))),
        Verdict::Refuse { code: "expired" },
    );
    check(|delivery, _| delivery.key.channel = Channel::Voice, Verdict::OtherChannel { code: "channel_not_available" });
}
