//! Stages of the window, and what moves between them.

use carepost_consent::types::ContactFacts;
use carepost_delivery::types::Payload;

use crate::delivery::channel::instant;
use crate::delivery::testing::{at, delivery};

use super::*;

/// A book that knows the one address of these tests.
fn book() -> Arc<FactsBook> {
    let book = FactsBook::new(10);
    let key = address_of(&delivery(Payload::default()));
    let facts = ContactFacts { key, people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() };
    book.learn(book.begin(), vec![facts]);
    Arc::new(book)
}

fn window() -> Window {
    Window::new(10, Arc::new(ByteBudget::new(1 << 20)), book())
}

fn put(window: &mut Window, reason: WaitReason, stage: Stage) -> MessageId {
    let delivery = Delivery { reason: Some(reason), ..delivery(Payload::default()) };
    let message_id = delivery.key.message_id;
    window.put(delivery, stage, false, instant());
    message_id
}

#[test]
fn del_3_a_ready_one_expires_in_time_even_if_its_turn_never_comes() {
    let mut window = window();
    let message_id = put(&mut window, WaitReason::Dispatch, Stage::Ready);
    assert_eq!((window.pop_expired(at(59)), window.next_due()), (None, Some(at(60))));
    assert_eq!(window.pop_expired(at(60)), Some(message_id));
    assert_eq!((window.pop_ready(), window.next_due()), (None, None), "it is away");
    window.forget(message_id);
    let message_id = put(&mut window, WaitReason::Dispatch, Stage::Ready);
    assert_eq!(window.pop_ready(), Some(message_id));
    assert_eq!((window.pop_expired(at(60)), window.next_due()), (None, None), "its turn came first");
}

#[test]
fn a_changed_configuration_sets_free_what_waits_for_one() {
    let mut window = window();
    let later = Stage::Waiting(at(30));
    let freed = [WaitReason::Paused, WaitReason::ProviderConfig, WaitReason::TenantLimit, WaitReason::BreakerOpen]
        .map(|reason| put(&mut window, reason, later));
    let kept = [WaitReason::Backoff, WaitReason::Scheduled, WaitReason::QuietHours]
        .map(|reason| put(&mut window, reason, later));
    let away = put(&mut window, WaitReason::Dispatch, Stage::Away);
    window.reconsider(&PutOff::ByConfiguration, instant());
    let ready: BTreeSet<MessageId> = std::iter::from_fn(|| window.pop_ready()).collect();
    assert_eq!(ready, BTreeSet::from(freed));
    let due: BTreeSet<MessageId> = std::iter::from_fn(|| window.pop_due(at(30))).collect();
    assert_eq!(due, BTreeSet::from(kept));
    assert!(window.get(away).is_some_and(|held| held.is_outdated), "what is decided of it meanwhile may not hold");
}

fn sized(payload_bytes: usize, priority: Priority) -> Delivery {
    Delivery { payload_bytes, priority, ..delivery(Payload::default()) }
}

#[test]
fn del_12_windows_share_their_bytes_and_give_them_back() {
    let budget = Arc::new(ByteBudget::new(1 << 20));
    let (mut one, mut other) =
        (Window::new(10, Arc::clone(&budget), book()), Window::new(10, Arc::clone(&budget), book()));
    assert!(one.has_room(Priority::Normal, 9 << 20), "an empty window takes one of whatever size");
    one.put(sized(1 << 20, Priority::Normal), Stage::Away, false, instant());
    assert!(!one.has_room(Priority::Normal, 1) && !one.has_room_for_page(Priority::Normal));
    other.put(sized(1, Priority::Normal), Stage::Away, false, instant());
    assert!(other.has_room(Priority::Normal, OWN_BYTES - 1), "del_11: nobody takes the last bytes of others");
    assert!(!other.has_room(Priority::Normal, OWN_BYTES));
    assert_eq!(other.page_rows(), [19, 19, 14, 9].map(|room: usize| room.min(SHORT_PAGE)));
    drop(one);
    assert!(other.has_room(Priority::Normal, (1 << 20) - 1) && !other.has_room(Priority::Normal, 1 << 20));
    drop(other);
    assert!(budget.has_room(1 << 20));
}

#[test]
fn what_hurries_has_more_room() {
    let mut window = window();
    (0..10).for_each(|_| window.put(sized(1, Priority::Bulk), Stage::Away, false, instant()));
    assert!(!window.has_room(Priority::Bulk, 1) && window.has_room(Priority::Normal, 1));
    (0..5).for_each(|_| window.put(sized(1, Priority::Normal), Stage::Away, false, instant()));
    assert!(!window.has_room(Priority::Normal, 1) && window.has_room(Priority::Urgent, 1));
    assert!(!window.has_room_for_page(Priority::Urgent), "half a window is not free for a page");
}

#[test]
fn del_8_what_goes_to_an_unknown_address_is_asked_about_before_it_is_ready() {
    let book = Arc::new(FactsBook::new(10));
    let mut window = Window::new(10, Arc::new(ByteBudget::new(1 << 20)), Arc::clone(&book));
    let first = put(&mut window, WaitReason::Dispatch, Stage::Ready);
    let second = put(&mut window, WaitReason::Dispatch, Stage::Ready);
    let gone = put(&mut window, WaitReason::Dispatch, Stage::Ready);
    assert_eq!(window.pop_ready(), None);
    let keys = window.take_unasked(512);
    assert_eq!((keys.len(), window.take_unasked(512).len()), (1, 0), "an address is asked about once");
    window.forget(gone);
    // Nothing was learnt: they are asked about again.
    window.answered(&keys, instant());
    assert_eq!((window.pop_ready(), window.take_unasked(512)), (None, keys.clone()));
    let facts = ContactFacts { key: keys[0], people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() };
    book.learn(book.begin(), vec![facts]);
    window.answered(&keys, instant());
    let ready: BTreeSet<MessageId> = std::iter::from_fn(|| window.pop_ready()).collect();
    assert_eq!(ready, BTreeSet::from([first, second]));
}
