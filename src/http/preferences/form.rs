//! The form of the preference page, as a browser sends it without any script.

use std::collections::BTreeSet;

use carepost_consent::types::{Preferences, QuietHours};
use carepost_kernel::{Channel, Language, Topic};
use jiff::civil::Time;
use url::form_urlencoded;

/// The page has choices for these.
pub(super) const CHANNELS: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::InApp];

/// What is on the page: what holds, or what somebody has just filled in.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Wishes {
    /// Channels that there are choices for.
    pub(super) channels: BTreeSet<Channel>,
    /// What is wanted, and how.
    pub(super) wanted: BTreeSet<(Topic, Channel)>,
    /// The beginning of quiet hours, as it was typed.
    pub(super) quiet_from: String,
    /// Their end.
    pub(super) quiet_until: String,
    /// At most so many a week.
    pub(super) most_per_week: Option<u16>,
    /// The language of messages.
    pub(super) language: Language,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// The choices shall hold.
    Save(Wishes),
    /// Nothing more, anywhere.
    Stop,
    /// Everything again.
    Resume,
}

/// A form that could be read.
pub(super) struct Form {
    /// The mark that the page gave it.
    pub(super) mark: String,
    /// What is to be done.
    pub(super) action: Action,
}

/// What is wrong with what was filled in: the name of the field and of the words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: &'static str,
    pub(super) word: &'static str,
}

impl Wishes {
    /// What holds.
    pub(super) fn of(preferences: &Preferences, language: Language, channels: BTreeSet<Channel>) -> Self {
        let is_wanted = |topic: &Topic, channel: &Channel| {
            !preferences.off.get(topic).is_some_and(|channels| channels.contains(channel))
        };
        let all = || Topic::ALL.into_iter().flat_map(|topic| channels.iter().map(move |channel| (topic, *channel)));
        let time = |time: Option<Time>| time.map_or_else(String::new, |time| time.strftime("%H:%M").to_string());
        Self {
            wanted: all().filter(|(topic, channel)| is_wanted(topic, channel)).collect(),
            channels,
            quiet_from: time(preferences.quiet.map(|quiet| quiet.from)),
            quiet_until: time(preferences.quiet.map(|quiet| quiet.until)),
            most_per_week: preferences.most_per_week,
            language,
        }
    }

    /// What holds from now on: what the page has no choice for stays as it is.
    ///
    /// # Errors
    /// What is wrong with the quiet hours.
    pub(super) fn apply(&self, to: &Preferences) -> Result<Preferences, Fault> {
        let quiet = self.quiet()?;
        let mut preferences = Preferences { quiet, most_per_week: self.most_per_week, ..to.clone() };
        for topic in Topic::ALL {
            let off = preferences.off.entry(topic).or_default();
            for channel in &self.channels {
                if self.wanted.contains(&(topic, *channel)) {
                    off.remove(channel);
                } else {
                    off.insert(*channel);
                }
            }
        }
        preferences.off.retain(|_, channels| !channels.is_empty());
        Ok(preferences)
    }

    fn quiet(&self) -> Result<Option<QuietHours>, Fault> {
        let fault = |field, word| Fault { field, word };
        let (from, until) = match (self.quiet_from.as_str(), self.quiet_until.as_str()) {
            ("", "") => return Ok(None),
            ("", _) => return Err(fault("quiet_from", "fault_quiet_one")),
            (_, "") => return Err(fault("quiet_until", "fault_quiet_one")),
            times => times,
        };
        let from = time(from).ok_or(fault("quiet_from", "fault_time"))?;
        let until = time(until).ok_or(fault("quiet_until", "fault_time"))?;
        if from == until {
            return Err(fault("quiet_until", "fault_quiet_same"));
        }
        Ok(Some(QuietHours { from, until }))
    }
}

/// A time of day as `input type="time"` sends it, to the minute.
fn time(text: &str) -> Option<Time> {
    let (hour, rest) = text.split_once(':')?;
    let minute = rest.split_once(':').map_or(rest, |(minute, _seconds)| minute);
    let is_number = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hour) || !is_number(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// Reads a form; `None` for whatever is none of ours.
pub(super) fn read(body: &[u8]) -> Option<Form> {
    let mut mark = None;
    let mut action = None;
    let mut wishes = Wishes {
        channels: BTreeSet::new(),
        wanted: BTreeSet::new(),
        quiet_from: String::new(),
        quiet_until: String::new(),
        most_per_week: None,
        language: Language::En,
    };
    for (name, value) in form_urlencoded::parse(body) {
        match name.as_ref() {
            "form" => mark = Some(value.into_owned()),
            "action" => action = Some(value.into_owned()),
            "channel" => drop(wishes.channels.insert(channel(&value)?)),
            "want" => {
                let (topic, on) = value.split_once('.')?;
                wishes.wanted.insert((topic.parse().ok()?, channel(on)?));
            }
            "quiet_from" => wishes.quiet_from = short(&value)?,
            "quiet_until" => wishes.quiet_until = short(&value)?,
            "most_per_week" => wishes.most_per_week = most(&value)?,
            "language" => wishes.language = Language::named(&value)?,
            _ => return None,
        }
    }
    let action = match action?.as_str() {
        "save" if !wishes.channels.is_empty() => Action::Save(wishes),
        "stop" => Action::Stop,
        "resume" => Action::Resume,
        _ => return None,
    };
    Some(Form { mark: mark?, action })
}

fn channel(name: &str) -> Option<Channel> {
    CHANNELS.into_iter().find(|channel| channel.as_str() == name)
}

fn short(text: &str) -> Option<String> {
    (text.len() <= 16).then(|| text.trim().to_owned())
}

fn most(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    text.parse().ok().filter(|count| (1..=100).contains(count)).map(Some)
}

#[cfg(test)]
mod tests;
