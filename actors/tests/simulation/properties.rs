//! What must be true when a world has come to its end. (What must be true at each moment is asked in `plants.rs`,
//! `vendor.rs` and `traffic.rs`.)

use std::collections::{BTreeMap, BTreeSet};

use carepost_delivery::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind, lattice};
use carepost_kernel::FailureClass;
use carepost_tenancy::types::UnknownPolicy;
use jiff::SignedDuration;

use crate::book::{Book, Truth};
use crate::model::{Row, Tables};
use crate::world::{CALM_AFTER_MS, LARGE_WINDOW, World};

/// After the end of all faults: breakers close, paces recover, leases run out.
const SETTLES_IN_MS: u64 = 15_000;
/// What is due for longer was forgotten.
const OVERDUE_S: i64 = 8;

impl World {
    /// Everything that was begun has come to its end.
    pub(crate) fn is_settled(&self) -> bool {
        let tables = self.tables();
        let is_matched = tables
            .parked
            .keys()
            .any(|(tenant, account, reference, _)| tables.refs.contains_key(&(*tenant, *account, reference.clone())));
        let is_open = tables.deliveries.values().any(|row| row.is_open);
        drop(tables);
        !is_open && !is_matched && self.book().underway == 0
    }

    /// DEL-3: once it is calm, what is due is looked at.
    pub(crate) fn nothing_is_overdue(&self) {
        // Over a window that is full, a row waits until there is room.
        let has_room = self.tuning.window >= LARGE_WINDOW;
        if !has_room || self.now_ms() < CALM_AFTER_MS + SETTLES_IN_MS {
            return;
        }
        let longest = SignedDuration::from_secs(OVERDUE_S);
        let now = self.clock.now();
        let tables = self.tables();
        for (key, row) in tables.deliveries.iter().filter(|(_, row)| row.is_open) {
            let is_overdue = now.duration_since(row.due_at) > longest;
            let (state, reason) = (row.state.as_str(), row.reason);
            self.require(!is_overdue, &format!("DEL-3: overdue: {state}, for {reason:?}"), *key);
        }
    }

    /// What was promised and not kept.
    pub(crate) fn judge(&self) -> Vec<String> {
        let clinics = self.clinics();
        let (tables, book) = (self.tables(), self.book());
        let mut broken = book.broken.clone();
        del_1(&tables, &book, &mut broken);
        del_2(&tables, &book, &mut broken);
        let mut histories: BTreeMap<DeliveryKey, Vec<&DeliveryEvent>> = BTreeMap::new();
        for event in tables.events.values() {
            histories.entry(event.key).or_default().push(event);
        }
        for (key, row) in &tables.deliveries {
            let clinic = clinics.iter().find(|clinic| clinic.tenant_id == key.tenant_id);
            let message = tables.messages.get(&(key.tenant_id, key.message_id));
            let may_resend = clinic.zip(message).is_some_and(|(clinic, message)| {
                clinic.settings.unknown_policy(message.purpose) == UnknownPolicy::ResendMayDuplicate
            });
            let history = histories.get(key).map_or(&[][..], Vec::as_slice);
            let one = Life { key: *key, row, history, book: &book, may_resend };
            let named = book.names.key(*key);
            broken.extend(one.faults().into_iter().map(|fault| format!("{fault}: {named}")));
        }
        del_6(&tables, &book, &mut broken);
        if book.underway > 0 {
            broken.push(format!("no end of callers, vendors or troubles: {}", book.underway));
        }
        broken
    }
}

/// Acked is kept, and comes to its end.
fn del_1(tables: &Tables, book: &Book, broken: &mut Vec<String>) {
    for (tenant_id, message_id) in &book.acked {
        let name = book.names.message(*message_id);
        if !tables.messages.contains_key(&(*tenant_id, *message_id)) {
            broken.push(format!("DEL-1: acknowledged and gone: {name}"));
        }
        if tables.deliveries_of(*tenant_id, *message_id).next().is_none() {
            broken.push(format!("DEL-1: acknowledged without a delivery: {name}"));
        }
    }
    for (key, row) in tables.deliveries.iter().filter(|(_, row)| row.is_open) {
        let (name, state, reason) = (book.names.key(*key), row.state.as_str(), row.reason);
        broken.push(format!("DEL-1: acknowledged and never finished: {name} is {state} for {reason:?}"));
    }
}

/// One key, one message, and one body.
fn del_2(tables: &Tables, book: &Book, broken: &mut Vec<String>) {
    for ((_, key), keyed) in &book.keyed {
        let messages: BTreeSet<_> = keyed.acked.iter().map(|(message_id, _)| message_id).collect();
        let bodies: BTreeSet<_> = keyed.acked.iter().map(|(_, body)| body).collect();
        if messages.len() > 1 {
            broken.push(format!("DEL-2: answered with several messages: {key} with {}", messages.len()));
        }
        if bodies.len() > 1 {
            broken.push(format!("DEL-2: several bodies were acknowledged: {key} with {}", bodies.len()));
        }
    }
    let mut kept: BTreeMap<_, u32> = BTreeMap::new();
    for message in tables.messages.values() {
        if let Some(claim) = message.idempotency {
            *kept.entry((message.tenant_id, claim.key_hash)).or_default() += 1;
        }
    }
    for count in kept.values().filter(|count| **count > 1) {
        broken.push(format!("DEL-2: several messages are kept of one key: {count}"));
    }
}

/// Receipts that were acknowledged are in the history, or parked for an id that nobody knows.
fn del_6(tables: &Tables, book: &Book, broken: &mut Vec<String>) {
    let told: BTreeSet<_> =
        tables.events.values().filter_map(|event| event.receipt_key.map(|key| (event.key.tenant_id, key))).collect();
    let parked: BTreeSet<_> = tables.parked.keys().map(|(tenant_id, _, _, key)| (*tenant_id, *key)).collect();
    let lost = book.receipts.iter().filter(|one| !told.contains(one) && !parked.contains(one)).count();
    if lost > 0 {
        broken.push(format!("DEL-6: receipts were acknowledged and are gone: {lost}"));
    }
    let is_known = |(tenant, account, reference, _): &&(_, _, carepost_kernel::ProviderRef, _)| {
        tables.refs.contains_key(&(*tenant, *account, reference.clone()))
    };
    let unmatched = tables.parked.keys().filter(is_known).count();
    if unmatched > 0 {
        broken.push(format!("DEL-6: parked receipts were never matched: {unmatched}"));
    }
}

/// One delivery with all that is known of it.
struct Life<'a> {
    key: DeliveryKey,
    row: &'a Row,
    history: &'a [&'a DeliveryEvent],
    book: &'a Book,
    /// The tenant's policy has an unknown outcome of this purpose sent again.
    may_resend: bool,
}

impl Life<'_> {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        self.every_call_is_told(&mut faults);
        self.unknown_is_not_resent_in_silence(&mut faults);
        self.only_some_are_resent(&mut faults);
        self.state_is_the_join(&mut faults);
        self.throttles_count_nothing(&mut faults);
        self.cancelled_stays(&mut faults);
        faults
    }

    fn of(&self, attempt_no: i16) -> impl Iterator<Item = &&DeliveryEvent> {
        self.history.iter().filter(move |event| event.attempt_no == attempt_no)
    }

    fn truth(&self, attempt_no: i16) -> Option<Truth> {
        self.book.calls.get(&(self.key, attempt_no)).map(|call| call.truth)
    }

    /// DEL-4: each attempt is started once, one after the other, and what came of it is told.
    fn every_call_is_told(&self, faults: &mut Vec<String>) {
        for attempt_no in 1..=self.row.attempt_no {
            let starts = self.of(attempt_no).filter(|event| event.kind == EventKind::AttemptStarted).count();
            if starts != 1 {
                faults.push(format!("DEL-4: not one start: attempt {attempt_no} has {starts}"));
            }
            let is_end = |event: &&&DeliveryEvent| {
                matches!(
                    event.kind,
                    EventKind::AttemptFinished | EventKind::Closed | EventKind::LookedUp | EventKind::ReceiptMerged
                )
            };
            // Once it has arrived nobody looks for what became of an attempt that was cut off.
            if self.row.state < lattice::ANY_ATTEMPT && self.of(attempt_no).find(is_end).is_none() {
                faults.push(format!("DEL-5: nothing is told of the end of attempt {attempt_no}"));
            }
        }
    }

    /// DEL-5: whatever follows an attempt has a reason that is true, or is marked as a possible duplicate.
    fn unknown_is_not_resent_in_silence(&self, faults: &mut Vec<String>) {
        for attempt_no in 1..self.row.attempt_no {
            let truth = self.truth(attempt_no);
            let is_reason = |event: &&&DeliveryEvent| {
                let code = event.code.as_deref().unwrap_or_default();
                match (event.kind, event.failure_class) {
                    (EventKind::AttemptFinished, _) if is_marked(event) => true,
                    (EventKind::AttemptFinished, None) => code == "not_called" && truth.is_none(),
                    (EventKind::AttemptFinished, Some(class)) => truth == Some(Truth::Refused(class)),
                    (EventKind::LookedUp, _) => {
                        code == "not_found_at_provider" && matches!(truth, None | Some(Truth::Lost))
                    }
                    (EventKind::ReceiptMerged, Some(FailureClass::Transient)) => {
                        event.state == Some(DeliveryState::Undelivered)
                    }
                    _ => false,
                }
            };
            if self.of(attempt_no).find(is_reason).is_none() {
                faults.push(format!("DEL-5: sent again without a word after attempt {attempt_no} ({truth:?})"));
            }
        }
    }

    /// DEL-5: what may have been taken is sent again by policy only.
    fn only_some_are_resent(&self, faults: &mut Vec<String>) {
        if let Some(event) = self.history.iter().find(|event| is_marked(event) && !self.may_resend) {
            faults.push(format!("DEL-5: sent again against the policy of its purpose: attempt {}", event.attempt_no));
        }
    }

    /// DEL-6: from `delivered` on, the state is the highest of all that was told.
    fn state_is_the_join(&self, faults: &mut Vec<String>) {
        let receipts = self.history.iter().filter(|event| event.kind == EventKind::ReceiptMerged);
        let told =
            receipts.clone().filter_map(|event| event.state).filter(|state| *state >= lattice::ANY_ATTEMPT).max();
        let stands = Some(self.row.state).filter(|state| *state >= lattice::ANY_ATTEMPT);
        if told != stands {
            faults.push(format!("DEL-6: not the join: it is {:?}, and the highest told is {told:?}", self.row.state));
        }
        let mut keys = BTreeSet::new();
        if !receipts.clone().all(|event| event.receipt_key.is_none_or(|key| keys.insert(key))) {
            faults.push("DEL-6: a receipt is in the history twice".to_owned());
        }
    }

    /// DEL-7: no more failures are counted than there were.
    fn throttles_count_nothing(&self, faults: &mut Vec<String>) {
        let counts = |event: &&&DeliveryEvent| {
            let class = event.failure_class;
            class.is_some_and(|class| !matches!(class, FailureClass::Throttled | FailureClass::ConfigFault))
        };
        let most = self.history.iter().filter(counts).count();
        if usize::try_from(self.row.failures).unwrap_or(0) > most {
            faults.push(format!("DEL-7: more failures than there were: {} for {most}", self.row.failures));
        }
    }

    /// What was taken back is not sent any more.
    fn cancelled_stays(&self, faults: &mut Vec<String>) {
        let Some(cancelled_ms) = self.book.cancelled.get(&self.key) else { return };
        let of_ours = self.book.calls.iter().filter(|((key, _), _)| *key == self.key);
        if of_ours.into_iter().any(|(_, call)| call.at_ms > *cancelled_ms) {
            faults.push("it was taken back, and sent all the same".to_owned());
        }
    }
}

/// Said of an outcome that is unknown, where the message is sent again for all that.
fn is_marked(event: &DeliveryEvent) -> bool {
    event.code.as_deref().is_some_and(|code| code.ends_with("_may_duplicate"))
}
