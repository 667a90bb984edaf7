//! Which verdict wins.
#![expect(clippy::disallowed_methods, reason = "the weighing itself is under test")]

use super::*;

fn all_go() -> Verdicts {
    Verdicts {
        life: Verdict::Go,
        schedule: Verdict::Go,
        pause: Verdict::Go,
        suppression: Verdict::Go,
        consent: Verdict::Go,
        preference: Verdict::Go,
        digest: Verdict::Go,
        quiet_hours: Verdict::Go,
        caps: Verdict::Go,
        tenant_limit: Verdict::Go,
        length: Verdict::Go,
        phi_guard: Verdict::Go,
        identification: Verdict::Go,
        registration: Verdict::Go,
        sender: Verdict::Go,
    }
}

#[test]
fn del_8_only_a_full_set_of_go_clears() {
    let cleared = all_go().clear("text", Timestamp::UNIX_EPOCH).expect("nothing objects");
    assert_eq!((*cleared.get(), cleared.cleared_at()), ("text", Timestamp::UNIX_EPOCH));
}

#[test]
fn a_refusal_beats_another_channel_beats_a_wait() {
    let wait = Verdict::Wait { until: Timestamp::MAX, reason: WaitReason::Paused };
    let other = Verdict::OtherChannel { code: "no_sender" };
    let refuse = Verdict::Refuse { code: "expired" };
    let held = |verdicts: Verdicts| verdicts.clear((), Timestamp::UNIX_EPOCH).expect_err("held").0;
    assert_eq!(held(Verdicts { pause: wait.clone(), ..all_go() }), wait);
    assert_eq!(held(Verdicts { pause: wait.clone(), sender: other.clone(), ..all_go() }), other);
    assert_eq!(held(Verdicts { pause: wait, sender: other, life: refuse.clone(), ..all_go() }), refuse);
}

#[test]
fn the_latest_of_two_waits_wins() {
    let wait = |second, reason| Verdict::Wait { until: Timestamp::from_second(second).expect("in range"), reason };
    let verdicts = Verdicts {
        schedule: wait(10, WaitReason::Scheduled),
        quiet_hours: wait(20, WaitReason::QuietHours),
        pause: wait(5, WaitReason::Paused),
        ..all_go()
    };
    assert_eq!(verdicts.clear((), Timestamp::UNIX_EPOCH).expect_err("held").0, wait(20, WaitReason::QuietHours));
}
