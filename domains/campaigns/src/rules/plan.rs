//! The plan of a message to somebody whom the tenant keeps here, where the caller names no channels (HUB-003, CON-001): those
//! of the message's type first, behind them whatever else the person is reached on, and before all the channel that the
//! person prefers. What a type names is where it begins, not where it ends (decision C34).

use carepost_consent::message_types::MessageType;
use carepost_consent::types::Recipient as Person;
use carepost_delivery::Strategy;
use carepost_delivery::types::Recipient;
use carepost_kernel::{Channel, Purpose};

/// Channels that a message may leave on, in the order of those that nobody has put in another one.
pub const SERVED: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::InApp];

/// What a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The message's type as the practice has it.
    pub of_type: Option<&'a MessageType>,
    /// Why it is sent, where that is said.
    pub purpose: Option<Purpose>,
    /// Channels that it says something for.
    pub offered: &'a [Channel],
    /// How the channels are used.
    pub strategy: Strategy,
    /// The channel that the person wants to be tried first.
    pub preferred: Option<Channel>,
}

impl Plan<'_> {
    /// The channels for a person who is reached at these addresses; empty where none fits.
    #[must_use]
    pub fn of(&self, person: &Person, to: &Recipient) -> Vec<Channel> {
        let is_reached = |channel: &Channel| self.offered.contains(channel) && to.address(*channel).is_some();
        let reached: Vec<Channel> = SERVED.into_iter().filter(is_reached).collect();
        let mut plan = Vec::with_capacity(reached.len());
        for channel in self.of_type.map_or(reached.as_slice(), |of_type| &of_type.channels) {
            if reached.contains(channel) && !plan.contains(channel) {
                plan.push(*channel);
            }
        }
        if self.strategy == Strategy::Fallback || plan.is_empty() {
            // With `all`, each channel more is one more message: there the type's own are all.
            let is_other = |channel: &Channel| *channel != Channel::InApp || self.reads_inbox(person, to);
            let others: Vec<Channel> =
                reached.iter().copied().filter(|channel| !plan.contains(channel) && is_other(channel)).collect();
            plan.extend(others);
        }
        if plan.is_empty() {
            plan = reached;
        }
        // As a wish to get nothing: an emergency goes by its own way (see the rule `preference`).
        let preferred = self.preferred.filter(|_| !self.is_emergency());
        if let Some(at) = preferred.and_then(|first| plan.iter().position(|channel| *channel == first)) {
            plan[..=at].rotate_right(1);
        }
        plan
    }

    fn is_emergency(&self) -> bool {
        self.purpose.or_else(|| self.of_type.map(|of_type| of_type.purpose)) == Some(Purpose::Emergency)
    }

    /// Everybody has an inbox here by their id, which few have ever opened: it takes over only for those who have one by a
    /// name of their own, or ask for it.
    fn reads_inbox(&self, person: &Person, to: &Recipient) -> bool {
        let is_own = to.in_app.as_deref().is_some_and(|name| name != person.recipient_id.to_string());
        is_own || self.preferred == Some(Channel::InApp)
    }
}

#[cfg(test)]
mod tests;
