//! The load against a small real server: every request is counted once, and a stall of the server is in the latency.

use std::sync::atomic::AtomicUsize;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Asks for nothing and counts each success as one message.
struct Pings;

impl Traffic for Pings {
    fn write(&self, _: u64, _: &mut Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
    }

    fn read(&self, _: u64, answer: &Answer<'_>, _: i64, tally: &mut Tally) -> Option<u64> {
        tally.count(Ending::Status(answer.status), 1);
        (answer.status == 200).then_some(1)
    }

    fn lose(&self, number: u64, ending: Ending, tally: &mut Tally) {
        tally.count(ending, 1);
        tally.unknown.push(number);
    }
}

/// Answers at once, but for the request of this number, counted from 0, which takes `stall`.
async fn server(slow: usize, stall: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut request = [0_u8; 256];
                while stream.read(&mut request).await.unwrap_or(0) > 0 {
                    if count.fetch_add(1, Ordering::Relaxed) == slow {
                        tokio::time::sleep(stall).await;
                    }
                    let _closed = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            });
        }
    });
    address
}

fn load(address: SocketAddr, rate: Option<f64>, connections: usize) -> Load {
    let schedule = Schedule { rate, warm_up: Duration::from_millis(200), measured: Duration::from_millis(800) };
    let shape = Shape { schedule, connections, threads: 2 };
    Load { address, shape, traffic: Arc::new(Pings), extras: Extras::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_the_plan_is_sent_and_counted_once() {
    let address = server(usize::MAX, Duration::ZERO).await;
    let tally = load(address, Some(500.0), 4).run().await.unwrap();
    assert_eq!(tally.endings.values().sum::<u64>(), 500);
    assert_eq!(tally.endings[&Ending::Status(200)], 500);
    assert_eq!((tally.measured, tally.latency.len()), (400, 400));
    assert_eq!((tally.departed, tally.refusals.len()), (400, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_is_felt_by_everyone_who_was_meant_to_leave_meanwhile() {
    // One connection, so that nobody can go round the stall.
    let stall = Duration::from_millis(400);
    let address = server(50, stall).await;
    let tally = load(address, Some(200.0), 1).run().await.unwrap();
    assert_eq!(tally.endings[&Ending::Status(200)], 200);
    // A closed loop would have noted one slow request of 160; here about half of the stall's 80 took over 200 ms.
    let late = tally.latency.count_between(200_000, 10_000_000);
    assert!(late >= 30, "{late} late requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_punctual_load_sends_nothing_after_its_end() {
    // One connection, on which everything but the first request comes too late.
    let address = server(0, Duration::from_millis(1_500)).await;
    let mut load = load(address, Some(100.0), 1);
    load.extras.is_punctual = true;
    let tally = load.run().await.unwrap();
    assert_eq!((tally.endings[&Ending::Status(200)], tally.endings[&Ending::NotSent]), (1, 99));
    assert_eq!(tally.departed, 0, "the first one is warm-up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flat_out_stops_at_a_closed_gate() {
    let address = server(usize::MAX, Duration::ZERO).await;
    let gate: Gate = Box::new(|acked| acked < 10);
    let tally = Load { extras: Extras { gate: Some(gate), ..Extras::default() }, ..load(address, None, 4) }
        .run()
        .await
        .unwrap();
    let sent = tally.endings[&Ending::Status(200)];
    assert!((10..=13).contains(&sent), "ten, and one for each other connection at most: {sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flat_out_ends_with_its_last_request_and_tells_latencies_meanwhile() {
    let address = server(usize::MAX, Duration::ZERO).await;
    let counters: Arc<Counters> = Arc::default();
    let extras = Extras { limit: Some(25), counters: Arc::clone(&counters), ..Extras::default() };
    let mut load = Load { extras, ..load(address, None, 4) };
    load.shape.schedule.warm_up = Duration::ZERO;
    load.shape.schedule.measured = Duration::from_secs(600);
    let tally = load.run().await.unwrap();
    assert_eq!((tally.endings[&Ending::Status(200)], tally.measured), (25, 25));
    assert_eq!((counters.take_recent().len(), counters.take_recent().len()), (25, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_leaves_every_request_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let tally = load(address, Some(100.0), 4).run().await.unwrap();
    let refused = Ending::Broken(std::io::ErrorKind::ConnectionRefused);
    assert_eq!((tally.endings[&refused], tally.unknown.len(), tally.measured), (100, 100, 0));
}
