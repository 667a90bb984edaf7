//! A lane through trouble and out of it, on paused time.

use carepost_kernel::Failure;

use super::*;

fn lane() -> Lane {
    Lane::new(Setup { version: 1, rate_per_second: None, max_in_flight: 16 }, TokioClock::default())
}

fn failed(class: FailureClass) -> SendOutcome {
    SendOutcome::Failed(Failure::new(class, "vendor_said_so"))
}

fn accepted() -> SendOutcome {
    SendOutcome::Accepted { provider_refs: Vec::new(), delivered: false }
}

/// Takes as many turns as there are, `most` at most.
fn take_all(lane: &Lane, most: usize) -> usize {
    (0..most).take_while(|_| lane.take() == LaneTurn::Go).count()
}

fn open(lane: &Lane) {
    assert_eq!(take_all(lane, 8), 8);
    let news: Vec<LaneNews> = (0..8).map(|_| lane.end(Some(&failed(FailureClass::Transient)))).collect();
    assert_eq!(news.iter().filter(|news| **news == LaneNews::BreakerOpened).count(), 1);
    assert!(!lane.is_usable());
}

/// Whatever comes of both trials, as long as it tells nothing of the vendor, there are trials again.
async fn recovers_after(outcome: Option<SendOutcome>) {
    let lane = lane();
    open(&lane);
    for _ in 0..3 {
        tokio::time::advance(HALT).await;
        assert!(lane.is_usable());
        assert_eq!(take_all(&lane, 8), 2, "two trials at a time");
        assert!(!lane.is_usable(), "no trial is left: the next account's turn");
        lane.end(outcome.as_ref());
        lane.end(outcome.as_ref());
    }
    tokio::time::advance(HALT).await;
    assert_eq!(take_all(&lane, 8), 2);
    lane.end(Some(&accepted()));
    lane.end(Some(&accepted()));
    tokio::time::advance(HALT).await;
    assert!(lane.is_usable() && take_all(&lane, 3) == 3, "closed again");
}

#[tokio::test(start_paused = true)]
async fn del_7_a_vendor_that_fails_then_throttles_then_works_is_used_again() {
    recovers_after(Some(failed(FailureClass::Throttled))).await;
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_fails_then_refuses_the_account_then_works_is_used_again() {
    recovers_after(Some(failed(FailureClass::ConfigFault))).await;
}

#[tokio::test(start_paused = true)]
async fn trials_that_were_not_made_go_back() {
    recovers_after(None).await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_account_is_tried_at_once() {
    let lane = lane();
    assert_eq!(lane.take(), LaneTurn::Go);
    assert_eq!(lane.end(Some(&failed(FailureClass::ConfigFault))), LaneNews::Halted);
    assert!(matches!(lane.take(), LaneTurn::Wait { reason: WaitReason::ProviderConfig, .. }));
    lane.adopt(Setup { version: 2, rate_per_second: None, max_in_flight: 1 });
    assert_eq!([lane.take(), lane.take()], [LaneTurn::Go, LaneTurn::Full]);
}
