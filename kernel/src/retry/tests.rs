//! The policy equals the reference formula and stays in its bounds.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_step_equals_the_reference_formula(failures in 1_u16..20, initial_ms in 1_u64..5_000, cap_s in 1_u64..3_600) {
        let policy = RetryPolicy {
            initial: Duration::from_millis(initial_ms),
            multiplier: 2.0,
            cap: Duration::from_secs(cap_s),
            max_failures: u16::MAX,
        };
        let reference = (initial_ms as f64 / 1e3 * 2_f64.powi(i32::from(failures) - 1)).min(cap_s as f64);
        let whole = policy.delay(failures, 1.0).expect("far from the last").as_secs_f64();
        let half = policy.delay(failures, 0.0).expect("far from the last").as_secs_f64();
        // The first step is `initial` even where the cap is lower: the crate caps from the second on.
        let reference = if failures == 1 { initial_ms as f64 / 1e3 } else { reference };
        prop_assert!((whole - reference).abs() <= reference * 1e-6 + 1e-6, "{whole} {reference}");
        prop_assert!((half - reference / 2.0).abs() <= reference * 1e-6 + 1e-6);
    }
}

#[test]
fn the_last_failure_has_no_delay() {
    let policy = RetryPolicy { max_failures: 3, ..RetryPolicy::default() };
    assert!(policy.delay(1, 0.5).is_some() && policy.delay(2, 0.5).is_some());
    assert_eq!((policy.delay(3, 0.5), policy.delay(0, 0.5)), (None, None));
}
