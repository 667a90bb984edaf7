//! The load itself: threads with a runtime of one thread each, many kept connections, one schedule.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use carepost_kernel::Clock;
use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::client::{Answer, Connection};
use crate::number::instant;
use crate::schedule::Schedule;
use crate::tally::{Ending, Tally, histogram, note};

/// What is asked, and how answers are read. Requests are known by number, from 0.
pub(crate) trait Traffic: Send + Sync {
    /// Writes a whole request. `scratch` is for whatever must be built before its length is known.
    fn write(&self, number: u64, scratch: &mut Vec<u8>, out: &mut Vec<u8>);

    /// Counts an answer; returns how many messages it newly promises to keep, and nothing where none was taken.
    fn read(&self, number: u64, answer: &Answer<'_>, now_us: i64, tally: &mut Tally) -> Option<u64>;

    /// Counts a request without an answer.
    fn lose(&self, number: u64, ending: Ending, tally: &mut Tally);
}

/// Whether more may be sent, by the number of messages promised so far. Closed loop only.
pub(crate) type Gate = Box<dyn Fn(u64) -> bool + Send + Sync>;

/// How much load.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) schedule: Schedule,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
}

/// Counters to look at while it runs.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) acked: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Latencies of measured requests since somebody looked last.
    recent: Mutex<Option<Histogram<u64>>>,
}

impl Counters {
    /// Latencies since the last call.
    pub(crate) fn take_recent(&self) -> Histogram<u64> {
        self.lock().take().unwrap_or_else(histogram)
    }

    fn note(&self, latency: Duration) {
        note(self.lock().get_or_insert_with(histogram), latency);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Histogram<u64>>> {
        // A histogram is whole after each record, whoever may have panicked.
        self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What only some runs have.
#[derive(Default)]
pub(crate) struct Extras {
    /// Closed loop: when to hold back.
    pub(crate) gate: Option<Gate>,
    /// Closed loop: ends after so many requests.
    pub(crate) limit: Option<u64>,
    /// To look at from outside.
    pub(crate) counters: Arc<Counters>,
    /// Open loop: what has not left at the end does not leave any more, where it otherwise has a while.
    pub(crate) is_punctual: bool,
}

/// A run that has not begun.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) shape: Shape,
    pub(crate) traffic: Arc<dyn Traffic>,
    pub(crate) extras: Extras,
}

/// No answer within this time is none.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// What could not be sent this long after the end is given up.
const GRACE: Duration = Duration::from_secs(30);
/// From the last connection made to the first request.
const LEAD: Duration = Duration::from_millis(50);
/// Between looks at a closed gate.
const GATE_POLL: Duration = Duration::from_millis(2);
/// A connection that could not be made is not tried again at once.
const RECONNECT_AFTER: Duration = Duration::from_millis(20);

struct Run {
    load: Load,
    start: Instant,
    next: AtomicU64,
    clock: Clock,
}

impl Load {
    /// Runs to the end of the schedule and to the last answer.
    pub(crate) async fn run(self) -> anyhow::Result<Tally> {
        let (sender, tallies) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || {
                // Nobody waits any more where this fails.
                let _unheard = sender.send(run_threads(self));
            })
            .context("start the thread of the load")?;
        tallies.await.context("the load ended without a result")?
    }
}

fn run_threads(load: Load) -> anyhow::Result<Tally> {
    let threads = load.shape.threads.clamp(1, load.shape.connections.max(1));
    let connections = load.shape.connections;
    let run = Arc::new(Run { start: instant() + LEAD, next: AtomicU64::new(0), clock: Clock::system(), load });
    let ready = Arc::new(Barrier::new(threads));
    let workers: Vec<_> = (0..threads)
        .map(|i| {
            let (run, ready) = (Arc::clone(&run), Arc::clone(&ready));
            let share = connections / threads + usize::from(i < connections % threads);
            let name = format!("load-{i}");
            std::thread::Builder::new().name(name).spawn(move || run_thread(&run, &ready, share))
        })
        .collect::<Result<_, _>>()
        .context("start the threads of the load")?;
    let mut tally = Tally::default();
    for worker in workers {
        tally.join(worker.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))??);
    }
    let planned = run.load.shape.schedule.planned();
    let sent = run.next.load(Ordering::Relaxed);
    if sent < planned {
        tally.count(Ending::NotSent, planned - sent);
    }
    Ok(tally)
}

fn run_thread(run: &Arc<Run>, ready: &Barrier, connections: usize) -> anyhow::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tally = Rc::new(RefCell::new(Tally::default()));
    let local = tokio::task::LocalSet::new();
    // Every thread gets here, whatever happened, so that none waits in vain.
    ready.wait();
    let runtime = runtime.context("start a runtime of the load")?;
    for _ in 0..connections {
        local.spawn_local(drive(Arc::clone(run), Rc::clone(&tally)));
    }
    runtime.block_on(local);
    Ok(Rc::into_inner(tally).context("a connection of the load is still busy")?.into_inner())
}

/// One connection's life: takes the next request of the schedule, waits for its time, sends it, counts the answer.
async fn drive(run: Arc<Run>, tally: Rc<RefCell<Tally>>) {
    let mut connection = Connection::open(run.load.address).await.ok();
    tokio::time::sleep_until(run.start).await;
    let (mut scratch, mut request) = (Vec::new(), Vec::new());
    while let Some((number, offset)) = run.next().await {
        request.clear();
        run.load.traffic.write(number, &mut scratch, &mut request);
        let departed = instant();
        let is_measured = run.load.shape.schedule.is_measured(offset);
        let exchange = run.exchange(&mut connection, number, is_measured, &request, &tally);
        let sent = tokio::time::timeout(ANSWER_PATIENCE, exchange);
        let outcome = sent.await.unwrap_or(Err(Ending::TimedOut));
        let ended = instant().saturating_duration_since(run.start);
        let mut tally = tally.borrow_mut();
        if is_measured && departed.saturating_duration_since(run.start) <= run.load.shape.schedule.end() {
            tally.departed += 1;
        }
        if outcome.is_err() {
            connection = None;
        }
        run.settle(outcome, Request { number, offset, is_measured, departed, ended }, &mut tally);
    }
}

/// A request that has ended. Its times are spans since the start, but for its departure.
struct Request {
    number: u64,
    offset: Duration,
    is_measured: bool,
    departed: Instant,
    ended: Duration,
}

impl Run {
    /// Counts what came of a request.
    fn settle(&self, outcome: Result<Option<u64>, Ending>, request: Request, tally: &mut Tally) {
        let counters = &self.load.extras.counters;
        match outcome {
            Ok(Some(acked)) => {
                counters.acked.fetch_add(acked, Ordering::Relaxed);
                if request.is_measured {
                    let latency = request.ended.saturating_sub(request.offset);
                    note(&mut tally.latency, latency);
                    counters.note(latency);
                    tally.measured += acked;
                    tally.last = tally.last.max(request.ended);
                }
            }
            Ok(None) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                if request.is_measured {
                    note(&mut tally.refusals, request.departed.elapsed());
                }
            }
            Err(ending) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                self.load.traffic.lose(request.number, ending, tally);
            }
        }
    }

    /// The next request and the time, since the start, from which its latency counts.
    async fn next(&self) -> Option<(u64, Duration)> {
        let schedule = &self.load.shape.schedule;
        let elapsed = || instant().saturating_duration_since(self.start);
        if schedule.rate.is_some() {
            let grace = if self.load.extras.is_punctual { Duration::ZERO } else { GRACE };
            if elapsed() > schedule.end() + grace {
                return None;
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let offset = schedule.intended(number)?;
            if offset > elapsed() {
                tokio::time::sleep_until(self.start + offset).await;
            }
            return Some((number, offset));
        }
        let Extras { gate, limit, counters, .. } = &self.load.extras;
        let is_allowed = |number: u64| limit.is_none_or(|limit| number < limit);
        let may_send = || gate.as_ref().is_none_or(|gate| gate(counters.acked.load(Ordering::Relaxed)));
        while !may_send() && elapsed() < schedule.end() {
            tokio::time::sleep(GATE_POLL).await;
        }
        let offset = elapsed();
        if offset >= schedule.end() || !is_allowed(self.next.load(Ordering::Relaxed)) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        is_allowed(number).then_some((number, offset))
    }

    async fn exchange(
        &self,
        connection: &mut Option<Connection>,
        number: u64,
        is_measured: bool,
        request: &[u8],
        tally: &RefCell<Tally>,
    ) -> Result<Option<u64>, Ending> {
        let broken = |error: std::io::Error| Ending::Broken(error.kind());
        if connection.as_ref().is_none_or(|connection| !connection.is_reusable()) {
            match Connection::open(self.load.address).await {
                Ok(opened) => *connection = Some(opened),
                Err(error) => {
                    tokio::time::sleep(RECONNECT_AFTER).await;
                    return Err(broken(error));
                }
            }
        }
        let Some(connection) = connection else { return Err(Ending::Broken(std::io::ErrorKind::NotConnected)) };
        let answer = connection.send(request).await.map_err(broken)?;
        let now_us = self.clock.now().as_microsecond();
        let mut tally = tally.borrow_mut();
        let first_ack = tally.acks.len();
        let read = self.load.traffic.read(number, &answer, now_us, &mut tally);
        for ack in &mut tally.acks[first_ack..] {
            ack.is_measured = is_measured;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
