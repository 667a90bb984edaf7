//! What must be true of a world at its end: the vendors' calls, held against the history and the rows.

use std::collections::{BTreeMap, BTreeSet};

use carepost_delivery::types::{DeliveryState, EventKind, GateReading, GateRecord, RuleSaid, Ruling};
use carepost_kernel::{Channel, PhiHandling, Purpose};
use carepost_providers::simulator::Call;
use uuid::Uuid;

use super::draw::HEALTH;
use super::life::{Life, Way};
use super::{OUTSIDE, Seen};

/// Rules that are not asked about the one answer to whoever has written: `answers_to_reader` in the gate.
const SPARED: [&str; 8] =
    ["suppression", "consent", "preference", "digest", "quiet_hours", "caps", "identification", "length"];
const RULES: usize = 15;
/// What is put in the place of health words begins like this, in both languages of the guard's notices.
const NOTICE: [&str; 2] = ["secure message", "mensaje seguro"];

/// A message, as its row has it.
struct Message {
    purpose: Purpose,
    is_fallback: bool,
    first_channel: Option<Channel>,
    /// Made by the program itself, to somebody who has written.
    is_answer: bool,
}

struct Delivery {
    key: (Uuid, Channel),
    state: i16,
    is_open: bool,
    is_finished: bool,
    /// It waits, with a reason, for a time to come.
    is_waiting: bool,
    code: Option<String>,
}

struct Event {
    key: (Uuid, Channel),
    kind: EventKind,
    attempt_no: i16,
    code: Option<String>,
    gate: Option<GateReading>,
}

impl Event {
    fn rules(&self) -> &[RuleSaid] {
        self.gate.as_ref().map(|gate| gate.rules.as_slice()).unwrap_or_default()
    }

    /// Each rule is there, and each says go.
    fn is_cleared(&self) -> bool {
        self.rules().len() == RULES && self.rules().iter().all(|said| said.ruling == Ruling::Go)
    }

    fn is_replaced(&self) -> bool {
        self.rules().iter().any(|said| said.code.as_deref() == Some("replaced_by_link"))
    }
}

/// The whole of a world, read once.
struct Book {
    messages: BTreeMap<Uuid, Message>,
    deliveries: Vec<Delivery>,
    events: Vec<Event>,
    in_bulk: u64,
    inbox: BTreeSet<Uuid>,
    seen: Seen,
    faults: Vec<String>,
}

/// What is wrong with the world, and what happened in it.
pub(super) async fn check(life: &Life<'_>) -> (Seen, Vec<String>) {
    // The calls first: whatever they were made for stands in the history before them (DEL-4).
    let calls: Vec<Call> = OUTSIDE.into_iter().flat_map(|vendor| life.world.simulator.calls(vendor)).collect();
    let mut book = read(life).await;
    book.check_calls(life, &calls);
    book.check_starts();
    book.check_answers(life, &calls);
    book.check_refusals();
    book.check_ends(life);
    (book.seen, book.faults)
}

async fn read(life: &Life<'_>) -> Book {
    let (owner, tenant) = (&life.world.database.owner, life.clinic.id.parse::<Uuid>().unwrap());
    let channel = |number: i16| Channel::from_i16(number).expect("a channel");
    let sql = "SELECT message_id, purpose, strategy, channels, api_key_id IS NULL FROM messages WHERE tenant_id = $1";
    let messages = owner.query(sql, &[&tenant]).await.unwrap().into_iter().map(|row| {
        let plan: Vec<u8> = row.get(3);
        let message = Message {
            purpose: Purpose::from_i16(row.get(1)).expect("a purpose"),
            // carepost_delivery::Strategy: 1 is one channel after the other.
            is_fallback: row.get::<_, i16>(2) == 1,
            first_channel: plan.first().map(|number| channel(i16::from(*number))),
            is_answer: row.get(4),
        };
        (row.get(0), message)
    });
    let messages = messages.collect();
    // carepost_kernel::WaitReason: 3 quiet hours, 15 caps, as in `settle`.
    let sql = "SELECT message_id, channel, state, is_open, finished_at IS NOT NULL,
                      reason IS NOT NULL AND (due_at > now() OR reason IN (3, 15)), code
               FROM deliveries WHERE tenant_id = $1";
    let deliveries = owner.query(sql, &[&tenant]).await.unwrap().into_iter().map(|row| Delivery {
        key: (row.get(0), channel(row.get(1))),
        state: row.get(2),
        is_open: row.get(3),
        is_finished: row.get(4),
        is_waiting: row.get(5),
        code: row.get(6),
    });
    let deliveries = deliveries.collect();
    let sql = "SELECT message_id, channel, kind, attempt_no, code, gate FROM delivery_events WHERE tenant_id = $1
               ORDER BY event_id";
    let events = owner.query(sql, &[&tenant]).await.unwrap().into_iter().map(|row| Event {
        key: (row.get(0), channel(row.get(1))),
        kind: EventKind::from_i16(row.get(2)).expect("a kind of event"),
        attempt_no: row.get(3),
        code: row.get(4),
        gate: row.get::<_, Option<Vec<u8>>>(5).map(|bytes| GateRecord::from_bytes(&bytes).read().expect("a record")),
    });
    let events = events.collect();
    let sql = "SELECT message_id FROM in_app_messages WHERE tenant_id = $1";
    let inbox = owner.query(sql, &[&tenant]).await.unwrap().into_iter().map(|row| row.get(0)).collect();
    let mut in_bulk = 0;
    for bulk in &life.bulks {
        in_bulk += bulk.progress().await["rows"]["enqueued"].as_u64().unwrap();
    }
    Book { messages, deliveries, events, in_bulk, inbox, seen: Seen::default(), faults: Vec::new() }
}

/// An address as the worlds write it: some vendors leave the plus out.
fn address(call: &Call, channel: Channel) -> String {
    if channel == Channel::Sms { format!("+{}", call.to.trim_start_matches('+')) } else { call.to.clone() }
}

impl Book {
    fn fault(&mut self, what: &str, of: impl std::fmt::Debug) {
        self.faults.push(format!("{what}: {of:?}"));
    }

    /// Each call has the one start that was cleared for it, shows nothing that must stay in, and reaches nobody who is shut.
    fn check_calls(&mut self, life: &Life<'_>, calls: &[Call]) {
        let mut called = BTreeSet::new();
        for call in calls {
            let attempt = call.attempt.expect("each call names its attempt");
            let (id, channel) = (attempt.message_id.as_uuid(), attempt.channel);
            if !self.messages.contains_key(&id) {
                continue;
            }
            self.seen.calls += 1;
            if !called.insert((id, channel, attempt.attempt_no)) {
                self.fault("one attempt was called for twice", attempt);
            }
            let is_start = |event: &&Event| {
                event.kind == EventKind::AttemptStarted
                    && event.key == (id, channel)
                    && event.attempt_no == attempt.attempt_no
            };
            let [started] = self.events.iter().filter(is_start).collect::<Vec<_>>()[..] else {
                self.fault("a call without the one start of its own", attempt);
                continue;
            };
            let (is_cleared, is_replaced) = (started.is_cleared(), started.is_replaced());
            let version = started.gate.as_ref().map_or(0, |gate| gate.policy_version);
            if !is_cleared {
                let rules = started.rules().to_vec();
                self.fault("a call that not every rule let go", (attempt, rules));
            }
            self.check_words(life, call, channel, (version, is_replaced));
            self.check_reader(life, call, (id, channel));
            self.note_way(life, (id, channel), attempt.attempt_no);
        }
    }

    fn check_words(&mut self, life: &Life<'_>, call: &Call, channel: Channel, (version, is_replaced): (u32, bool)) {
        let words = format!("{} {}", call.subject.as_deref().unwrap_or_default(), call.text).to_lowercase();
        let handling = life.policies.get(&version).map(|policy| policy.phi.by_channel.get(&channel).copied());
        let Some(handling) = handling else { return self.fault("decided by a policy that nobody made", version) };
        let speaks_of_health = words.contains(HEALTH);
        match handling.unwrap_or_default() {
            PhiHandling::Off if speaks_of_health => self.seen.saw("call: health words where nobody looks"),
            PhiHandling::Off => {}
            PhiHandling::Block | PhiHandling::Replace if speaks_of_health => {
                self.fault("health words at a vendor", call.attempt);
            }
            PhiHandling::Block | PhiHandling::Replace => {}
        }
        if is_replaced {
            self.seen.saw("call: notice in the place of health words");
            if handling != Some(PhiHandling::Replace) || !NOTICE.iter().any(|notice| words.contains(notice)) {
                self.fault("called a notice, and is none", call.attempt);
            }
        }
    }

    fn check_reader(&mut self, life: &Life<'_>, call: &Call, (id, channel): (Uuid, Channel)) {
        let Some(message) = self.messages.get(&id).filter(|message| !message.is_answer) else { return };
        let (reader, purpose) = (address(call, channel), message.purpose);
        if let Some(why) = life.shut.holds((channel, &reader), purpose, call.at) {
            self.fault("called after the word that shut it was answered", (call.attempt, why, purpose, call.at));
        }
        if life.shut.is_reopened((channel, &reader), purpose, call.at) {
            self.seen.saw("call: after it was opened again");
        }
    }

    /// By which ways the call came to be.
    fn note_way(&mut self, life: &Life<'_>, key: (Uuid, Channel), attempt_no: i16) {
        let message = &self.messages[&key.0];
        let earlier = self.events.iter().filter(|event| event.key == key && event.attempt_no < attempt_no);
        let kinds: Vec<EventKind> = earlier.map(|event| event.kind).collect();
        let way = match life.accepted.get(&key.0.to_string()) {
            _ if message.is_answer => "call: answer",
            Some(Way::ByAddress) => "call: single, by address",
            Some(Way::ByRecipient) => "call: single, by recipient",
            Some(Way::Batch) => "call: batch",
            Some(Way::Template) => "call: template",
            Some(Way::Scheduled) => "call: scheduled",
            Some(Way::TestSend) => "call: test send",
            None => "call: bulk send",
        };
        let is_next = message.is_fallback && message.first_channel != Some(key.1);
        let is_one_of_all = !message.is_fallback && self.deliveries.iter().filter(|one| one.key.0 == key.0).count() > 1;
        let notes = [
            (true, way),
            (kinds.contains(&EventKind::Redriven), "call: redriven"),
            (kinds.contains(&EventKind::Waiting), "call: held before"),
            (kinds.contains(&EventKind::AttemptFinished), "call: tried again"),
            (is_next, "call: next channel of a plan"),
            (is_one_of_all, "call: all channels at once"),
        ];
        notes.into_iter().filter(|(is_so, _)| *is_so).for_each(|(_, what)| self.seen.saw(what));
    }

    /// Every start was cleared, those of the inbox here too; a notice is sent once the message itself can be read there.
    fn check_starts(&mut self) {
        let starts = self.events.iter().filter(|event| event.kind == EventKind::AttemptStarted);
        let uncleared: Vec<_> = starts.clone().filter(|event| !event.is_cleared()).map(|event| event.key).collect();
        let replaced: Vec<Uuid> = starts.filter(|event| event.is_replaced()).map(|event| event.key.0).collect();
        for key in uncleared {
            self.fault("a start that not every rule let go", key);
        }
        for id in replaced {
            if self.inbox.contains(&id) {
                self.seen.saw("inbox: the message that a notice stands for");
            } else {
                self.fault("a notice of a message that is in no inbox", id);
            }
        }
    }

    /// Whoever has written gets at most one answer for each time; the rules about readers are not asked about it, all others
    /// are.
    fn check_answers(&mut self, life: &Life<'_>, calls: &[Call]) {
        let is_answer = |id: &Uuid| self.messages.get(id).is_some_and(|message| message.is_answer);
        let mut answered: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        for call in calls {
            let attempt = call.attempt.expect("each call names its attempt");
            let id = attempt.message_id.as_uuid();
            if is_answer(&id) {
                answered.entry(address(call, attempt.channel)).or_default().insert(id);
            }
        }
        let asked = |event: &&Event| is_answer(&event.key.0) && event.gate.is_some();
        let objects = |said: &RuleSaid| SPARED.contains(&said.rule) && said.ruling != Ruling::Go;
        let wrong = self.events.iter().filter(asked).filter(|event| event.rules().iter().any(objects));
        let wrong: Vec<_> = wrong.map(|event| event.key).collect();
        for key in wrong {
            self.fault("a rule that an answer is spared objects to it", key);
        }
        for (reader, answers) in answered {
            if answers.len() > life.words.get(&reader).copied().unwrap_or_default() {
                self.fault("more answers than words, messages", answers);
            }
        }
    }

    /// Each refusal names the rule and its code, in the history and in the row.
    fn check_refusals(&mut self) {
        let mut faults = Vec::new();
        let mut last: BTreeMap<(Uuid, Channel), &Event> = BTreeMap::new();
        for event in &self.events {
            for said in event.rules().iter().filter(|said| said.ruling != Ruling::Go) {
                match said.ruling {
                    Ruling::Wait => self.seen.saw("gate: wait"),
                    Ruling::OtherChannel => self.seen.saw("gate: other_channel"),
                    Ruling::Go | Ruling::Refuse => self.seen.saw("gate: refuse"),
                }
                if said.code.as_deref().is_none_or(str::is_empty) {
                    faults.push(format!("an objection without a code: {:?}", (event.key, said)));
                }
            }
            if event.kind == EventKind::Refused {
                let is_named = event.rules().iter().any(|said| said.ruling != Ruling::Go && said.code == event.code);
                if event.rules().len() != RULES || event.code.is_none() || !is_named {
                    faults.push(format!("a refusal without its rule: {:?}", (event.key, &event.code, event.rules())));
                }
                let is_word = matches!(event.code.as_deref(), Some("opted_out" | "consent_revoked"));
                if is_word {
                    self.seen.saw("refused: after a word of the reader");
                }
                if last.get(&event.key).is_some_and(|earlier| earlier.kind == EventKind::Refused) {
                    self.seen.saw("refused: redriven");
                }
                last.insert(event.key, event);
            }
        }
        for delivery in self.deliveries.iter().filter(|one| one.state == DeliveryState::Refused.as_i16()) {
            let refused = last.get(&delivery.key);
            if delivery.code.is_none() || refused.is_none_or(|event| event.code != delivery.code) {
                faults.push(format!("a row that was refused for nothing: {:?}", (delivery.key, &delivery.code)));
            }
        }
        self.faults.extend(faults);
    }

    /// Each message that was accepted is there, and is in exactly one state: it waits for a time to come, or it has ended.
    fn check_ends(&mut self, life: &Life<'_>) {
        let mut faults = Vec::new();
        for id in life.accepted.keys() {
            if !self.messages.contains_key(&id.parse().unwrap()) {
                faults.push(format!("accepted and lost: {id}"));
            }
        }
        let answers = self.messages.values().filter(|message| message.is_answer).count();
        let (all, bulk) = (self.messages.len(), usize::try_from(self.in_bulk).unwrap());
        if all != life.accepted.len() + answers + bulk {
            let accepted = life.accepted.len();
            faults.push(format!("{all} messages: {accepted} accepted, {answers} answers, {bulk} of lists"));
        }
        let mut by_message: BTreeMap<Uuid, Vec<&Delivery>> = BTreeMap::new();
        for delivery in &self.deliveries {
            by_message.entry(delivery.key.0).or_default().push(delivery);
            let waits = delivery.is_open && !delivery.is_finished && delivery.state == 0 && delivery.is_waiting;
            let has_ended =
                !delivery.is_open && delivery.is_finished && delivery.state >= DeliveryState::Failed.as_i16();
            if waits == has_ended {
                let Delivery { state, is_open, is_finished, is_waiting, .. } = delivery;
                faults.push(format!("in no one state: {:?}", (delivery.key, state, is_open, is_finished, is_waiting)));
            }
        }
        for (id, message) in &self.messages {
            let own = by_message.get(id).map(Vec::as_slice).unwrap_or_default();
            let (open, arrived) = (
                own.iter().filter(|one| one.is_open).count(),
                own.iter().filter(|one| one.state >= DeliveryState::Delivered.as_i16()).count(),
            );
            if own.is_empty() || message.is_fallback && open + arrived > 1 {
                faults.push(format!("{open} open and {arrived} arrived of the channels of one plan: {id}"));
            }
            let is_refused = own.iter().any(|one| one.state == DeliveryState::Refused.as_i16());
            if is_refused && !message.is_answer && !life.accepted.contains_key(&id.to_string()) {
                self.seen.saw("refused: bulk send");
            }
        }
        self.faults.extend(faults);
    }
}
