//! The messages that are sent: the samples of `fixtures/payloads`, each time to somebody else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use carepost_kernel::Channel;
use jiff::Timestamp;
use serde_json::Value;

use crate::number;

/// A shape of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    Sms,
    Email,
    InApp,
    Fallback,
}

impl Shape {
    const ALL: [Self; 4] = [Self::Sms, Self::Email, Self::InApp, Self::Fallback];

    const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::InApp => "in_app",
            Self::Fallback => "fallback",
        }
    }

    const fn sample(self) -> &'static str {
        match self {
            Self::Sms => include_str!("../../fixtures/payloads/sms.json"),
            Self::Email => include_str!("../../fixtures/payloads/email.json"),
            Self::InApp => include_str!("../../fixtures/payloads/in_app.json"),
            Self::Fallback => include_str!("../../fixtures/payloads/fallback.json"),
        }
    }

    const fn channels(self) -> &'static [Channel] {
        match self {
            Self::Sms => &[Channel::Sms],
            Self::Email => &[Channel::Email],
            Self::InApp => &[Channel::InApp],
            Self::Fallback => &[Channel::InApp, Channel::Sms, Channel::Email],
        }
    }
}

/// Which shapes, and how much of each: `sms=80,email=20`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mix(BTreeMap<Shape, u64>);

impl Mix {
    /// The channels that its messages can go over.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        let mut channels: Vec<Channel> = self.0.keys().flat_map(|shape| shape.channels()).copied().collect();
        channels.sort_by_key(|channel| *channel as u8);
        channels.dedup();
        channels
    }
}

impl FromStr for Mix {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut weights = BTreeMap::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').with_context(|| format!("{part}: must be shape=weight"))?;
            let shape = Shape::ALL.into_iter().find(|shape| shape.name() == name);
            let shape = shape.with_context(|| format!("{name}: must be sms, email, in_app or fallback"))?;
            let weight: u64 = weight.parse().with_context(|| format!("{weight}: must be a whole number"))?;
            if weights.insert(shape, weight).is_some() {
                bail!("{name}: stands there twice");
            }
        }
        weights.retain(|_, weight| *weight > 0);
        if weights.is_empty() {
            bail!("a mix needs a shape with a weight above 0");
        }
        Ok(Self(weights))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(shape, weight)| format!("{}={weight}", shape.name())).collect();
        f.write_str(&parts.join(","))
    }
}

/// As many as four digits tell apart, without the simulators' magic recipients.
pub(crate) const MOST_RECIPIENTS: u64 = 9_000;

/// Stands for four digits that differ from recipient to recipient.
const HOLE: &[u8] = b"@@@@";

/// Bodies by number: equal numbers give equal bytes.
#[derive(Debug, Clone)]
pub(crate) struct Payloads {
    templates: Vec<(u64, Template)>,
    weight: u64,
    recipients: u64,
}

#[derive(Debug, Clone)]
struct Template {
    bytes: Vec<u8>,
    holes: Vec<usize>,
}

impl Payloads {
    pub(crate) fn new(mix: &Mix) -> anyhow::Result<Self> {
        let mut templates = Vec::new();
        let mut weight = 0;
        for (shape, share) in &mix.0 {
            weight += share;
            templates.push((weight, template(shape.sample()).with_context(|| format!("sample {}", shape.name()))?));
        }
        Ok(Self { templates, weight, recipients: MOST_RECIPIENTS })
    }

    /// The same for so many recipients of each shape only.
    pub(crate) fn for_recipients(self, count: u64) -> Self {
        Self { recipients: count.clamp(1, MOST_RECIPIENTS), ..self }
    }

    /// The same for this time.
    pub(crate) fn scheduled(mut self, at: Timestamp) -> Self {
        // Right behind the object's opening brace.
        const PLACE: usize = 1;
        let field = format!("\"send_at\":\"{at}\",");
        for (_, template) in &mut self.templates {
            template.bytes.splice(PLACE..PLACE, field.bytes());
            template.holes.iter_mut().for_each(|hole| *hole += field.len());
        }
        self
    }

    /// The recipient of message `number`, and which template it has.
    pub(crate) fn recipient(&self, number: u64) -> (usize, u64) {
        let drawn = number::spread(number) % self.weight;
        // The last weight is the sum, so that one is always found.
        let template = self.templates.iter().position(|(up_to, _)| drawn < *up_to).unwrap_or(0);
        // 1000 and more: below lie the simulators' magic recipients.
        (template, 1_000 + number::spread(number.wrapping_add(1)) % self.recipients)
    }

    /// Appends the body of message `number`: a JSON object.
    pub(crate) fn write(&self, number: u64, out: &mut Vec<u8>) {
        let (template, mut digits) = self.recipient(number);
        let (_, template) = &self.templates[template];
        let start = out.len();
        out.extend_from_slice(&template.bytes);
        let mut text = *HOLE.first_chunk::<4>().unwrap_or(b"0000");
        for place in text.iter_mut().rev() {
            *place = b"0123456789"[usize::try_from(digits % 10).unwrap_or(0)];
            digits /= 10;
        }
        for hole in &template.holes {
            out[start + hole..start + hole + HOLE.len()].copy_from_slice(&text);
        }
    }
}

fn template(sample: &str) -> anyhow::Result<Template> {
    let mut body: Value = serde_json::from_str(sample)?;
    for (field, address) in
        [("phone", "+1500555@@@@"), ("email", "patient-@@@@.load@example.com"), ("in_app", "patient-@@@@")]
    {
        if let Some(value) = body.pointer_mut(&format!("/to/{field}")) {
            *value = Value::from(address);
        }
    }
    let bytes = serde_json::to_vec(&body)?;
    let holes: Vec<usize> =
        bytes.windows(HOLE.len()).enumerate().filter(|(_, window)| *window == HOLE).map(|(at, _)| at).collect();
    if holes.is_empty() {
        bail!("it has no recipient");
    }
    Ok(Template { bytes, holes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(payloads: &Payloads, number: u64) -> Value {
        let mut bytes = Vec::new();
        payloads.write(number, &mut bytes);
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn equal_numbers_make_equal_bodies_for_invented_people() {
        let payloads = Payloads::new(&"sms=1,email=1,in_app=1,fallback=1".parse().unwrap()).unwrap();
        for number in 0..2_000 {
            let body = body(&payloads, number);
            assert_eq!(body, self::body(&payloads, number));
            if let Some(phone) = body["to"]["phone"].as_str() {
                let last: u32 = phone.strip_prefix("+1500555").unwrap().parse().unwrap();
                assert!((1_000..10_000).contains(&last), "no magic recipient: {phone}");
            }
            assert!(!body["to"].to_string().contains('@') || body["to"].to_string().contains("@example.com"));
        }
    }

    #[test]
    fn the_usual_body_is_about_300_bytes() {
        let sample: Value = serde_json::from_str(Shape::Sms.sample()).unwrap();
        let text = sample["content"]["sms"]["text"].as_str().unwrap();
        assert!((280..=320).contains(&text.len()), "{}", text.len());
    }

    #[test]
    fn few_recipients_get_all_messages() {
        let payloads = Payloads::new(&"sms=1".parse().unwrap()).unwrap().for_recipients(50);
        let found: std::collections::BTreeSet<_> = (0..2_000).map(|number| payloads.recipient(number)).collect();
        assert_eq!(found.len(), 50);
    }

    #[test]
    fn scheduled_bodies_have_the_same_recipients() {
        let payloads = Payloads::new(&"sms=1,email=1".parse().unwrap()).unwrap();
        let scheduled = payloads.clone().scheduled("2026-11-23T09:00:00Z".parse().unwrap());
        for number in 0..100 {
            let (now, mut later) = (body(&payloads, number), body(&scheduled, number));
            assert_eq!(later.as_object_mut().unwrap().remove("send_at").unwrap(), "2026-11-23T09:00:00Z");
            assert_eq!(later, now);
        }
    }

    #[test]
    fn a_mix_is_kept_and_read_back() {
        let mix: Mix = "email=1,sms=3,in_app=0".parse().unwrap();
        assert_eq!(mix.to_string(), "sms=3,email=1");
        assert_eq!(mix.channels(), [Channel::Sms, Channel::Email]);
        let payloads = Payloads::new(&mix).unwrap();
        let texts = (0..4_000).filter(|number| body(&payloads, *number)["to"]["phone"].is_string()).count();
        assert!((2_850..3_150).contains(&texts), "{texts}");
    }

    #[test]
    fn a_wrong_mix_is_refused() {
        for text in ["", "sms", "fax=1", "sms=x", "sms=1,sms=2", "sms=0"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
