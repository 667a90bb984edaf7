//! A world while it lives: whom it keeps, what was accepted and said, and the end, when nothing more is due.

use std::collections::BTreeMap;
use std::time::Duration;

use carepost_consent::policy::GatePolicy;
use carepost_kernel::{Channel, Clock, Purpose};
use carepost_providers::Vendor;
use serde_json::{Value, json};

use super::draw::{self, Dice, Person};
use super::shut::{Shut, Why};
use crate::support::{Account, BulkSend, Clinic, PATIENCE, World};

const GATE: &str = "/api/v1/messaging/gate/policies";
const PEOPLE: &str = "/api/v1/messaging/recipients";
const TEMPLATES: &str = "/api/v1/messaging/templates";
const SUPPRESSIONS: &str = "/api/v1/messaging/suppressions";
pub(super) const PERSONS: usize = 10;

/// How a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ByAddress,
    ByRecipient,
    Batch,
    Template,
    Scheduled,
    TestSend,
}

/// A world.
pub(super) struct Life<'a> {
    pub(super) world: &'a World,
    pub(super) clinic: &'a Clinic,
    pub(super) dice: Dice,
    pub(super) account: Account,
    pub(super) people: Vec<Person>,
    /// Each version, as it was made.
    pub(super) policies: BTreeMap<u32, GatePolicy>,
    /// Templates: two that speak of visits, and one that advertises.
    pub(super) templates: Vec<String>,
    pub(super) bulks: Vec<BulkSend<'a>>,
    /// Messages that were answered with 202.
    pub(super) accepted: BTreeMap<String, Way>,
    pub(super) shut: Shut,
    /// How often somebody wrote from a number.
    pub(super) words: BTreeMap<String, usize>,
}

impl<'a> Life<'a> {
    /// Draws the world and makes it.
    pub(super) async fn begin(world: &'a World, clinic: &'a Clinic, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let vendor = draw::sms_vendor(&mut dice);
        let account = clinic.account(&world.simulator, vendor, json!({})).await;
        for vendor in [Vendor::Sendgrid, Vendor::InApp] {
            clinic.account(&world.simulator, vendor, json!({})).await;
        }
        let mut life = Self {
            world,
            clinic,
            dice,
            account,
            people: Vec::new(),
            policies: BTreeMap::new(),
            templates: Vec::new(),
            bulks: Vec::new(),
            accepted: BTreeMap::new(),
            shut: Shut::default(),
            words: BTreeMap::new(),
        };
        let is_open = life.dice.is_in(50);
        life.activate(is_open).await;
        for number in 0..PERSONS {
            life.keep(seed, number).await;
        }
        life.suppress(8, "opted_out").await;
        life.suppress(9, "staff").await;
        for (purpose, topic, text) in [
            ("transactional", "appointments", "{{practice.name}}: canary visit on {{date visit.on}}"),
            ("treatment", "care", "{{practice.name}}: canary melanoma, please come on {{date visit.on}}"),
            ("marketing", "marketing", "{{practice.name}}: canary offer until {{date visit.on}}. Reply STOP to end"),
        ] {
            life.publish(purpose, topic, text).await;
        }
        life
    }

    /// Makes a policy and lets it hold.
    pub(super) async fn activate(&mut self, is_open: bool) {
        let policy = draw::policy(&mut self.dice, is_open);
        let made = self.clinic.api.post(GATE, &json!({ "policy": policy })).await.expect(201);
        let version = made.body["version"].as_u64().and_then(|version| u32::try_from(version).ok()).unwrap();
        // Before it can be the one that decided.
        self.policies.insert(version, policy);
        self.clinic.api.post(&format!("{GATE}/{version}/activate"), &json!({})).await.expect(200);
    }

    async fn keep(&mut self, seed: u64, number: usize) {
        let (body, person) = draw::person(&mut self.dice, seed, number);
        let id = self.clinic.api.post(PEOPLE, &body).await.expect(201).id();
        self.people.push(Person { id, ..person });
        for (channel, purposes) in draw::consents(&mut self.dice, number) {
            self.grant(number, channel, &purposes).await;
        }
        if !(2..=4).contains(&number) && self.dice.is_in(20) {
            self.revoke(number, Channel::Email, &[Purpose::Treatment]).await;
        }
    }

    /// Somebody consents, in writing where advertising asks for it.
    pub(super) async fn grant(&mut self, number: usize, channel: Channel, purposes: &[Purpose]) {
        let person = self.people[number].clone();
        let said = json!({ "wording": "I agree to be written.", "wording_version": "1" });
        let names: Vec<&str> = purposes.iter().map(|purpose| purpose.as_str()).collect();
        let in_writing = purposes.contains(&Purpose::Marketing);
        let body = json!({ "channel": channel, "purposes": names, "in_writing": in_writing, "said": said });
        let asked_at = Clock::system().now();
        self.clinic.api.post(&format!("{PEOPLE}/{}/consents", person.id), &body).await.expect(201);
        let purposes = if purposes.is_empty() { &Purpose::ALL[..] } else { purposes };
        self.shut.open((channel, address(&person, channel)), purposes, Why::Revoked, asked_at);
    }

    /// Somebody takes consent back; no purposes: all of it.
    pub(super) async fn revoke(&mut self, number: usize, channel: Channel, purposes: &[Purpose]) {
        let person = self.people[number].clone();
        let names: Vec<&str> = purposes.iter().map(|purpose| purpose.as_str()).collect();
        let body = json!({ "channel": channel, "purposes": names });
        self.clinic.api.post(&format!("{PEOPLE}/{}/consents/revoke", person.id), &body).await.expect(200);
        let purposes = if purposes.is_empty() { &Purpose::ALL[..] } else { purposes };
        self.shut.close((channel, address(&person, channel)), purposes, Why::Revoked);
    }

    async fn suppress(&mut self, number: usize, reason: &str) {
        let phone = self.people[number].phone.clone();
        let body = json!({ "channel": "sms", "address": phone, "reason": reason });
        let answer = self.clinic.api.post(SUPPRESSIONS, &body).await;
        assert!(answer.status < 300, "{}", answer.text);
        let why = if reason == "staff" { Why::Staff } else { Why::OptedOut };
        self.shut.close((Channel::Sms, &phone), &Purpose::ALL, why);
    }

    async fn publish(&mut self, purpose: &str, topic: &str, text: &str) {
        let body = json!({
            "name": format!("canary {purpose}"), "category": "Administrative", "purpose": purpose, "topic": topic,
            "variables": [{ "name": "visit.on", "kind": "date", "required": true, "sample": { "en": "2026-12-03" } }],
            "sms": { "en": { "body": text } },
        });
        let id = self.clinic.api.post(TEMPLATES, &body).await.expect(201).id();
        self.clinic.api.post(&format!("{TEMPLATES}/{id}/publish"), &json!({ "version": 1 })).await.expect(200);
        self.templates.push(id);
    }

    /// Waits until nothing is due that could still leave: rows of lists, deliveries, words from outside, receipts.
    pub(super) async fn settle(&self) {
        for bulk in &self.bulks {
            bulk.until_holds("no row of the list waits for its turn", |progress| {
                progress["status"] == "finished" || progress["rows"]["waiting"] == 0
            })
            .await;
        }
        // carepost_delivery::DeliveryState: 0 queued. carepost_kernel::WaitReason: 3 quiet hours, 15 caps; what is asked about
        // again for these, and told the same within a minute, keeps the time in its row.
        let of = format!("tenant_id = '{}'", self.clinic.id);
        let due =
            format!("{of} AND is_open AND (state <> 0 OR reason NOT IN (3, 15) AND due_at < now() + interval '5 s')");
        let open = format!(
            "SELECT (SELECT count(*) FROM deliveries WHERE {due})
                  + (SELECT count(*) FROM inbound_messages WHERE {of} AND handled_at IS NULL)"
        );
        let events = format!("SELECT count(*) FROM delivery_events WHERE {of}");
        let quiet = async {
            loop {
                let before = self.world.database.count(&events).await;
                // What a new policy has set free comes a moment after it.
                let is_quiet = self.world.database.count(&open).await == 0;
                tokio::time::sleep(Duration::from_millis(500)).await;
                if is_quiet && self.world.database.count(&events).await == before {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, quiet).await.is_err() {
            let rows = format!("SELECT jsonb_agg(d)::text FROM (SELECT * FROM deliveries WHERE {due} LIMIT 3) AS d");
            let row = self.world.database.owner.query_one(&rows, &[]).await.unwrap();
            panic!("waited in vain until nothing is due: {:?}", row.get::<_, Option<String>>(0));
        }
    }

    /// Writes down a message that was accepted.
    pub(super) fn accept(&mut self, answer: &Value, way: Way) {
        let id = answer["id"].as_str().or_else(|| answer["message_id"].as_str());
        let id = id.unwrap_or_else(|| panic!("no id in {answer}")).to_owned();
        assert!(self.accepted.insert(id, way).is_none(), "an id is given out once");
    }
}

/// Where a person is reached.
pub(super) fn address(person: &Person, channel: Channel) -> &str {
    match channel {
        Channel::Sms => &person.phone,
        Channel::Email => &person.email,
        Channel::InApp | Channel::Push | Channel::Voice => panic!("not of these worlds"),
    }
}
