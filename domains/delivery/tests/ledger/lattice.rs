//! DEL-6: the model of `lattice.rs` and the SQL of the ledger say the same, for whatever comes in whatever order.

use carepost_delivery::lattice::{ANY_ATTEMPT, Standing};
use carepost_delivery::ledger::LedgerBatch;
use carepost_delivery::{DeliveryState, Strategy as Plan};
use carepost_kernel::{Channel, MessageId, ReceiptStatus};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::{World, outcome};

/// One thing that is told of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// A call is about to be made.
    Start(i16),
    /// The answer to a call: taken, or nobody knows.
    Answer(i16, DeliveryState),
    /// What the provider says later; equal numbers are copies.
    Receipt(i16, ReceiptStatus, u8),
}

fn news() -> impl Strategy<Value = News> {
    let attempt = 1..=2_i16;
    let answer = prop_oneof![Just(DeliveryState::Sent), Just(DeliveryState::Unknown)];
    let status = proptest::sample::select(ReceiptStatus::ALL.to_vec());
    prop_oneof![
        2 => attempt.clone().prop_map(News::Start),
        2 => (attempt.clone(), answer).prop_map(|(attempt_no, state)| News::Answer(attempt_no, state)),
        4 => (attempt, status, 0..2_u8).prop_map(|(attempt_no, status, copy)| News::Receipt(attempt_no, status, copy)),
    ]
}

/// The model, with what decides whether a call may start.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Model {
    standing: Standing,
    is_open: bool,
}

impl Model {
    const START: Self = Self { standing: Standing::START, is_open: true };

    fn take(self, news: News) -> Self {
        let Self { standing, is_open } = self;
        match news {
            News::Start(attempt_no) => {
                let may = is_open && attempt_no == standing.attempt_no + 1 && standing.state < ANY_ATTEMPT;
                if may { Self { standing: standing.start(attempt_no), is_open } } else { self }
            }
            News::Answer(attempt_no, state) => {
                // Before its start there is no answer.
                if standing.attempt_no == 0 {
                    self
                } else {
                    Self { standing: standing.answer(attempt_no, state), is_open }
                }
            }
            News::Receipt(attempt_no, status, _) => {
                let after = standing.receive(attempt_no, status);
                let is_bad = matches!(after.state, DeliveryState::Undelivered | DeliveryState::Bounced);
                let is_open = match after.state {
                    state if state == standing.state => is_open,
                    _ if is_bad => true,
                    state => is_open && state < DeliveryState::Undelivered,
                };
                Self { standing: after, is_open }
            }
        }
    }
}

/// A batch in the order in which the ledger takes it.
fn in_order(batch: &[News]) -> Vec<News> {
    let rank = |news: &News| match news {
        News::Answer(..) => 0,
        News::Receipt(..) => 1,
        News::Start(_) => 2,
    };
    let mut sorted = batch.to_vec();
    sorted.sort_by_key(rank);
    sorted
}

async fn commit(world: &World, message_id: MessageId, news: &[News]) {
    let key = world.key(message_id, Channel::Sms);
    let mut batch = LedgerBatch::default();
    for one in news {
        match *one {
            News::Start(attempt_no) => batch.starts.push(world.start(key, attempt_no)),
            News::Answer(attempt_no, state) => batch.decisions.push(outcome(key, attempt_no, state, true)),
            News::Receipt(attempt_no, status, copy) => {
                batch.receipts.push(world.receipt(key, attempt_no, status, copy))
            }
        }
    }
    world.commit(batch).await;
}

#[test]
fn del_6_the_ledger_ends_where_the_lattice_does_for_any_order_and_any_copies() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner = TestRunner::new(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() });
    // Up to six, cut into batches of one to three.
    let told = proptest::collection::vec(proptest::collection::vec(news(), 1..=3), 1..=4)
        .prop_filter("up to six", |batches| batches.iter().map(Vec::len).sum::<usize>() <= 6)
        // One delivery has one caller.
        .prop_filter("one start at a time", |batches| {
            batches.iter().all(|batch| batch.iter().filter(|news| matches!(news, News::Start(_))).count() <= 1)
        });
    let compared = runner.run(&told, |batches| {
        let (found, events) = runtime.block_on(async {
            let message_id = world.message(Plan::Fallback, &[Channel::Sms]).await;
            for batch in &batches {
                commit(&world, message_id, batch).await;
            }
            let key = world.key(message_id, Channel::Sms);
            let receipts = world.history(key).await.iter().filter(|(kind, _)| *kind as u8 == 4).count();
            (world.row(key).await.unwrap(), receipts)
        });
        let model = batches.iter().flat_map(|batch| in_order(batch)).fold(Model::START, Model::take);
        prop_assert_eq!(found, (model.standing.attempt_no, model.standing.state, model.is_open));
        let told: Vec<News> = batches.concat().into_iter().filter(|news| matches!(news, News::Receipt(..))).collect();
        let mut distinct: Vec<News> = Vec::new();
        for one in told {
            if !distinct.contains(&one) {
                distinct.push(one);
            }
        }
        prop_assert_eq!(events, distinct.len(), "each receipt is in the history once");
        Ok(())
    });
    compared.unwrap();
}
