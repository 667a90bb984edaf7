//! What makes an instance unready, and what does not.

use carepost_kernel::Clock;

use super::*;

fn record(kind: PlacementKind) -> PlacementRecord {
    let now = Clock::system().now();
    PlacementRecord {
        placement_id: PlacementId::new(now),
        kind,
        schema_name: "carepost_own".to_owned(),
        url: None,
        created_at: now,
    }
}

fn failed(path: String) -> ActorInfo {
    ActorInfo { path, kind: "SomeActor", state: "failed", restarts: 6, depth: 0 }
}

#[test]
fn a_failed_actor_that_everybody_needs_makes_the_process_unready_and_one_of_a_tenant_does_not() {
    let (pooled, own) = (record(PlacementKind::Pooled), record(PlacementKind::Database));
    let (of_pooled, of_own) = (pooled.placement_id, own.placement_id);
    let ledger = |id: PlacementId| format!("root/placement:{id}/ledger");
    let mut findings = Findings::default();
    let running = ActorInfo { state: "running", ..failed("root/receipts".to_owned()) };
    let actors = [
        running,
        failed(ledger(of_pooled)),
        failed(ledger(of_own)),
        failed("root/scheduler".to_owned()),
        failed("root/notifier".to_owned()),
        failed("root/tenant:0192a6f0-0000-7000-8000-000000000001".to_owned()),
        failed("root/tenant:0192a6f0-0000-7000-8000-000000000001/channel:sms".to_owned()),
    ];
    findings.note_actors(&[pooled, own], &actors);
    assert_eq!(findings.unavailable, [ledger(of_pooled), "root/scheduler".to_owned()]);
    let of_tenants = "actors of tenants and accounts: 2".to_owned();
    assert_eq!(findings.degraded, [ledger(of_own), "root/notifier".to_owned(), of_tenants]);
}
