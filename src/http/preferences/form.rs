//! The form of the preference page, as a browser sends it without any script.

use std::collections::BTreeSet;

use carepost_consent::types::{Digest, Preferences, QuietHours};
use carepost_kernel::{Channel, Language, Topic};
use jiff::civil::{Time, Weekday};
use url::form_urlencoded;

/// The page has choices for these.
pub(super) const CHANNELS: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::InApp];

/// What the page gathers: nothing of it is missed by waiting.
const GATHERED: [Topic; 3] = [Topic::Financial, Topic::Surveys, Topic::Marketing];
/// When the page has it come.
const GATHERED_AT: Time = Time::constant(17, 0, 0, 0);

/// A choice of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice<T> {
    /// Stays as it is: the page has no words for it, or the form did not name it.
    Kept,
    /// This; none: as the practice does it.
    Of(Option<T>),
}

impl<T> Choice<T> {
    fn or(self, present: Option<T>) -> Option<T> {
        match self {
            Self::Kept => present,
            Self::Of(chosen) => chosen,
        }
    }
}

/// How often messages that do not hurry come, gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rhythm {
    /// Each evening.
    Daily,
    /// On Mondays.
    Weekly,
}

impl Rhythm {
    pub(super) const ALL: [Self; 2] = [Self::Daily, Self::Weekly];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    fn digest(self) -> Digest {
        let on = match self {
            Self::Daily => None,
            Self::Weekly => Some(Weekday::Monday),
        };
        Digest { topics: GATHERED.into(), at: GATHERED_AT, on }
    }
}

/// The value of what stays as it is.
pub(super) const KEPT: &str = "kept";

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
    /// Whether what does not hurry comes gathered.
    pub(super) digest: Choice<Rhythm>,
    /// The channel that is tried first.
    pub(super) first_channel: Choice<Channel>,
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
            digest: gathered(preferences.digest.as_ref()),
            first_channel: Choice::Of(preferences.first_channel),
            language,
        }
    }

    /// What holds from now on: what the page has no choice for stays as it is.
    ///
    /// # Errors
    /// What is wrong with the quiet hours.
    pub(super) fn apply(&self, to: &Preferences) -> Result<Preferences, Fault> {
        let quiet = self.quiet()?;
        let digest = match self.digest {
            Choice::Kept => to.digest.clone(),
            Choice::Of(rhythm) => rhythm.map(Rhythm::digest),
        };
        let first_channel = self.first_channel.or(to.first_channel);
        let most_per_week = self.most_per_week;
        let mut preferences = Preferences { quiet, most_per_week, digest, first_channel, ..to.clone() };
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

/// The choice that a wish is. One of another time or other topics came from elsewhere, and stays as it is.
fn gathered(wish: Option<&Digest>) -> Choice<Rhythm> {
    let Some(wish) = wish else { return Choice::Of(None) };
    let known = Rhythm::ALL.into_iter().find(|rhythm| rhythm.digest() == *wish);
    known.map_or(Choice::Kept, |rhythm| Choice::Of(Some(rhythm)))
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
        digest: Choice::Kept,
        first_channel: Choice::Kept,
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
            "digest" => wishes.digest = chosen(&value, rhythm)?,
            "first_channel" => wishes.first_channel = chosen(&value, |name| name.parse().ok())?,
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

/// Which of a list; nothing is as the practice does it.
fn chosen<T>(value: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Choice<T>> {
    match value {
        KEPT => Some(Choice::Kept),
        "" => Some(Choice::Of(None)),
        name => read(name).map(|found| Choice::Of(Some(found))),
    }
}

fn rhythm(name: &str) -> Option<Rhythm> {
    Rhythm::ALL.into_iter().find(|rhythm| rhythm.as_str() == name)
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
