//! DEL-2 in memory: one fate for one key.

use carepost_delivery::types::Payload;

use crate::delivery::testing::{at, message};

use super::*;

/// A message under a key, whose window ends after an hour.
fn keyed(key: u8, body: u8, second: i64) -> NewMessage {
    let idempotency = IdempotencyClaim { key_hash: [key; 16], fingerprint: [body; 16], expires_at: at(second + 3_600) };
    NewMessage { created_at: at(second), idempotency: Some(idempotency), ..message(Payload::default()) }
}

/// What comes back for a message: a promise where it is new, and the way on which the answer comes.
fn claim(
    memory: &Arc<KeyMemory>,
    message: &NewMessage,
) -> (Option<Promise>, oneshot::Receiver<Result<Accepted, EngineError>>) {
    let (answer, told) = oneshot::channel();
    (memory.claim(message, answer), told)
}

fn accepted(message: &NewMessage, replayed: bool) -> Accepted {
    Accepted { message_id: message.message_id, replayed }
}

#[test]
fn del_2_equal_keys_in_flight_share_one_fate_and_another_body_is_refused() {
    let memory = Arc::new(KeyMemory::default());
    let first = keyed(1, 1, 0);
    let (promise, mut of_first) = claim(&memory, &first);
    let (second, mut of_second) = claim(&memory, &keyed(1, 1, 1));
    let (third, mut of_third) = claim(&memory, &keyed(1, 2, 1));
    assert!(second.is_none() && third.is_none() && !memory.is_idle());
    assert_eq!(of_third.try_recv().unwrap(), Err(EngineError::KeyReused));
    assert!(of_second.try_recv().is_err(), "it waits");
    promise.unwrap().keep(Ok(accepted(&first, false)));
    assert_eq!(of_first.try_recv().unwrap(), Ok(accepted(&first, false)));
    assert_eq!(of_second.try_recv().unwrap(), Ok(accepted(&first, true)));
    assert!(memory.is_idle());
}

#[test]
fn del_2_a_key_is_remembered_until_the_end_of_its_window() {
    let memory = Arc::new(KeyMemory::default());
    let first = keyed(1, 1, 0);
    claim(&memory, &first).0.unwrap().keep(Ok(accepted(&first, false)));
    let (promise, mut told) = claim(&memory, &keyed(1, 1, 3_599));
    assert!(promise.is_none());
    assert_eq!(told.try_recv().unwrap(), Ok(accepted(&first, true)));
    assert_eq!(claim(&memory, &keyed(1, 2, 3_599)).1.try_recv().unwrap(), Err(EngineError::KeyReused));
    // The key is free again: the row decides.
    let late = keyed(1, 2, 3_600);
    claim(&memory, &late).0.expect("a new message").keep(Ok(accepted(&late, false)));
    assert_eq!(claim(&memory, &keyed(1, 2, 3_601)).1.try_recv().unwrap(), Ok(accepted(&late, true)));
}

#[test]
fn del_2_a_replay_that_a_row_told_of_is_not_remembered() {
    let memory = Arc::new(KeyMemory::default());
    let replayed = keyed(1, 1, 0);
    claim(&memory, &replayed).0.unwrap().keep(Ok(accepted(&replayed, true)));
    assert!(claim(&memory, &keyed(1, 1, 1)).0.is_some(), "only the row knows when its window ends");
}

#[test]
fn del_2_a_promise_that_dies_is_answered_and_frees_its_key() {
    let memory = Arc::new(KeyMemory::default());
    let (promise, mut of_first) = claim(&memory, &keyed(1, 1, 0));
    let (_, mut of_second) = claim(&memory, &keyed(1, 1, 0));
    drop(promise);
    for told in [&mut of_first, &mut of_second] {
        assert_eq!(told.try_recv().unwrap(), Err(EngineError::restarting()));
    }
    assert!(claim(&memory, &keyed(1, 1, 1)).0.is_some());
}

#[test]
fn del_12_the_memory_of_keys_is_bounded() {
    let memory = Arc::new(KeyMemory::default());
    for number in 0..=REMEMBERED {
        let mut one = keyed(1, 1, 0);
        let key = u128::try_from(number).unwrap().to_le_bytes();
        one.idempotency.as_mut().unwrap().key_hash = key;
        claim(&memory, &one).0.unwrap().keep(Ok(accepted(&one, false)));
    }
    let held = memory.memory();
    assert_eq!((held.recent.len(), held.order.len()), (REMEMBERED, REMEMBERED));
    assert!(!held.recent.contains_key(&[0; 16]), "the oldest went");
}
