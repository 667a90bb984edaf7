//! The gate at work: one message that is refused, one that waits, and one that leaves in other words.

use std::time::Duration;

use anyhow::{Context as _, bail};
use carepost_kernel::MessageId;
use carepost_providers::simulator::{Call, CallOutcome, Simulator};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::hours::{self, Place};
use super::practice::{About, PHONE, Patient, Practice, VENDOR};
use super::traffic::post;
use super::verdict::Verdict;

/// What the patient writes: no keyword, but it means the same.
const STOP: &str = "Please don't text me any more";
/// What must not be read on a telephone's screen by whoever holds it.
const HEALTH: &str = "Your HbA1c is 6.1: your type 2 diabetes is well controlled.";
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Whatever has not come about after so many looks does not come about.
const LOOKS: u32 = 600;

/// What was posted, and what shall become of it.
pub(super) struct Staged {
    pub(super) refused: MessageId,
    pub(super) waiting: MessageId,
    replaced: MessageId,
    opted_out: Patient,
    reader: Patient,
    night: Place,
    began_at: Timestamp,
}

/// Posts all of it, and waits until the gate has spoken.
pub(super) async fn play(practice: &Practice, simulator: &Simulator, now: Timestamp) -> anyhow::Result<Staged> {
    let day = hours::by_day(now).context("find where on earth it is day")?;
    let night = hours::by_night(now).context("find where on earth it is night")?;
    let patient = |external_id, name, phone, zone: &Place| {
        let about = About { external_id, name, phone, zone: zone.name };
        async move { practice.take_in(&about).await }
    };
    let rosa = patient("P-1", ("Rosa", "Marsh"), "+12025550141", &day).await?;
    let amir = patient("P-2", ("Amir", "Stone"), "+12025550142", &night).await?;
    let dana = patient("P-3", ("Dana", "Field"), "+12025550143", &day).await?;

    let waiting = remind(practice, &amir, "waits").await?;
    let replaced = tell_result(practice, &dana).await?;
    let first = remind(practice, &rosa, "first").await?;
    let _arrived = until(practice, first, |delivery| delivery["status"] == "delivered").await?;
    write_back(practice, simulator, &rosa).await?;
    let refused = remind(practice, &rosa, "refused").await?;
    let _refused = until(practice, refused, |delivery| delivery["finished_at"].is_string()).await?;
    let _asleep = until(practice, waiting, |delivery| delivery["reason"] == "quiet_hours").await?;
    let _notice = until(practice, replaced, |delivery| delivery["status"] == "delivered").await?;
    // The one answer to an opt-out leaves by itself.
    for _ in 0..LOOKS {
        if calls_to(simulator, &rosa).len() > 1 {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(Staged { refused, waiting, replaced, opted_out: rosa, reader: dana, night, began_at: now })
}

async fn remind(practice: &Practice, patient: &Patient, key: &str) -> anyhow::Result<MessageId> {
    let message = json!({
        "recipient_id": patient.id,
        "to": { "phone": patient.phone },
        "type": "appointment_reminder",
        "content": { "body": "We expect you on Tuesday at 9:30." },
    });
    post(&practice.api, &message, key).await
}

async fn tell_result(practice: &Practice, patient: &Patient) -> anyhow::Result<MessageId> {
    let message = json!({
        "recipient_id": patient.id,
        "to": { "phone": patient.phone },
        "purpose": "treatment",
        "content": { "body": HEALTH },
    });
    post(&practice.api, &message, "replaced").await
}

/// A text message from the patient comes in as the vendor's signed webhook.
async fn write_back(practice: &Practice, simulator: &Simulator, patient: &Patient) -> anyhow::Result<()> {
    let account = simulator.account_at(&practice.webhook_url).context("find the practice's account at its vendor")?;
    let status = simulator.inbound(&account, patient.phone, PHONE, STOP).await.context("write to the practice")?;
    if status >= 300 {
        bail!("write to the practice: its webhook answered {status}");
    }
    Ok(())
}

/// Looks at the message's delivery until this holds, or patience ends: then the verdict says what is wrong.
async fn until(practice: &Practice, id: MessageId, holds: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let mut looks = 0;
    loop {
        let message: Value = practice.api.get(&format!("/api/v1/messaging/messages/{id}")).await?;
        let delivery = message["deliveries"][0].clone();
        looks += 1;
        if looks == LOOKS || holds(&delivery) {
            return Ok(delivery);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Staged {
    /// What has become of it, by the API and by what the vendor was asked.
    pub(super) async fn verdicts(&self, practice: &Practice, simulator: &Simulator) -> anyhow::Result<Vec<Verdict>> {
        Ok(vec![
            self.refusal(practice, simulator).await?,
            self.wait(practice, simulator).await?,
            self.replacement(practice, simulator).await?,
        ])
    }

    /// Refused, and the vendor was asked for no more than the message before and the one answer.
    async fn refusal(&self, practice: &Practice, simulator: &Simulator) -> anyhow::Result<Verdict> {
        let mut verdict = look(practice, self.refused).await?;
        let taken = calls_to(simulator, &self.opted_out).len();
        verdict.is_good = verdict.is("refused", "opted_out")
            && verdict.objects("suppression", "opted_out")
            && taken == 2
            && calls_for(simulator, self.refused).is_empty();
        verdict.story = format!("refused: the patient has written \"{STOP}\"");
        verdict.note =
            Some(format!("texts that the patient got, with the one before and one confirmation: {taken} of 2"));
        Ok(verdict)
    }

    /// Still waiting, for the morning.
    async fn wait(&self, practice: &Practice, simulator: &Simulator) -> anyhow::Result<Verdict> {
        let mut verdict = look(practice, self.waiting).await?;
        let there = verdict.until.map(|until| self.night.clock(until)).unwrap_or_default();
        verdict.is_good = verdict.is("queued", "quiet_hours")
            && verdict.objects("quiet_hours", "quiet_hours")
            && there.ends_with(" 08:00")
            && calls_for(simulator, self.waiting).is_empty();
        let (place, began_at) = (self.night.name, self.night.clock(self.began_at));
        verdict.story = format!("delayed: it was {began_at} where the patient lives ({place})");
        verdict.note = verdict.until.map(|_| format!("it leaves at {there} by the clocks there"));
        Ok(verdict)
    }

    /// A notice has left, and the message itself can be read after signing in.
    async fn replacement(&self, practice: &Practice, simulator: &Simulator) -> anyhow::Result<Verdict> {
        let mut verdict = look(practice, self.replaced).await?;
        let calls = calls_for(simulator, self.replaced);
        let notice = calls.first().map(|call| call.text.clone()).unwrap_or_default();
        let inbox = practice.api.get_inbox(&self.reader.id.to_string()).await?;
        let is_readable =
            inbox["items"].as_array().is_some_and(|items| items.iter().any(|item| item["body"] == HEALTH));
        verdict.is_good = verdict.status == "delivered"
            && verdict.objections.is_empty()
            && calls.len() == 1
            && notice.starts_with("You have a secure message")
            && is_readable;
        verdict.story = "sent in other words: the text speaks of somebody's health".to_owned();
        let where_it_is = if is_readable { "is in" } else { "is MISSING from" };
        verdict.note =
            Some(format!("the phone got \"{notice}\"; the message itself {where_it_is} the patient's inbox here"));
        Ok(verdict)
    }
}

async fn look(practice: &Practice, id: MessageId) -> anyhow::Result<Verdict> {
    let message: Value = practice.api.get(&format!("/api/v1/messaging/messages/{id}")).await?;
    let timeline: Value = practice.api.get(&format!("/api/v1/messaging/messages/{id}/timeline")).await?;
    Ok(Verdict::read(id, &message["deliveries"][0], &timeline))
}

fn was_taken(call: &Call) -> bool {
    matches!(call.outcome, CallOutcome::Accepted { .. } | CallOutcome::Dropped { .. })
}

fn calls_for(simulator: &Simulator, id: MessageId) -> Vec<Call> {
    let is_of = |call: &Call| call.attempt.as_ref().is_some_and(|attempt| attempt.message_id == id);
    simulator.calls(VENDOR).into_iter().filter(|call| was_taken(call) && is_of(call)).collect()
}

/// The vendor writes numbers without the plus.
fn calls_to(simulator: &Simulator, patient: &Patient) -> Vec<Call> {
    let number = patient.phone.trim_start_matches('+');
    let is_to = |call: &Call| call.to.trim_start_matches('+') == number;
    simulator.calls(VENDOR).into_iter().filter(|call| was_taken(call) && is_to(call)).collect()
}
