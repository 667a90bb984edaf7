//! How two versions differ, text by text.

use std::collections::BTreeMap;

use carepost_kernel::Channel;
use similar::TextDiff;

use crate::types::{DiffPart, Language, TemplateContent};

type Place = (String, Option<Channel>, Option<Language>);

/// The texts that differ, in the order of their pointers.
#[must_use]
pub fn diff(from: &TemplateContent, to: &TemplateContent) -> Vec<DiffPart> {
    let (from, to) = (texts(from), texts(to));
    let places: BTreeMap<&Place, ()> = from.keys().chain(to.keys()).map(|place| (place, ())).collect();
    let changed = places.into_keys().filter_map(|place| {
        let before = from.get(place).map_or("", String::as_str);
        let after = to.get(place).map_or("", String::as_str);
        (before != after).then(|| DiffPart {
            pointer: place.0.clone(),
            channel: place.1,
            language: place.2,
            diff: TextDiff::from_lines(before, after).unified_diff().context_radius(2).to_string(),
        })
    });
    changed.collect()
}

fn texts(content: &TemplateContent) -> BTreeMap<Place, String> {
    let mut texts = BTreeMap::new();
    let mut put = |pointer: String, variant: Option<(Channel, Language)>, text: &str| {
        let (channel, language) = variant.unzip();
        texts.insert((pointer, channel, language), text.to_owned());
    };
    let default_language = content.default_language.as_str();
    put("/default_language".to_owned(), None, default_language);
    // One line a variable, so that a change of one shows as one.
    let line = |variable| serde_json::to_string(variable).unwrap_or_default() + "\n";
    put("/variables".to_owned(), None, &content.variables.iter().map(line).collect::<String>());
    for (name, text) in &content.partials {
        put(format!("/partials/{name}"), None, text);
    }
    for (language, sms) in &content.sms {
        put(format!("/sms/{}/body", language.as_str()), Some((Channel::Sms, *language)), &sms.body);
    }
    for (language, email) in &content.email {
        let own = [
            ("subject", Some(&email.subject)),
            ("mjml", email.mjml.as_ref()),
            ("html", email.html.as_ref()),
            ("text", email.text.as_ref()),
        ];
        for (field, text) in own.into_iter().filter_map(|(field, text)| Some((field, text?))) {
            put(format!("/email/{}/{field}", language.as_str()), Some((Channel::Email, *language)), text);
        }
    }
    for (language, in_app) in &content.in_app {
        for (field, text) in [("title", &in_app.title), ("body", &in_app.body)] {
            put(format!("/in_app/{}/{field}", language.as_str()), Some((Channel::InApp, *language)), text);
        }
    }
    texts
}

#[cfg(test)]
mod tests;
