//! DEL-11 in small: a flood stays at home.

use proptest::prelude::*;

use super::*;

fn push(queue: &mut FairQueue<u8, u32, u32>, flow: u8, weight: u32, item: u32) {
    queue.push(flow, weight, Priority::Normal, item, item);
}

fn order(queue: &mut FairQueue<u8, u32, u32>, count: usize) -> Vec<u8> {
    (0..count).filter_map(|_| queue.pop().map(|(flow, _)| flow)).collect()
}

#[test]
fn del_11_a_newcomer_goes_right_after_a_flood_of_others() {
    let mut queue = FairQueue::default();
    (0..100_000).for_each(|item| push(&mut queue, 1, 1, item));
    assert_eq!(order(&mut queue, 500), vec![1; 500]);
    push(&mut queue, 2, 1, 7);
    assert!(order(&mut queue, 2).contains(&2));
}

#[test]
fn del_11_weights_share_the_turns() {
    let mut queue = FairQueue::default();
    for item in 0..1_000 {
        push(&mut queue, 1, 3, item);
        push(&mut queue, 2, 1, item);
    }
    let firsts = order(&mut queue, 400).into_iter().filter(|flow| *flow == 1).count();
    assert!((299..=301).contains(&firsts), "{firsts}");
}

#[test]
fn nobody_saves_up_turns_while_idle() {
    let mut queue = FairQueue::default();
    (0..1_000).for_each(|item| push(&mut queue, 1, 1, item));
    order(&mut queue, 900);
    (0..100).for_each(|item| push(&mut queue, 2, 1, item));
    let seconds = order(&mut queue, 20).into_iter().filter(|flow| *flow == 2).count();
    assert!((9..=11).contains(&seconds), "{seconds}");
}

#[test]
fn urgent_overtakes_and_recipients_take_turns() {
    let mut queue: FairQueue<u8, u32, &str> = FairQueue::default();
    for text in ["a1", "a2", "a3"] {
        queue.push(1, 1, Priority::Normal, 10, text);
    }
    queue.push(1, 1, Priority::Normal, 11, "b1");
    queue.push(1, 1, Priority::Urgent, 10, "now");
    let texts: Vec<&str> = std::iter::from_fn(|| queue.pop().map(|(_, text)| text)).collect();
    assert_eq!(texts, ["now", "a1", "b1", "a2", "a3"]);
}

proptest! {
    #[test]
    fn nothing_is_lost_or_doubled(pushes in proptest::collection::vec((0_u8..5, 1_u32..4, 0_u32..6), 0..300), pops in 0_usize..400) {
        let mut queue = FairQueue::default();
        let mut out = Vec::new();
        for (i, (flow, weight, recipient)) in pushes.iter().enumerate() {
            queue.push(*flow, *weight, Priority::ALL[i % 4], *recipient, i);
            if i * 7 % 11 < pops % 5 {
                out.extend(queue.pop().map(|(_, item)| item));
            }
        }
        out.extend(std::iter::from_fn(|| queue.pop()).map(|(_, item)| item));
        out.sort_unstable();
        prop_assert_eq!(out, (0..pushes.len()).collect::<Vec<_>>());
        prop_assert!(queue.is_empty());
    }
}
