//! What leaves, made ready: the gate judges it as the recipient will see it.
//!
//! A text names the practice, an email has its footer and its way out, and what speaks of health stays behind where the
//! practice wants it so: then a notice leaves in its place, and the message itself waits in the recipient's inbox here.

use jiff::Timestamp;
use url::Url;

use carepost_consent::footer::Footer;
use carepost_consent::policy::SmsIdentification;
use carepost_consent::rules::{names_practice, purpose_of, wants_unsecured, with_practice_name, with_way_out};
use carepost_consent::tokens::{self, LinkUse, Subject};
use carepost_consent::types::{AddressKey, ContactFacts};
use carepost_guard::rules::refusal_code;
use carepost_guard::{Findings, GuardVerdict, action_for, judge, replacement};
use carepost_kernel::{
    Channel, Content, EmailContent, InAppContent, Language, Phi, PhiHandling, Purpose, SealError, SmsContent, Verdict,
};
use carepost_tenancy::TenantHandle;

use super::Rulebook;
use crate::types::{Delivery, Payload};

/// What making ready takes besides the delivery.
#[derive(Debug, Clone, Copy)]
pub struct Dressing<'a> {
    /// The tenant's policy.
    pub rulebook: &'a Rulebook,
    /// The tenant: its key seals what links say.
    pub tenant: &'a TenantHandle,
    /// Who reads there.
    pub contact: &'a ContactFacts,
    /// Our address as the world sees it.
    pub public_url: &'a Url,
    /// The present instant.
    pub now: Timestamp,
}

/// What is to be known of content as it would leave.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What the guard says of it.
    pub phi: Verdict,
    /// What the guard has done where it lets pass.
    pub done: Option<GuardDeed>,
    /// Whether a text message names the practice; none: it is no text message.
    pub is_identified: Option<bool>,
    /// Characters of a text message.
    pub text_chars: Option<u32>,
}

/// What the guard does with health information that it found and lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardDeed {
    /// A notice leaves in its place, with a link to it.
    Replaced,
    /// It leaves as it is: whoever it is for was told and wants it so.
    Wished,
}

impl Judged {
    /// What the guard has done where it lets pass: the name of its rule, and a code.
    #[must_use]
    pub fn note(&self) -> Option<(&'static str, &'static str)> {
        self.done.map(|done| match done {
            GuardDeed::Replaced => ("phi_guard", "replaced_by_link"),
            GuardDeed::Wished => ("phi_guard", "unsecured_by_wish"),
        })
    }
}

/// Content as it would leave.
#[derive(Debug)]
pub struct Dressed {
    /// For the provider.
    pub content: Content,
    /// For the gate.
    pub judged: Judged,
    /// What a notice leaves in the place of: readable before the notice is sent.
    pub secure: Option<SecureCopy>,
}

/// A message for the recipient's own inbox here.
#[derive(Debug, Clone)]
pub struct SecureCopy {
    /// Whose inbox.
    pub recipient: Phi<String>,
    /// The message.
    pub content: Phi<InAppContent>,
}

/// Makes content ready for its channel. `None` where the message has none for it.
///
/// # Errors
/// Where a link cannot be sealed.
pub fn dress(delivery: &Delivery, on: Dressing<'_>) -> Result<Option<Dressed>, SealError> {
    let payload = delivery.payload.expose();
    let Some(content) = payload.content(delivery.key.channel) else { return Ok(None) };
    let language = language(payload, on);
    let Guarded { mut content, phi, done, secure, found } = guard(content, delivery, language, on);
    if let Some((findings, verdict)) = found {
        carepost_guard::metrics::count(&findings, &verdict);
    }
    sign(&mut content, delivery, language, on);
    if let Content::Email(email) = &mut content {
        add_ways_out(email, delivery, language, on)?;
    }
    let judged = judged(&content, (phi, done), on);
    Ok(Some(Dressed { content, judged, secure }))
}

/// What would be known of content as it would leave, for whoever lets nothing leave: nothing is sealed, nothing counted.
/// `None` where the message has none for the channel.
#[must_use]
pub fn foresee_dressed(delivery: &Delivery, on: Dressing<'_>) -> Option<Judged> {
    let payload = delivery.payload.expose();
    let content = payload.content(delivery.key.channel)?;
    let language = language(payload, on);
    let Guarded { mut content, phi, done, .. } = guard(content, delivery, language, on);
    sign(&mut content, delivery, language, on);
    Some(judged(&content, (phi, done), on))
}

/// CON-014, CON-013: a text message says who speaks, where the practice wants it so, and advertising how to end it.
fn sign(content: &mut Content, delivery: &Delivery, language: Language, on: Dressing<'_>) {
    let policy = on.rulebook.policy().source();
    let Content::Sms(sms) = content else { return };
    if policy.identification.sms != SmsIdentification::Off {
        sms.text = with_practice_name(policy, &sms.text).into_owned();
    }
    if purpose(delivery, on) == Purpose::Marketing {
        sms.text = with_way_out(&sms.text, language).into_owned();
    }
}

/// The purpose that the rules go by.
fn purpose(delivery: &Delivery, on: Dressing<'_>) -> Purpose {
    let key = delivery.payload.expose().about.message_type.as_deref();
    purpose_of(delivery.purpose, key.and_then(|key| on.rulebook.policy().message_type(key)))
}

fn judged(content: &Content, (phi, done): (Verdict, Option<GuardDeed>), on: Dressing<'_>) -> Judged {
    let (is_identified, text_chars) = match content {
        Content::Sms(sms) => {
            let chars = u32::try_from(sms.text.chars().count()).unwrap_or(u32::MAX);
            (Some(names_practice(on.rulebook.policy().source(), &sms.text)), Some(chars))
        }
        Content::Email(_) | Content::InApp(_) => (None, None),
    };
    Judged { phi, done, is_identified, text_chars }
}

/// As the message says, else of the only reader, else of the practice.
fn language(payload: &Payload, on: Dressing<'_>) -> Language {
    let of_reader = match on.contact.people.as_slice() {
        [person] => Some(person.language.as_str()),
        _ => None,
    };
    let tag = payload.about.language.as_deref().or(of_reader);
    Language::of_tag(tag.unwrap_or(&on.rulebook.policy().source().practice.language))
}

/// Content as the guard lets it leave.
struct Guarded {
    content: Content,
    phi: Verdict,
    done: Option<GuardDeed>,
    secure: Option<SecureCopy>,
    /// What was found, where somebody looked.
    found: Option<(Findings, GuardVerdict)>,
}

/// CON-016: what speaks of health does not leave on a channel that cannot be read securely, where the practice says so.
fn guard(content: Content, delivery: &Delivery, language: Language, on: Dressing<'_>) -> Guarded {
    let payload = delivery.payload.expose();
    let wanted = on.rulebook.phi_handling(content.channel());
    if wanted == PhiHandling::Off || content.channel() == Channel::InApp {
        return Guarded { content, phi: Verdict::Go, done: None, secure: None, found: None };
    }
    // It is looked for whatever was wished: what leaves on the strength of a wish is noted.
    let recipient_id = payload.about.recipient_id;
    let is_wished = wants_unsecured(on.contact, recipient_id, purpose(delivery, on), on.now);
    let findings = find(&content, on);
    let verdict = judge(&findings, action_for(wanted, content.channel(), is_wished));
    let blocked = Verdict::OtherChannel { code: refusal_code(&findings) };
    let (content, phi, done, secure) = match verdict {
        GuardVerdict::Pass => (content, Verdict::Go, (!findings.is_clean()).then_some(GuardDeed::Wished), None),
        GuardVerdict::Block { .. } => (content, blocked, None, None),
        GuardVerdict::Replace { .. } => match secure_copy(&content, payload) {
            // What nobody could read there would be lost.
            None => (content, blocked, None, None),
            Some(secure) => (notice(&content, language, on), Verdict::Go, Some(GuardDeed::Replaced), Some(secure)),
        },
    };
    Guarded { content, phi, done, secure, found: Some((findings, verdict)) }
}

fn find(content: &Content, on: Dressing<'_>) -> Findings {
    let (guard, allowed, now) = (on.rulebook.guard(), on.rulebook.allowed(), on.now);
    // What a picture or a file says inside is not read; its name is.
    let in_name = |found: Findings, name: &str| found.and(guard.find_in_name(name, allowed, now));
    match content {
        Content::Sms(sms) => {
            sms.media_urls.iter().fold(guard.find(&sms.text, allowed, now), |found, url| in_name(found, url))
        }
        Content::InApp(in_app) => guard.find(&in_app.title, allowed, now).and(guard.find(&in_app.body, allowed, now)),
        Content::Email(email) => {
            let text = email.text.as_deref().unwrap_or_default();
            let html = email.html.as_deref().unwrap_or_default();
            let found = guard.find(&email.subject, allowed, now).and(guard.find(text, allowed, now));
            let found = found.and(guard.find_in_html(html, allowed, now));
            email.attachments.iter().fold(found, |found, attachment| in_name(found, &attachment.filename))
        }
    }
}

/// The message as the recipient's inbox here shows it, where it has an inbox and words for it.
fn secure_copy(content: &Content, payload: &Payload) -> Option<SecureCopy> {
    let recipient = payload.to.address(Channel::InApp)?.to_owned();
    let content = payload.in_app.clone().or_else(|| match content {
        Content::Sms(sms) if sms.media_urls.is_empty() => {
            Some(InAppContent { title: String::new(), body: sms.text.clone() })
        }
        Content::Email(EmailContent { subject, text: Some(text), attachments, .. }) if attachments.is_empty() => {
            Some(InAppContent { title: subject.clone(), body: text.clone() })
        }
        _ => None,
    })?;
    Some(SecureCopy { recipient: Phi::new(recipient), content: Phi::new(content) })
}

/// The notice that leaves in its place.
fn notice(content: &Content, language: Language, on: Dressing<'_>) -> Content {
    let practice = &on.rulebook.policy().source().practice;
    let name = if practice.name.is_empty() { &on.tenant.tenant.display_name } else { &practice.name };
    let words = replacement(language, name, &practice.portal_url);
    match content {
        Content::Sms(_) => Content::Sms(SmsContent { text: words.text, media_urls: Vec::new() }),
        Content::Email(email) => Content::Email(EmailContent {
            subject: words.subject,
            text: Some(words.text),
            html: None,
            attachments: Vec::new(),
            ..email.clone()
        }),
        Content::InApp(in_app) => Content::InApp(in_app.clone()),
    }
}

/// RFC 8058 and CAN-SPAM: the header for one click, and the footer with the practice's address.
fn add_ways_out(
    email: &mut EmailContent,
    delivery: &Delivery,
    language: Language,
    on: Dressing<'_>,
) -> Result<(), SealError> {
    let policy = on.rulebook.policy().source();
    // Advertising has one whatever the practice says: CAN-SPAM (15 U.S.C. 7704(a)(5)).
    let has_footer = policy.identification.email_footer || delivery.purpose == Purpose::Marketing;
    if delivery.purpose == Purpose::Emergency || !has_footer {
        return Ok(());
    }
    let about = &delivery.payload.expose().about;
    let topic = about.topic.or_else(|| {
        let key = about.message_type.as_deref()?;
        on.rulebook.policy().message_type(key).map(|known| known.topic)
    });
    let subject = Subject {
        recipient_id: about.recipient_id,
        address: Some(AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash }),
        topic,
        message_id: Some(delivery.key.message_id),
    };
    let unsubscribe = tokens::issue(on.tenant, LinkUse::Unsubscribe, &subject, on.now)?;
    email.unsubscribe_url = tokens::one_click_url(on.public_url, &unsubscribe);
    if has_footer {
        let preferences = tokens::issue(on.tenant, LinkUse::Preferences, &subject, on.now)?;
        let footer = Footer {
            practice_name: &policy.practice.name,
            postal_address: &policy.practice.postal_address,
            preferences_url: &tokens::preferences_url(on.public_url, &preferences),
            unsubscribe_url: &tokens::unsubscribe_url(on.public_url, &unsubscribe),
            language: language.as_str(),
        };
        email.text = email.text.as_deref().map(|text| footer.add_to_text(text));
        email.html = email.html.as_deref().map(|html| footer.add_to_html(html));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
