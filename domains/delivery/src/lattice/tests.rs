//! DEL-6: every order and duplication of up to six receipts, before and after the send answer, ends in one state.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

#[derive(Debug, Clone, Copy)]
enum News {
    Answer,
    Receipt(ReceiptStatus),
}

fn told(standing: Standing, news: News) -> Standing {
    match news {
        News::Answer => standing.answer(1, DeliveryState::Sent),
        News::Receipt(status) => standing.receive(1, status),
    }
}

fn permutations(items: &[News]) -> Vec<Vec<News>> {
    if items.len() <= 1 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for i in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(i);
        for mut tail in permutations(&rest) {
            tail.insert(0, first);
            all.push(tail);
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn del_6_all_orders_and_duplications_of_six_receipts_converge(
        receipts in proptest::collection::vec(select(ReceiptStatus::ALL.to_vec()), 1..=6),
        twice: Index,
    ) {
        let mut news: Vec<News> = receipts.iter().copied().map(News::Receipt).collect();
        news.push(News::Answer);
        let started = Standing::START.start(1);
        let expected = news.iter().fold(started, |standing, one| told(standing, *one));
        for order in permutations(&news) {
            let again = order[twice.index(order.len())];
            let mut standing = started;
            for one in order {
                let next = told(standing, one);
                prop_assert!(next.state >= standing.state, "a state sank");
                standing = next;
            }
            prop_assert_eq!(told(standing, again), expected);
        }
    }

    #[test]
    fn del_6_a_start_between_receipts_of_the_first_attempt_changes_no_end(
        receipts in proptest::collection::vec(select(ReceiptStatus::ALL.to_vec()), 1..=6),
        at: Index,
    ) {
        // The second attempt's own answer is the last word on what is below `delivered`.
        let end = |start_at: usize| {
            let mut standing = Standing::START.start(1);
            for (i, status) in receipts.iter().enumerate() {
                if i == start_at {
                    standing = standing.start(2).answer(2, DeliveryState::Sent);
                }
                standing = standing.receive(1, *status);
            }
            if start_at >= receipts.len() {
                standing = standing.start(2).answer(2, DeliveryState::Sent);
            }
            standing
        };
        prop_assert_eq!(end(at.index(receipts.len())), end(receipts.len()));
    }
}

#[test]
fn del_6_an_open_implies_delivered_and_a_hard_bounce_wins() {
    let standing = Standing::START.start(1).receive(1, ReceiptStatus::Opened);
    assert!(standing.state.is_positive());
    assert_eq!(standing.receive(1, ReceiptStatus::Delivered).state, DeliveryState::Opened);
    assert_eq!(standing.receive(1, ReceiptStatus::Bounced).state, DeliveryState::Bounced);
}

#[test]
fn a_late_failure_of_an_earlier_attempt_does_not_end_its_successor() {
    let second = Standing::START.start(1).start(2).answer(2, DeliveryState::Sent);
    assert_eq!(second.receive(1, ReceiptStatus::Undelivered), second);
    assert_eq!(second.receive(1, ReceiptStatus::Delivered).state, DeliveryState::Delivered);
}
