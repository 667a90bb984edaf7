//! What happens in a world: each way in, and the words and changes that come in between.

use carepost_kernel::{Channel, Clock, Purpose};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::draw::{self, Person};
use super::life::{Life, PERSONS, Way};
use super::shut::Why;
use crate::support::{BulkSend, with};

const MESSAGES: &str = "/api/v1/messaging/messages";
/// The practice's own number.
const OURS: &str = "+15005550006";

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Deed {
    ByAddress,
    ByRecipient,
    Batch,
    Template,
    Scheduled,
    Bulk,
    TestSend,
    Stop,
    Start,
    Help,
    Revoke,
    Grant,
    Activate,
    Redrive,
}

/// Each kind as often as it stands here, in the order of the dice.
const DEEDS: [(Deed, usize); 14] = [
    (Deed::ByAddress, 8),
    (Deed::ByRecipient, 8),
    (Deed::Batch, 3),
    (Deed::Template, 5),
    (Deed::Scheduled, 4),
    (Deed::Bulk, 2),
    (Deed::TestSend, 4),
    (Deed::Stop, 2),
    (Deed::Start, 2),
    (Deed::Help, 1),
    (Deed::Revoke, 2),
    (Deed::Grant, 2),
    (Deed::Activate, 2),
    (Deed::Redrive, 1),
];

impl Life<'_> {
    /// All deeds in a drawn order. At the end everything is open again and what was refused or failed is tried once more.
    pub(super) async fn run(&mut self) {
        let mut deeds: Vec<Deed> = DEEDS.into_iter().flat_map(|(deed, times)| vec![deed; times]).collect();
        self.dice.shuffle(&mut deeds);
        for deed in deeds {
            self.happen(deed).await;
        }
        self.settle().await;
        self.activate(true).await;
        self.happen(Deed::Redrive).await;
    }

    async fn happen(&mut self, deed: Deed) {
        match deed {
            Deed::ByAddress => {
                let body = self.message(false);
                self.post(&body, Way::ByAddress).await;
            }
            Deed::ByRecipient => {
                let body = self.message(true);
                self.post(&body, Way::ByRecipient).await;
            }
            Deed::Batch => self.batch().await,
            Deed::Template => self.template().await,
            Deed::Scheduled => self.scheduled().await,
            Deed::Bulk => self.bulk().await,
            Deed::TestSend => self.test_send().await,
            Deed::Stop => self.stop().await,
            Deed::Start => self.start().await,
            Deed::Help => {
                let phone = self.somebody().phone;
                self.write(&phone, "HELP").await;
            }
            Deed::Revoke => self.take_back().await,
            Deed::Grant => self.give().await,
            Deed::Activate => {
                let is_open = self.dice.is_in(70);
                self.activate(is_open).await;
            }
            Deed::Redrive => self.redrive().await,
        }
    }

    fn number(&mut self) -> usize {
        let all: Vec<usize> = (0..PERSONS).collect();
        self.dice.one_of(&all)
    }

    fn somebody(&mut self) -> Person {
        let number = self.number();
        self.people[number].clone()
    }

    /// A message to somebody, by id or by addresses; some of these belong to nobody here.
    fn message(&mut self, by_id: bool) -> Value {
        let person = self.somebody();
        let target = if by_id {
            json!({ "recipient_id": person.id })
        } else if self.dice.is_in(25) {
            let stranger = self.dice.one_of(&["+15005559101", "+15005559102"]);
            json!({ "to": { "phone": stranger, "email": "nobody@example.com" } })
        } else {
            let mut to = json!({ "phone": person.phone, "email": person.email });
            if let Some(inbox) = &person.inbox {
                to["in_app"] = json!(inbox);
            }
            json!({ "to": to })
        };
        let has_inbox = if by_id { person.inbox.is_some() } else { target["to"]["in_app"].is_string() };
        let plan = draw::plan(&mut self.dice, has_inbox);
        let content = draw::content(&mut self.dice);
        with(with(with(target, plan), draw::reason(&mut self.dice)), json!({ "content": content }))
    }

    async fn post(&mut self, body: &Value, way: Way) {
        let answer = self.clinic.api.message(body).await.expect(202).body;
        self.accept(&answer, way);
    }

    async fn batch(&mut self) {
        let messages: Vec<Value> = [false, true, false].map(|by_id| self.message(by_id)).into();
        let path = format!("{MESSAGES}/batch");
        let answer = self.clinic.api.post(&path, &json!({ "messages": messages })).await.expect(202).body;
        for result in answer["results"].as_array().unwrap() {
            self.accept(result, Way::Batch);
        }
    }

    async fn template(&mut self) {
        let (person, template) = (self.somebody(), self.dice.one_of(&self.templates.clone()));
        let template = json!({ "id": template, "variables": { "visit.on": "2026-12-03" } });
        let target = if self.dice.is_in(50) {
            json!({ "recipient_id": person.id })
        } else {
            json!({ "to": { "phone": person.phone } })
        };
        let body = with(target, json!({ "channels": ["sms"], "template": template }));
        self.post(&body, Way::Template).await;
    }

    /// In a moment, or in an hour: then the end of the world finds it waiting.
    async fn scheduled(&mut self) {
        let by_id = self.dice.is_in(50);
        let body = self.message(by_id);
        let wait = self.dice.one_of(&[SignedDuration::from_millis(1_500), SignedDuration::from_hours(1)]);
        let send_at = (Clock::system().now() + wait).to_string();
        self.post(&with(body, json!({ "send_at": send_at })), Way::Scheduled).await;
    }

    async fn bulk(&mut self) {
        let (content, purpose) = (draw::content(&mut self.dice), self.dice.one_of(&["transactional", "marketing"]));
        let body = json!({ "name": "canary list", "content": content, "purpose": purpose,
                           "channels": ["sms", "email"] });
        let bulk = BulkSend::make(self.clinic, &body).await;
        let mut list = "recipient_id,phone,email\n".to_owned();
        for person in &self.people {
            list += &format!("{},,\n", person.id);
        }
        list += &format!(",{},\n,,nobody.else@example.com\n", "+15005559103");
        bulk.upload(list).await.expect(200);
        bulk.count().await;
        bulk.order("start").await.expect(202);
        self.bulks.push(bulk);
    }

    async fn test_send(&mut self) {
        let (person, template) = (self.somebody(), self.dice.one_of(&self.templates.clone()));
        let path = format!("/api/v1/messaging/templates/{template}/test-send");
        let body = json!({ "to": { "phone": person.phone }, "channel": "sms" });
        let answer = self.clinic.api.post(&path, &body).await.expect(202).body;
        self.accept(&answer, Way::TestSend);
    }

    /// Somebody writes to the practice; what follows from it holds when the vendor has its answer.
    async fn write(&mut self, phone: &str, text: &str) {
        let simulator = &self.world.simulator;
        let status = simulator.inbound(&self.account.simulated, phone, OURS, text).await.unwrap();
        assert!(status < 300, "{status}");
        *self.words.entry(phone.to_owned()).or_default() += 1;
    }

    /// In the middle of messages to the same number, some under way and some to come.
    async fn stop(&mut self) {
        let phone = self.somebody().phone;
        let text = json!({ "sms": { "text": draw::PLAIN_TEXT } });
        let to_it = json!({ "to": { "phone": phone }, "content": text });
        let emergency = with(to_it.clone(), json!({ "purpose": "emergency" }));
        let later = Clock::system().now() + SignedDuration::from_millis(1_200);
        let later = with(emergency.clone(), json!({ "send_at": later.to_string() }));
        self.post(&later, Way::Scheduled).await;
        for body in [&to_it, &emergency] {
            self.post(body, Way::ByAddress).await;
        }
        let words = self.dice.one_of(&["STOP", "Please don't text me any more", "ALTO"]);
        self.write(&phone, words).await;
        let all = &Purpose::ALL;
        self.shut.close((Channel::Sms, &phone), all, Why::OptedOut);
        if self.people.iter().any(|person| person.phone == phone) {
            self.shut.close((Channel::Sms, &phone), all, Why::Revoked);
        }
        self.post(&emergency, Way::ByAddress).await;
    }

    async fn start(&mut self) {
        let phone = self.somebody().phone;
        let asked_at = Clock::system().now();
        self.write(&phone, "START").await;
        self.shut.open((Channel::Sms, &phone), &Purpose::ALL, Why::OptedOut, asked_at);
        let spared: Vec<Purpose> = Purpose::ALL.into_iter().filter(|one| *one != Purpose::Marketing).collect();
        self.shut.open((Channel::Sms, &phone), &spared, Why::Revoked, asked_at);
        let text = json!({ "sms": { "text": draw::PLAIN_TEXT } });
        let body = json!({ "to": { "phone": phone }, "purpose": "emergency", "content": text });
        self.post(&body, Way::ByAddress).await;
    }

    async fn take_back(&mut self) {
        let (number, channel) = (self.number(), self.dice.one_of(&[Channel::Sms, Channel::Email]));
        let purposes = self.dice.one_of(&[vec![], vec![], vec![Purpose::Treatment], vec![Purpose::Transactional]]);
        self.revoke(number, channel, &purposes).await;
        for purpose in ["emergency", "treatment", "transactional"] {
            let content = draw::content(&mut self.dice);
            let body = json!({ "recipient_id": self.people[number].id, "channels": ["sms", "email"],
                               "purpose": purpose, "content": content });
            self.post(&body, Way::ByRecipient).await;
        }
    }

    async fn give(&mut self) {
        let (number, channel) = (self.number(), self.dice.one_of(&[Channel::Sms, Channel::Email]));
        let purposes = self.dice.one_of(&[vec![], vec![Purpose::Marketing], vec![Purpose::Treatment]]);
        self.grant(number, channel, &purposes).await;
        let body = json!({ "recipient_id": self.people[number].id, "channels": ["sms", "email"],
                           "purpose": "treatment", "content": draw::content(&mut self.dice) });
        self.post(&body, Way::ByRecipient).await;
    }

    /// Whatever has failed or was refused is put back to work, once it has.
    async fn redrive(&mut self) {
        let text = json!({ "sms": { "text": draw::PLAIN_TEXT } });
        let failing = json!({ "to": { "phone": draw::UNROUTABLE }, "purpose": "emergency", "content": text });
        self.post(&failing, Way::ByAddress).await;
        self.settle().await;
        let filter = json!({ "status": ["failed", "refused", "undelivered"] });
        let body = json!({ "filter": filter, "per_second": 1_000 });
        self.clinic.api.post(&format!("{MESSAGES}/redrive"), &body).await.expect(200);
    }
}
