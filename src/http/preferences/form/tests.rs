//! What a browser sends becomes wishes, and comes back as it was.

use proptest::prelude::*;

use super::*;

fn all() -> BTreeSet<Channel> {
    CHANNELS.into_iter().collect()
}

/// As a browser sends the page back.
fn encoded(wishes: &Wishes, action: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("form", "mark");
    for channel in &wishes.channels {
        form.append_pair("channel", channel.as_str());
    }
    for (topic, channel) in &wishes.wanted {
        form.append_pair("want", &format!("{}.{}", topic.as_str(), channel.as_str()));
    }
    form.append_pair("quiet_from", &wishes.quiet_from).append_pair("quiet_until", &wishes.quiet_until);
    form.append_pair("most_per_week", &wishes.most_per_week.map_or_else(String::new, |most| most.to_string()));
    // A list that was not shown a choice of is not sent.
    let list = |name: &'static str, value: Option<&'static str>| value.map(|value| (name, value));
    let digest = match wishes.digest {
        Choice::Kept => KEPT,
        Choice::Of(rhythm) => rhythm.map_or("", Rhythm::as_str),
    };
    let first = match wishes.first_channel {
        Choice::Kept => None,
        Choice::Of(channel) => Some(channel.map_or("", Channel::as_str)),
    };
    form.extend_pairs([list("digest", Some(digest)), list("first_channel", first)].into_iter().flatten());
    form.append_pair("language", wishes.language.as_str()).append_pair("action", action);
    form.finish()
}

fn saved(body: &str) -> Wishes {
    match read(body.as_bytes()).expect("a form of ours").action {
        Action::Save(wishes) => wishes,
        Action::Stop | Action::Resume => panic!("not saved"),
    }
}

#[test]
fn con_001_what_is_not_ticked_is_off_and_all_else_stays() {
    let mut preferences = Preferences { first_channel: Some(Channel::Email), ..Preferences::default() };
    preferences.off.entry(Topic::Care).or_default().insert(Channel::Voice);
    let mut wishes = Wishes::of(&preferences, Language::Es, all());
    assert_eq!(wishes.wanted.len(), Topic::ALL.len() * CHANNELS.len(), "calls are not on the page");
    wishes.wanted.remove(&(Topic::Marketing, Channel::Sms));
    (wishes.quiet_from, wishes.quiet_until) = ("21:30".to_owned(), "07:00:00".to_owned());
    wishes.most_per_week = Some(3);
    let read = saved(&encoded(&wishes, "save"));
    assert!(read == wishes);
    let after = read.apply(&preferences).unwrap();
    assert_eq!(after.off[&Topic::Marketing], BTreeSet::from([Channel::Sms]));
    assert_eq!(after.off[&Topic::Care], BTreeSet::from([Channel::Voice]));
    assert_eq!((after.off.len(), after.first_channel, after.most_per_week), (2, Some(Channel::Email), Some(3)));
    let quiet = after.quiet.unwrap();
    assert_eq!((quiet.from, quiet.until), (Time::constant(21, 30, 0, 0), Time::constant(7, 0, 0, 0)));
}

#[test]
fn con_001_a_channel_that_was_not_shown_is_not_switched_off() {
    let mut preferences = Preferences::default();
    preferences.off.entry(Topic::Surveys).or_default().insert(Channel::InApp);
    let wishes = Wishes::of(&preferences, Language::En, BTreeSet::from([Channel::Sms]));
    assert_eq!(wishes.apply(&preferences).unwrap(), preferences);
}

#[test]
fn con_004_a_digest_of_elsewhere_stays_until_another_is_chosen() {
    let own = Digest { topics: [Topic::Care].into(), at: Time::constant(9, 0, 0, 0), on: None };
    let preferences = Preferences { digest: Some(own), ..Preferences::default() };
    let mut wishes = Wishes::of(&preferences, Language::En, all());
    assert_eq!(wishes.digest, Choice::Kept);
    assert_eq!(saved(&encoded(&wishes, "save")).apply(&preferences).unwrap(), preferences);
    wishes.digest = Choice::Of(None);
    assert_eq!(saved(&encoded(&wishes, "save")).apply(&preferences).unwrap().digest, None);
    wishes.digest = Choice::Of(Some(Rhythm::Weekly));
    let weekly = saved(&encoded(&wishes, "save")).apply(&preferences).unwrap().digest.unwrap();
    assert_eq!((weekly.on, weekly.at), (Some(Weekday::Monday), GATHERED_AT));
    assert!(!weekly.topics.contains(&Topic::Appointments) && !weekly.topics.contains(&Topic::Care), "none is missed");
}

#[test]
fn con_001_lists_that_a_form_does_not_name_stay_as_they_are() {
    let held = Preferences {
        first_channel: Some(Channel::Voice),
        digest: Some(Rhythm::Daily.digest()),
        ..Preferences::default()
    };
    let after = saved("form=mark&action=save&channel=sms").apply(&held).unwrap();
    assert_eq!((after.first_channel, after.digest), (held.first_channel, held.digest));
}

#[test]
fn con_006_quiet_hours_are_two_different_times_or_none() {
    let check = |from: &str, until: &str| {
        let mut wishes = Wishes::of(&Preferences::default(), Language::En, all());
        (wishes.quiet_from, wishes.quiet_until) = (from.to_owned(), until.to_owned());
        wishes.apply(&Preferences::default()).map(|preferences| preferences.quiet.is_some())
    };
    let fault = |field, word| Err(Fault { field, word });
    assert_eq!(check("", ""), Ok(false));
    assert_eq!(check("21:00", "08:00"), Ok(true));
    assert_eq!(check("00:00", "23:59"), Ok(true));
    assert_eq!(check("21:00", ""), fault("quiet_until", "fault_quiet_one"));
    assert_eq!(check("", "08:00"), fault("quiet_from", "fault_quiet_one"));
    assert_eq!(check("21:00", "21:00"), fault("quiet_until", "fault_quiet_same"));
    for wrong in ["24:00", "9:00", "nine", "21", "21:60", "-1:00", "21:0x"] {
        assert_eq!(check(wrong, "08:00"), fault("quiet_from", "fault_time"), "{wrong}");
    }
}

#[test]
fn what_is_no_form_of_ours_is_not_read() {
    for body in [
        "",
        "action=save",
        "form=mark",
        "form=mark&action=save",
        "form=mark&action=none",
        "form=mark&action=stop&name=pat",
        "form=mark&action=save&channel=fax",
        "form=mark&action=save&channel=voice",
        "form=mark&action=save&channel=sms&want=appointments",
        "form=mark&action=save&channel=sms&want=none.sms",
        "form=mark&action=save&channel=sms&most_per_week=0",
        "form=mark&action=save&channel=sms&most_per_week=101",
        "form=mark&action=save&channel=sms&language=fr",
        "form=mark&action=save&channel=sms&digest=hourly",
        "form=mark&action=save&channel=sms&first_channel=fax",
        "form=mark&action=save&channel=sms&quiet_from=12345678901234567",
    ] {
        assert!(read(body.as_bytes()).is_none(), "{body}");
    }
    assert!(read(b"form=mark&action=stop").is_some_and(|form| form.action == Action::Stop));
}

proptest! {
    #[test]
    fn con_001_whatever_is_ticked_and_chosen_comes_back(
        ticked in prop::collection::btree_set((0..7_usize, 0..3_usize), 0..21),
        most_per_week in prop::option::of(1..=100_u16),
        rhythm in prop::option::of(0..2_usize),
        first in prop::option::of(prop::sample::select(Channel::ALL.to_vec())),
    ) {
        let mut wishes = Wishes::of(&Preferences::default(), Language::En, all());
        wishes.most_per_week = most_per_week;
        wishes.digest = Choice::Of(rhythm.map(|rhythm| Rhythm::ALL[rhythm]));
        wishes.first_channel = Choice::Of(first);
        wishes.wanted = ticked.into_iter().map(|(topic, channel)| (Topic::ALL[topic], CHANNELS[channel])).collect();
        let preferences = saved(&encoded(&wishes, "save")).apply(&Preferences::default()).unwrap();
        prop_assert!(Wishes::of(&preferences, Language::En, all()) == wishes);
    }

    #[test]
    fn no_body_makes_it_panic(body in any::<Vec<u8>>()) {
        let _ = read(&body);
    }
}
