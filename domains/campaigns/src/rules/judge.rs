//! What the gate says of a row: asked channel by channel, in the order in which the engine would try them (CAM-3).

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use carepost_consent::types::{AddressKey, ContactFacts};
use carepost_delivery::gate::dress::{Dressing, dress};
use carepost_delivery::gate::{GateFacts, Rulebook, Sender, ask};
use carepost_delivery::types::Delivery;
use carepost_kernel::{Channel, SealError, Verdict};
use carepost_tenancy::TenantHandle;
use url::Url;

use super::compose::{Composed, address_of};
use super::once::DUPLICATE;
use crate::types::{ChannelSaid, RowOutcome, RowState, RowVerdict, Said};

/// What holds for all rows of a page.
pub struct Circumstances<'a> {
    /// The present instant.
    pub now: Timestamp,
    /// The tenant's policy.
    pub rulebook: &'a Rulebook,
    /// The tenant: its key seals what links say.
    pub tenant: &'a TenantHandle,
    /// Where links lead.
    pub public_url: &'a Url,
    /// The tenant was paused by hand.
    pub is_paused: bool,
    /// Channels that were paused by hand.
    pub paused_channels: &'a BTreeSet<Channel>,
    /// Channels that have an account.
    pub with_sender: &'a BTreeSet<Channel>,
    /// When something that was paused by hand is looked at again.
    pub recheck: Timestamp,
    /// What is known of the addresses.
    pub facts: &'a HashMap<AddressKey, ContactFacts>,
}

/// Asks the gate about a row.
///
/// # Errors
/// What becomes of a row whose links cannot be sealed.
pub fn judge(row: &Composed, circumstances: &Circumstances<'_>) -> Result<Said, Box<RowOutcome>> {
    let mut channels: Vec<ChannelSaid> = Vec::new();
    for delivery in &row.deliveries {
        let said = on_channel(delivery, circumstances)
            .map_err(|_| Box::new(RowOutcome::failed(row.row_no, "link: it could not be sealed".to_owned())))?;
        let is_passed_on = said.verdict == RowVerdict::OtherChannel;
        channels.push(said);
        if !is_passed_on {
            break;
        }
    }
    Ok(all_in_all(channels))
}

/// The verdict that counts, from what was said of each channel that was asked about.
fn all_in_all(channels: Vec<ChannelSaid>) -> Said {
    let first_code = channels.iter().find_map(|said| said.code.clone());
    let last = channels.last();
    let is_first = channels.len() == 1;
    let (channel, until) = (last.map(|said| said.channel), last.and_then(|said| said.until));
    let verdict = match last.map(|said| said.verdict) {
        Some(RowVerdict::Go) if is_first => RowVerdict::Go,
        Some(RowVerdict::Go) => RowVerdict::OtherChannel,
        Some(RowVerdict::Wait) => RowVerdict::Wait,
        // No channel is left.
        Some(RowVerdict::OtherChannel | RowVerdict::Refuse) | None => RowVerdict::Refuse,
    };
    let of_last = last.and_then(|said| said.code.clone());
    let code = if verdict == RowVerdict::OtherChannel { first_code } else { of_last.or(first_code) };
    let channel = channel.filter(|_| verdict != RowVerdict::Refuse);
    Said { verdict, code, channel, until, channels }
}

fn on_channel(delivery: &Delivery, circumstances: &Circumstances<'_>) -> Result<ChannelSaid, SealError> {
    let channel = delivery.key.channel;
    let plain = |verdict, rule: Option<&str>, code: Option<&str>, until| ChannelSaid {
        channel,
        verdict,
        rule: rule.map(str::to_owned),
        code: code.map(str::to_owned),
        until,
    };
    let Some(contact) = circumstances.facts.get(&address_of(delivery)) else {
        return Ok(plain(RowVerdict::Wait, None, Some("facts"), Some(circumstances.recheck)));
    };
    let Circumstances { now, rulebook, tenant, public_url, .. } = *circumstances;
    let Some(dressed) = dress(delivery, Dressing { rulebook, tenant, contact, public_url, now })? else {
        return Ok(plain(RowVerdict::OtherChannel, None, Some("no_content_for_channel"), None));
    };
    let facts = GateFacts {
        now,
        is_paused: circumstances.is_paused || circumstances.paused_channels.contains(&channel),
        tenant_limit_until: None,
        sender: if circumstances.with_sender.contains(&channel) { Sender::Ready } else { Sender::Missing },
        pause_recheck: circumstances.recheck,
        contact,
        rulebook,
        judged: dressed.judged,
    };
    let verdicts = ask(delivery, &facts);
    let heaviest = verdicts.heaviest();
    let rule = verdicts.by_rule().into_iter().find(|(_, verdict)| **verdict == heaviest).map(|(rule, _)| rule);
    Ok(match heaviest {
        Verdict::Go => plain(RowVerdict::Go, None, None, None),
        Verdict::Wait { until, reason } => plain(RowVerdict::Wait, rule, Some(reason.as_str()), Some(until)),
        Verdict::OtherChannel { code } => plain(RowVerdict::OtherChannel, rule, Some(code), None),
        Verdict::Refuse { code } => plain(RowVerdict::Refuse, rule, Some(code), None),
    })
}

/// What becomes of a counted row: it stays where it is.
#[must_use]
pub fn counted(row_no: i32, said: Said) -> RowOutcome {
    RowOutcome { row_no, state: RowState::Waiting, due_at: None, said: Some(said), message_id: None, error: None }
}

/// What becomes of a row whose turn has come and that does not go now; none: it goes.
#[must_use]
pub fn held_back(row_no: i32, said: &Said) -> Option<RowOutcome> {
    let (state, due_at) = match said.verdict {
        RowVerdict::Go | RowVerdict::OtherChannel => return None,
        RowVerdict::Wait => (RowState::Held, said.until),
        RowVerdict::Refuse => (RowState::Refused, None),
    };
    Some(RowOutcome { row_no, state, due_at, said: Some(said.clone()), message_id: None, error: None })
}

/// Whether a row that is held, and is asked about again within a short while, stands as it is stored: then nothing is
/// written, however often it is asked about. Until then its time is that of the first answer.
#[must_use]
pub fn stands(held: Option<&Said>, outcome: &RowOutcome, recheck: Timestamp) -> bool {
    let (Some(before), Some(now)) = (held, &outcome.said) else { return false };
    let is_soon = outcome.due_at.is_some_and(|due_at| due_at <= recheck);
    let of_channels = |said: &Said| {
        let without_time = |said: &ChannelSaid| ChannelSaid { until: None, ..said.clone() };
        said.channels.iter().map(without_time).collect::<Vec<_>>()
    };
    let is_same = |before: &Said| {
        (before.verdict, &before.code, before.channel) == (now.verdict, &now.code, now.channel)
            && of_channels(before) == of_channels(now)
    };
    // What waits for another row is written: its time says that it holds nothing meanwhile (CAM-5).
    let is_doubled = now.code.as_deref() == Some(DUPLICATE);
    outcome.state == RowState::Held && is_soon && !is_doubled && is_same(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::once::duplicate;

    fn said(channel: Channel, verdict: RowVerdict, code: Option<&str>) -> ChannelSaid {
        let until = (verdict == RowVerdict::Wait).then_some(Timestamp::UNIX_EPOCH);
        ChannelSaid { channel, verdict, rule: None, code: code.map(str::to_owned), until }
    }

    fn check(channels: Vec<ChannelSaid>, verdict: RowVerdict, code: Option<&str>, channel: Option<Channel>) {
        let all = all_in_all(channels);
        assert_eq!((all.verdict, all.code.as_deref(), all.channel), (verdict, code, channel));
    }

    #[test]
    fn the_verdict_on_a_row_is_that_of_the_channel_that_it_takes() {
        use RowVerdict::{Go, OtherChannel, Refuse, Wait};
        let (sms, email) = (Channel::Sms, Channel::Email);
        check(vec![said(sms, Go, None)], Go, None, Some(sms));
        check(vec![said(sms, Wait, Some("quiet_hours"))], Wait, Some("quiet_hours"), Some(sms));
        check(vec![said(sms, Refuse, Some("expired"))], Refuse, Some("expired"), None);
        check(
            vec![said(sms, OtherChannel, Some("opted_out")), said(email, Go, None)],
            OtherChannel,
            Some("opted_out"),
            Some(email),
        );
        check(
            vec![said(sms, OtherChannel, Some("opted_out")), said(email, OtherChannel, Some("no_consent"))],
            Refuse,
            Some("no_consent"),
            None,
        );
        check(Vec::new(), Refuse, None, None);
    }

    #[test]
    fn hub_014_what_is_held_as_before_is_not_written_again() {
        let later = |seconds| Timestamp::from_second(seconds).unwrap();
        let paused = |until: Timestamp| {
            let one = ChannelSaid { until: Some(until), ..said(Channel::Sms, RowVerdict::Wait, Some("paused")) };
            all_in_all(vec![one])
        };
        let again = held_back(1, &paused(later(60))).unwrap();
        let check = |held: Option<Said>, outcome: &RowOutcome, recheck, expected| {
            assert_eq!(stands(held.as_ref(), outcome, recheck), expected);
        };
        check(Some(paused(later(30))), &again, later(60), true);
        check(None, &again, later(60), false);
        // Its hour has been put off: that is worth a look later, not soon.
        check(Some(paused(later(30))), &again, later(59), false);
        let other = all_in_all(vec![said(Channel::Sms, RowVerdict::Wait, Some("no_sender"))]);
        check(Some(other), &again, later(60), false);
        let doubled = duplicate(1, &[], &BTreeSet::new(), later(60));
        check(doubled.said.clone(), &doubled, later(60), false);
        let gone = RowOutcome { state: RowState::Refused, ..again.clone() };
        check(Some(paused(later(30))), &gone, later(60), false);
    }

    #[test]
    fn what_waits_is_held_until_then_and_what_is_refused_stays() {
        let wait = all_in_all(vec![said(Channel::Sms, RowVerdict::Wait, Some("quiet_hours"))]);
        let held = held_back(1, &wait).unwrap();
        assert_eq!((held.state, held.due_at), (RowState::Held, Some(Timestamp::UNIX_EPOCH)));
        assert_eq!(held_back(1, &all_in_all(Vec::new())).unwrap().state, RowState::Refused);
        assert_eq!(held_back(1, &all_in_all(vec![said(Channel::Sms, RowVerdict::Go, None)])), None);
    }
}
