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
fn take_all(lane: &Lane, most: usize) -> Vec<Option<Trial>> {
    let go = |turn| if let LaneTurn::Go(trial) = turn { Some(trial) } else { None };
    (0..most).map_while(|_| go(lane.take())).collect()
}

fn open(lane: &Lane) {
    let turns = take_all(lane, 8);
    assert_eq!(turns, [None; 8]);
    let end = |trial| lane.end(trial, Some(&failed(FailureClass::Transient)));
    let news: Vec<LaneNews> = turns.into_iter().map(end).collect();
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
        let trials = take_all(&lane, 8);
        assert_eq!(trials.len(), 2, "two trials at a time");
        assert!(!lane.is_usable(), "no trial is left: the next account's turn");
        for trial in trials {
            lane.end(trial, outcome.as_ref());
        }
    }
    tokio::time::advance(HALT).await;
    let trials = take_all(&lane, 8);
    assert_eq!(trials.len(), 2);
    for trial in trials {
        lane.end(trial, Some(&accepted()));
    }
    tokio::time::advance(HALT).await;
    assert!(lane.is_usable() && take_all(&lane, 3) == [None; 3], "closed again");
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
    assert_eq!(lane.take(), LaneTurn::Go(None));
    assert_eq!(lane.end(None, Some(&failed(FailureClass::ConfigFault))), LaneNews::Halted);
    assert!(matches!(lane.take(), LaneTurn::Wait { reason: WaitReason::ProviderConfig, .. }));
    lane.adopt(Setup { version: 2, rate_per_second: None, max_in_flight: 1 });
    assert_eq!([lane.take(), lane.take()], [LaneTurn::Go(None), LaneTurn::Full]);
}
