//! Whether the consent that the policy asks for is on file.

use jiff::Timestamp;

use carepost_kernel::{Channel, Purpose, RecipientId, Verdict};

use super::guardians::is_out_of_scope;
use super::{GateCode, GateQuestion};
use crate::policy::{ConsentNeed, UnknownAddress};
use crate::types::{ConsentState, ContactFacts, Grant, PersonFacts};

/// How things stand with consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Enough,
    Missing,
    Expired,
    Revoked,
}

/// Holds where the consent for this purpose is missing, has expired or was taken back.
///
/// A revocation by anybody at the address stands until a later grant: whoever reads there has asked for silence (decision
/// C58). Where the message is for one person, only that person's grants count. Advertising needs a grant that names it:
/// consent to everything is not consent to advertising. Whose link to the person has ended, or is for something else, hears
/// nothing of them, whatever the policy asks for (decision C59).
#[must_use]
pub fn consent(question: &GateQuestion<'_>) -> Verdict {
    if is_out_of_scope(question) {
        return GateCode::GuardianOutOfScope.other_channel();
    }
    let purpose = question.purpose();
    let missing = if purpose == Purpose::Marketing { GateCode::NoMarketingConsent } else { GateCode::NoConsent };
    match standing(question) {
        Standing::Enough => Verdict::Go,
        Standing::Missing if may_go_exempt(question) => Verdict::Go,
        Standing::Missing => missing.other_channel(),
        Standing::Expired => GateCode::ConsentExpired.other_channel(),
        Standing::Revoked => GateCode::ConsentRevoked.other_channel(),
    }
}

/// Whether it leaves on the health-care exemption instead of consent. Such messages have limits of their own, and their
/// [`PastSend`](crate::types::PastSend) says so.
#[must_use]
pub fn goes_by_exemption(question: &GateQuestion<'_>) -> bool {
    // The cheap half first: few practices use it.
    may_go_exempt(question) && standing(question) == Standing::Missing
}

fn may_go_exempt(question: &GateQuestion<'_>) -> bool {
    let is_phone = matches!(question.channel, Channel::Sms | Channel::Voice);
    let is_listed = question.message_type.is_some_and(|found| found.is_exempt_purpose);
    let was_given = match question.recipient_id {
        Some(_) => question.person().is_some(),
        None => !question.facts.people.is_empty(),
    };
    question.policy.source().exemption.is_used && is_phone && is_listed && was_given && !question.is_marketing()
}

fn standing(question: &GateQuestion<'_>) -> Standing {
    let purpose = question.purpose();
    let need = question.policy.need(purpose, question.channel);
    if question.policy.is_for_emergencies_only() && purpose != Purpose::Emergency {
        return Standing::Missing;
    }
    let people = question.facts.people.as_slice();
    if people.is_empty() && question.recipient_id.is_none() && purpose != Purpose::Emergency {
        return match question.policy.unknown_address(purpose) {
            UnknownAddress::CallerAttests => Standing::Enough,
            UnknownAddress::Refuse => Standing::Missing,
        };
    }
    let now = question.now;
    let revoked_at = people.iter().flat_map(|person| revocations(person, purpose)).max();
    let grants = || question.addressed().iter().flat_map(|person| grants(person, purpose));
    // A revocation and a grant of the same instant: the revocation stands.
    let is_later = |grant: &Grant| revoked_at.is_none_or(|revoked_at| revoked_at < grant.since);
    let is_alive = |grant: &Grant| grant.expires_at.is_none_or(|expires_at| now < expires_at);
    let is_lifted = revoked_at.is_none() || grants().any(|grant| is_later(grant) && is_alive(grant));
    if !is_lifted {
        return Standing::Revoked;
    }
    let is_enough = |grant: &Grant| is_later(grant) && satisfies(grant, purpose, need);
    let is_known = question.recipient_id.is_none() || question.person().is_some();
    match need {
        ConsentNeed::None => Standing::Enough,
        ConsentNeed::Implied if is_known => Standing::Enough,
        _ if !is_known => Standing::Missing,
        _ if grants().any(|grant| is_enough(grant) && is_alive(grant)) => Standing::Enough,
        _ if grants().any(is_enough) => Standing::Expired,
        _ => Standing::Missing,
    }
}

/// Whether the message may speak of health on a channel that others can read, because whoever it is for was told so and
/// still wants it there (decision C35). Where it does not say for whom it is, the only person at the address can have
/// wished so. Nobody's grant outlives a revocation at the address.
#[must_use]
pub fn wants_unsecured(
    facts: &ContactFacts,
    recipient_id: Option<RecipientId>,
    purpose: Purpose,
    now: Timestamp,
) -> bool {
    let person = match (recipient_id, facts.people.as_slice()) {
        (Some(recipient_id), people) => people.iter().find(|person| person.has_record(recipient_id)),
        (None, [person]) => Some(person),
        (None, _) => None,
    };
    let revoked_at = facts.people.iter().flat_map(|person| revocations(person, purpose)).max();
    let holds = |grant: &Grant| {
        grant.state == ConsentState::GrantedUnsecured
            && revoked_at.is_none_or(|revoked_at| revoked_at < grant.since)
            && grant.expires_at.is_none_or(|expires_at| now < expires_at)
    };
    person.is_some_and(|person| {
        // What was said of the purpose itself counts before what was said of all.
        let named = person.grants.iter().find(|grant| grant.purpose == Some(purpose));
        named.or_else(|| person.grants.iter().find(|grant| grant.purpose.is_none())).is_some_and(holds)
    })
}

fn speaks_of(grant: &Grant, purpose: Purpose) -> bool {
    grant.purpose.is_none_or(|named| named == purpose)
}

fn revocations(person: &PersonFacts, purpose: Purpose) -> impl Iterator<Item = Timestamp> {
    let revoked = move |grant: &&Grant| grant.state == ConsentState::Revoked && speaks_of(grant, purpose);
    person.grants.iter().filter(revoked).map(|grant| grant.since)
}

fn grants(person: &PersonFacts, purpose: Purpose) -> impl Iterator<Item = &Grant> {
    person.grants.iter().filter(move |grant| grant.state != ConsentState::Revoked && speaks_of(grant, purpose))
}

fn satisfies(grant: &Grant, purpose: Purpose, need: ConsentNeed) -> bool {
    let names_purpose = purpose != Purpose::Marketing || grant.purpose == Some(Purpose::Marketing);
    let is_strong = need != ConsentNeed::Written || grant.state != ConsentState::Granted;
    names_purpose && is_strong
}
