//! What the gate said of one message, read from its timeline and told in plain words.

use carepost_kernel::MessageId;
use jiff::Timestamp;
use serde_json::Value;

use crate::cli::out;

/// What has become of a message at the gate.
#[derive(Debug)]
pub(super) struct Verdict {
    message_id: MessageId,
    /// What it shows.
    pub(super) story: String,
    /// Where its delivery stands.
    pub(super) status: String,
    /// Why it waits or was refused.
    reason: Option<String>,
    /// Until when it waits.
    pub(super) until: Option<Timestamp>,
    /// The version of the policy that was asked last.
    policy_version: Option<u64>,
    /// The rules that objected then, with what they said.
    pub(super) objections: Vec<(String, String)>,
    /// What else is to be seen.
    pub(super) note: Option<String>,
    /// Whether it is as it should be.
    pub(super) is_good: bool,
}

impl Verdict {
    /// Reads the delivery as the API shows it, and the gate's last word in its timeline.
    pub(super) fn read(message_id: MessageId, delivery: &Value, timeline: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let events = timeline["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let gate = events.iter().rev().map(|event| &event["gate"]).find(|gate| gate.is_object());
        let rules = gate.and_then(|gate| gate["rules"].as_array()).map(Vec::as_slice).unwrap_or_default();
        let objects = |rule: &&Value| rule["verdict"] != "go";
        let said = |rule: &Value| Some((text(&rule["rule"])?, text(&rule["code"]).unwrap_or_default()));
        Self {
            message_id,
            story: String::new(),
            status: text(&delivery["status"]).unwrap_or_default(),
            reason: text(&delivery["reason"]).or_else(|| text(&delivery["code"])),
            until: delivery["next_look_at"].as_str().and_then(|at| at.parse().ok()),
            policy_version: gate.and_then(|gate| gate["policy_version"].as_u64()),
            objections: rules.iter().filter(objects).filter_map(said).collect(),
            note: None,
            is_good: false,
        }
    }

    /// Whether it stands like this, for this reason.
    pub(super) fn is(&self, status: &str, reason: &str) -> bool {
        self.status == status && self.reason.as_deref() == Some(reason)
    }

    /// Whether this rule has objected with this code.
    pub(super) fn objects(&self, rule: &str, code: &str) -> bool {
        self.objections.iter().any(|(one, said)| one == rule && said == code)
    }

    pub(super) fn print(&self) {
        let mark = if self.is_good { "ok " } else { "BAD" };
        out::line(&format!("  {mark} {}", self.story));
        self.details().iter().for_each(|line| out::line(&format!("        {line}")));
    }

    fn details(&self) -> Vec<String> {
        let reason = self.reason.as_ref().map(|reason| format!(", reason {reason}")).unwrap_or_default();
        let until = self.until.map(|until| format!(", until {until:.0}")).unwrap_or_default();
        let objected = match self.objections.as_slice() {
            [] => "none".to_owned(),
            some => some.iter().map(|(rule, code)| in_words(rule, code)).collect::<Vec<_>>().join("; "),
        };
        let version = self.policy_version.map(|version| format!(" (policy version {version})")).unwrap_or_default();
        let mut lines = vec![
            format!("message {}: {}{reason}{until}", self.message_id, self.status),
            format!("rules that objected{version}: {objected}"),
        ];
        lines.extend(self.note.clone());
        lines
    }
}

/// A rule's objection; codes that are not told here speak for themselves.
fn in_words(rule: &str, code: &str) -> String {
    let words = match code {
        "opted_out" => "the patient has asked for no more messages",
        "consent_revoked" => "consent was taken back",
        "no_consent" => "there is no consent on file",
        "quiet_hours" => "outside the hours in which the patient may be contacted",
        "sender_not_registered" => "the sender is not registered with the carriers",
        _ => code,
    };
    format!("{rule} ({words})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn timeline() -> Value {
        let rules = json!([
            { "rule": "life", "verdict": "go" },
            { "rule": "suppression", "verdict": "refuse", "code": "opted_out" },
            { "rule": "consent", "verdict": "other_channel", "code": "consent_revoked" },
            { "rule": "caps", "verdict": "other_channel", "code": "cap_own_wish" },
        ]);
        let earlier = json!([{ "rule": "quiet_hours", "verdict": "wait", "code": "quiet_hours" }]);
        json!({ "events": [
            { "type": "delivery.waiting", "gate": { "policy_version": 1, "rules": earlier } },
            { "type": "delivery.refused", "gate": { "policy_version": 2, "rules": rules } },
            { "type": "delivery.told" },
        ] })
    }

    #[test]
    fn the_last_word_of_the_gate_counts_and_is_told_in_words() {
        let id = MessageId::new(Timestamp::UNIX_EPOCH);
        let verdict = Verdict::read(id, &json!({ "status": "refused", "code": "opted_out" }), &timeline());
        assert!(verdict.is("refused", "opted_out") && verdict.objects("suppression", "opted_out"));
        assert!(!verdict.objects("quiet_hours", "quiet_hours") && !verdict.is_good);
        let told = "rules that objected (policy version 2): suppression (the patient has asked for no more messages); \
                    consent (consent was taken back); caps (cap_own_wish)";
        assert_eq!(verdict.details(), [format!("message {id}: refused, reason opted_out"), told.to_owned()]);
    }

    #[test]
    fn what_waits_is_told_with_its_time() {
        let id = MessageId::new(Timestamp::UNIX_EPOCH);
        let delivery = json!({ "status": "queued", "reason": "quiet_hours", "next_look_at": "2026-11-22T16:00:00Z" });
        let verdict = Verdict::read(id, &delivery, &json!({ "events": [] }));
        let told = format!("message {id}: queued, reason quiet_hours, until 2026-11-22T16:00:00Z");
        assert_eq!(verdict.details(), [told, "rules that objected: none".to_owned()]);
    }
}
