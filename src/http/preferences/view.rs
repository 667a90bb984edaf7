//! What the preference page shows.

use carepost_consent::commands::Reader;
use carepost_kernel::{Channel, Language, Topic};
use serde::Serialize;

use super::form::{CHANNELS, Choice, Fault, KEPT, Rhythm, Wishes};
use crate::http::pages;

/// Offered as the most messages of a week.
const MOST: [u16; 9] = [1, 2, 3, 4, 5, 7, 10, 14, 21];

#[derive(Serialize)]
pub(super) struct PreferencesView {
    heading: &'static str,
    practice: String,
    form: String,
    faults: Vec<FaultView>,
    quiet_fault: Option<&'static str>,
    saved: Option<&'static str>,
    summary: Vec<String>,
    stopped: Vec<String>,
    can_resume: bool,
    stopped_by_text: bool,
    can_stop: bool,
    contacts: Vec<String>,
    channels: Vec<&'static str>,
    topics: Vec<TopicView>,
    quiet_from: String,
    quiet_until: String,
    most_per_week: Vec<OptionView>,
    digest: Vec<OptionView>,
    first_channel: Vec<OptionView>,
    languages: Vec<OptionView>,
}

#[derive(Serialize)]
struct FaultView {
    field: Option<&'static str>,
    text: &'static str,
}

#[derive(Serialize)]
struct TopicView {
    key: &'static str,
    name: &'static str,
    hint: &'static str,
    channels: Vec<ChoiceView>,
}

#[derive(Serialize)]
struct ChoiceView {
    topic: &'static str,
    value: String,
    name: &'static str,
    is_wanted: bool,
}

#[derive(Serialize)]
struct OptionView {
    value: String,
    name: String,
    is_chosen: bool,
}

/// What has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The page was opened.
    None,
    /// By the name of the words that say so.
    Done(&'static str),
    /// Nothing was saved.
    Fault(Fault),
    /// The form was none of this page, or was left open for too long.
    Stale,
}

impl PreferencesView {
    /// The page of a reader: with the wishes that hold, or those that were filled in.
    pub(super) fn of(reader: &Reader, practice: &str, wishes: &Wishes, form: String, news: News) -> Self {
        let language = wishes.language;
        let word = |name| pages::word(language, &["preferences", name]);
        let saved = match news {
            News::Done(name) => Some(word(name)),
            News::None | News::Fault(_) | News::Stale => None,
        };
        let faults = match news {
            News::Fault(Fault { field, word: name }) => vec![FaultView { field: Some(field), text: word(name) }],
            News::Stale => vec![FaultView { field: None, text: word("fault_form") }],
            News::None | News::Done(_) => Vec::new(),
        };
        let quiet_fault = match news {
            News::Fault(Fault { word: name, .. }) => Some(word(name)),
            _ => None,
        };
        let is_known = reader.recipient_id.is_some();
        let stopped = stopped(reader, language);
        Self {
            heading: word("heading"),
            practice: practice.to_owned(),
            form,
            faults,
            quiet_fault,
            saved,
            summary: if news == News::Done("saved") { summary(wishes) } else { Vec::new() },
            can_stop: stopped.is_empty(),
            stopped,
            can_resume: reader.stopped.len() > reader.elsewhere.len(),
            stopped_by_text: reader.elsewhere.iter().any(|key| key.channel == Channel::Sms),
            contacts: contacts(reader, language),
            channels: wishes.channels.iter().map(|channel| channel.as_str()).collect(),
            topics: if is_known { topics(wishes) } else { Vec::new() },
            quiet_from: wishes.quiet_from.clone(),
            quiet_until: wishes.quiet_until.clone(),
            most_per_week: most_per_week(wishes),
            digest: digest(wishes),
            first_channel: first_channel(wishes),
            languages: languages(wishes),
        }
    }
}

/// The channels that a reader has choices for: those with an address, or all where there is none.
pub(super) fn channels_of(reader: &Reader) -> std::collections::BTreeSet<Channel> {
    let has = |channel: &Channel| reader.points.iter().any(|point| point.key.channel == *channel);
    let found: std::collections::BTreeSet<Channel> = CHANNELS.into_iter().filter(has).collect();
    if found.is_empty() { CHANNELS.into_iter().collect() } else { found }
}

fn channel_word(language: Language, channel: Channel) -> &'static str {
    pages::word(language, &["channels", channel.as_str()])
}

fn contacts(reader: &Reader, language: Language) -> Vec<String> {
    let shown = reader.points.iter().filter(|point| point.key.channel != Channel::InApp);
    shown.map(|point| format!("{}: {}", channel_word(language, point.key.channel), point.masked)).collect()
}

/// The addresses that get nothing any more.
fn stopped(reader: &Reader, language: Language) -> Vec<String> {
    let this_address = pages::word(language, &["preferences", "this_address"]);
    let masked = |key| reader.points.iter().find(|point| point.key == key).map_or(this_address, |point| &point.masked);
    let show = |key: &carepost_consent::types::AddressKey| {
        format!("{}: {}", channel_word(language, key.channel), masked(*key))
    };
    reader.stopped.iter().map(show).collect()
}

/// What is wanted now, channel by channel, and what was chosen of the lists.
fn summary(wishes: &Wishes) -> Vec<String> {
    let language = wishes.language;
    let of = |channel: &Channel| {
        let wanted = Topic::ALL.into_iter().filter(|topic| wishes.wanted.contains(&(*topic, *channel)));
        let names: Vec<&str> = wanted.map(|topic| pages::word(language, &["topics", topic.as_str(), "name"])).collect();
        let names = if names.is_empty() {
            pages::word(language, &["preferences", "summary_none"]).to_owned()
        } else {
            names.join(", ")
        };
        format!("{}: {names}", channel_word(language, *channel))
    };
    let word = |name| pages::word(language, &["preferences", name]);
    let chosen = |title, options: Vec<OptionView>| {
        let option = options.into_iter().find(|option| option.is_chosen && !option.value.is_empty())?;
        Some(format!("{}: {}", word(title), option.name))
    };
    let lists = [chosen("digest_title", digest(wishes)), chosen("first_title", first_channel(wishes))];
    wishes.channels.iter().map(of).chain(lists.into_iter().flatten()).collect()
}

/// Whether what does not hurry comes gathered: three ways, and the wish of elsewhere that none of them is.
fn digest(wishes: &Wishes) -> Vec<OptionView> {
    let option = |value: &str, name: &str, choice| OptionView {
        value: value.to_owned(),
        name: pages::word(wishes.language, &["preferences", name]).to_owned(),
        is_chosen: wishes.digest == choice,
    };
    let mut options = vec![option("", "digest_none", Choice::Of(None))];
    options.extend(Rhythm::ALL.into_iter().map(|rhythm| {
        let name = match rhythm {
            Rhythm::Daily => "digest_daily",
            Rhythm::Weekly => "digest_weekly",
        };
        option(rhythm.as_str(), name, Choice::Of(Some(rhythm)))
    }));
    if wishes.digest == Choice::Kept {
        options.push(option(KEPT, "digest_kept", Choice::Kept));
    }
    options
}

/// The channel that is tried first: those of the page, and the one that holds.
fn first_channel(wishes: &Wishes) -> Vec<OptionView> {
    let held = match wishes.first_channel {
        Choice::Of(held) => held,
        Choice::Kept => None,
    };
    let shown = wishes.channels.iter().copied().chain(held.filter(|channel| !wishes.channels.contains(channel)));
    let none = OptionView {
        value: String::new(),
        name: pages::word(wishes.language, &["preferences", "first_none"]).to_owned(),
        is_chosen: held.is_none(),
    };
    let some = shown.map(|channel| OptionView {
        value: channel.as_str().to_owned(),
        name: channel_word(wishes.language, channel).to_owned(),
        is_chosen: held == Some(channel),
    });
    std::iter::once(none).chain(some).collect()
}

fn topics(wishes: &Wishes) -> Vec<TopicView> {
    let language = wishes.language;
    let choices = |topic: Topic| {
        let choice = |channel: &Channel| ChoiceView {
            topic: topic.as_str(),
            value: format!("{}.{}", topic.as_str(), channel.as_str()),
            name: channel_word(language, *channel),
            is_wanted: wishes.wanted.contains(&(topic, *channel)),
        };
        wishes.channels.iter().map(choice).collect()
    };
    let show = |topic: Topic| TopicView {
        key: topic.as_str(),
        name: pages::word(language, &["topics", topic.as_str(), "name"]),
        hint: pages::word(language, &["topics", topic.as_str(), "hint"]),
        channels: choices(topic),
    };
    Topic::ALL.into_iter().map(show).collect()
}

fn most_per_week(wishes: &Wishes) -> Vec<OptionView> {
    let word = |name| pages::word(wishes.language, &["preferences", name]);
    let mut counts: Vec<u16> = MOST.into_iter().chain(wishes.most_per_week).collect();
    counts.sort_unstable();
    counts.dedup();
    let name = |count: u16| match count {
        1 => word("most_one").to_owned(),
        _ => format!("{count} {}", word("most_many")),
    };
    let none = OptionView {
        value: String::new(),
        name: word("most_none").to_owned(),
        is_chosen: wishes.most_per_week.is_none(),
    };
    let some = counts.into_iter().map(|count| OptionView {
        value: count.to_string(),
        name: name(count),
        is_chosen: wishes.most_per_week == Some(count),
    });
    std::iter::once(none).chain(some).collect()
}

fn languages(wishes: &Wishes) -> Vec<OptionView> {
    let show = |language: Language| OptionView {
        value: language.as_str().to_owned(),
        name: pages::word(language, &["languages", language.as_str()]).to_owned(),
        is_chosen: language == wishes.language,
    };
    Language::ALL.into_iter().map(show).collect()
}
