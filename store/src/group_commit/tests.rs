//! Bounds, order and left-overs of batches.

use super::*;

const POLICY: BatchPolicy = BatchPolicy { max_rows: 3, max_bytes: 100, linger: Duration::from_millis(1) };

fn filled(sizes: &[usize]) -> Batcher<usize> {
    let mut batcher = Batcher::new(POLICY);
    for (i, size) in sizes.iter().enumerate() {
        batcher.push(i, *size);
    }
    batcher
}

#[test]
fn a_batch_is_full_by_rows_or_by_bytes() {
    assert!(!filled(&[1, 1]).is_full());
    assert!(filled(&[1, 1, 1]).is_full());
    assert!(filled(&[60, 40]).is_full());
}

#[test]
fn a_batch_is_ready_when_full_or_old_and_never_when_empty() {
    let moment = Duration::from_micros(10);
    assert!(!filled(&[1]).is_ready(moment));
    assert!(filled(&[1]).is_ready(POLICY.linger));
    assert!(filled(&[100]).is_ready(moment));
    assert!(!filled(&[]).is_ready(Duration::from_secs(1)));
}

#[test]
fn taking_keeps_the_order_and_leaves_the_rest() {
    let mut batcher = filled(&[1, 1, 1, 1, 1]);
    assert_eq!(batcher.take(), [0, 1, 2]);
    assert_eq!((batcher.len(), batcher.bytes()), (2, 2));
    assert_eq!(batcher.take(), [3, 4]);
    assert_eq!(batcher.take(), [0_usize; 0]);
}

#[test]
fn a_row_over_the_bound_goes_alone_rather_than_never() {
    let mut batcher = filled(&[500, 1]);
    assert_eq!(batcher.take(), [0]);
    assert_eq!(batcher.take(), [1]);
    let mut batcher = Batcher::new(BatchPolicy { max_rows: 0, ..POLICY });
    batcher.push(7, 1);
    assert_eq!(batcher.take(), [7]);
}
