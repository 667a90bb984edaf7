//! DEL-10: three processes are restarted one after the other under load. No request fails, nothing leaves twice, and who
//! listens to events misses none.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carepost_providers::Vendor;
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::leases_one_owner::met;
use crate::support::sse::Events;
use crate::support::{Api, Clinic, Server, World, phone, sms, wait_until};

/// For each tenant; each waits for its answer before it asks again.
const CALLERS: usize = 6;

/// What callers and listeners share.
#[derive(Clone)]
struct Traffic {
    bases: Arc<[String]>,
    ready: Arc<Mutex<Vec<String>>>,
    acked: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Traffic {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// A balancer's choice: the next one in turn of those that were ready when it last looked.
    async fn ready(&self, turn: &mut usize) -> String {
        loop {
            *turn += 1;
            let ready = self.ready.lock().unwrap().clone();
            if let Some(base) = ready.get(*turn % ready.len().max(1)) {
                return base.clone();
            }
            tokio::task::yield_now().await;
        }
    }

    /// Looks who is ready, each half second.
    async fn look(self) {
        while !self.is_over() {
            let mut ready = Vec::new();
            for base in self.bases.iter() {
                let asked = Api::new(base, None).request("GET", "/health/ready").send().await;
                if asked.is_ok_and(|answer| answer.status().is_success()) {
                    ready.push(base.clone());
                }
            }
            *self.ready.lock().unwrap() = ready;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn more(&self, count: usize) {
        let wanted = self.acked.load(Ordering::Relaxed) + count;
        wait_until("more are taken", || async { self.acked.load(Ordering::Relaxed) >= wanted }).await;
    }
}

/// Posts on, every other time without a key; gives the ids of what was taken and what went wrong.
async fn post_on(clinic: Clinic, traffic: Traffic, mut turn: usize) -> (Vec<String>, Vec<String>) {
    let (mut ids, mut faults) = (Vec::new(), Vec::new());
    while !traffic.is_over() {
        let api = clinic.api.at(&traffic.ready(&mut turn).await);
        let mut request = api.request("POST", "/api/v1/messaging/messages").json(&sms(&phone(turn)));
        if turn.is_multiple_of(2) {
            request = request.header("Idempotency-Key", Uuid::new_v4().to_string());
        }
        match crate::support::Answer::of(request).await {
            Ok(answer) if answer.status == 202 => {
                traffic.acked.fetch_add(1, Ordering::Relaxed);
                ids.push(answer.id());
            }
            Ok(answer) => faults.push(answer.text),
            Err(error) => faults.push(error.to_string()),
        }
    }
    (ids, faults)
}

/// Listens as a browser does: where the stream ends, it comes again with the last id that it saw.
async fn listen(clinic: Clinic, traffic: Traffic, wanted: Arc<Mutex<Option<BTreeSet<String>>>>) {
    let (mut seen, mut last, mut turn) = (BTreeSet::new(), None::<String>, 0);
    loop {
        let api = clinic.api.at(&traffic.ready(&mut turn).await);
        let mut request = api.request("GET", "/api/v1/messaging/events");
        if let Some(last) = &last {
            request = request.header("Last-Event-ID", last);
        }
        let mut events = Events::open(request).await;
        while let Some(event) = events.next_or_end().await {
            seen.extend(event.data["message_id"].as_str().map(str::to_owned));
            last = Some(event.id);
            if wanted.lock().unwrap().as_ref().is_some_and(|wanted| wanted.is_subset(&seen)) {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_10_a_rolling_restart_fails_no_request() {
    let world = World::open().await;
    let [second, third] =
        [Server::start(&world.database.url, &[]).await, Server::start(&world.database.url, &[]).await];
    let mut clinics = Vec::new();
    for number in 0..4 {
        let clinic = Clinic::open(&world.server, &format!("rolling-{number}"), json!({})).await;
        clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
        clinics.push(clinic);
    }
    met(&world, 3).await;
    let mut servers = [world.server, second, third];
    let bases = servers.iter().map(|server| server.base.clone()).collect();
    let traffic = Traffic { bases, ready: Arc::default(), acked: Arc::default(), is_over: Arc::default() };
    let looking = tokio::spawn(traffic.clone().look());
    let (mut callers, mut listeners) = (JoinSet::new(), JoinSet::new());
    let wanted: Vec<_> = clinics.iter().map(|_| Arc::default()).collect();
    for (place, clinic) in clinics.iter().enumerate() {
        listeners.spawn(listen(clinic.clone(), traffic.clone(), Arc::clone(&wanted[place])));
        for number in 0..CALLERS {
            let (clinic, traffic) = (clinic.clone(), traffic.clone());
            callers.spawn(async move { (place, post_on(clinic, traffic, number).await) });
        }
    }
    for server in &mut servers {
        traffic.more(150).await;
        // Blocks this thread only: the callers have another, and go on while it stops.
        tokio::task::block_in_place(|| server.stop());
        traffic.more(50).await;
        server.run().await;
    }
    traffic.more(150).await;
    traffic.is_over.store(true, Ordering::Relaxed);

    let mut acked = vec![BTreeSet::new(); clinics.len()];
    let mut failed = Vec::new();
    while let Some(ended) = callers.join_next().await {
        let (place, (ids, faults)) = ended.unwrap();
        acked[place].extend(ids);
        failed.extend(faults);
    }
    assert!(failed.is_empty(), "{} requests failed: {:?}", failed.len(), &failed[..failed.len().min(3)]);
    let total: usize = acked.iter().map(BTreeSet::len).sum();
    let stored = world.database.count("SELECT count(*) FROM messages").await;
    assert_eq!((stored, total), (i64::try_from(total).unwrap(), traffic.acked.load(Ordering::Relaxed)));
    // Receipts go to the first process alone, which was away at times.
    let open = "SELECT count(*) FROM deliveries WHERE state < 30";
    wait_until("all are sent", || async { world.database.count(open).await == 0 }).await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), u64::try_from(stored).unwrap(), "none twice");
    for (wanted, acked) in wanted.iter().zip(acked) {
        *wanted.lock().unwrap() = Some(acked);
    }
    // One more event for each, so that all listeners look again.
    for clinic in &clinics {
        clinic.api.at(&servers[0].base).message(&sms(&phone(1))).await.expect(202);
    }
    let heard = tokio::time::timeout(crate::support::PATIENCE, listeners.join_all()).await;
    heard.expect("each listener hears of each message");
    looking.await.unwrap();
    // A tenant moves away from the one that stops and back, at most: nothing goes to and fro.
    let moves = world.database.count("SELECT max(epoch) FROM tenant_leases").await;
    assert!(moves <= 10, "a tenant had {moves} owners");
}
