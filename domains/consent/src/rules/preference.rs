//! What the recipient wants to hear about, and where.

use carepost_kernel::Verdict;

use super::{GateCode, GateQuestion};

/// Holds where the topic is switched off on this channel. Where nobody says for whom it is, one wish at the address is
/// enough.
#[must_use]
pub fn preference(question: &GateQuestion<'_>) -> Verdict {
    let Some(topic) = question.topic() else { return Verdict::Go };
    let is_off = question.addressed().iter().any(|person| {
        let off = person.preferences.off.get(&topic);
        off.is_some_and(|channels| channels.contains(&question.channel))
    });
    if is_off && !question.is_emergency() { GateCode::TopicOff.other_channel() } else { Verdict::Go }
}
