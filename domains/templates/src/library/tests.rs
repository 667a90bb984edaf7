//! Every file of the library is read, checked, and rendered in each channel and language.

use std::collections::BTreeSet;
use std::path::Path;

use carepost_kernel::segments::Encoding;
use carepost_kernel::{Channel, Content, Purpose};

use super::*;
use crate::rules::{RenderInput, check, publish_faults, samples};

/// Texts that need two parts, each with its reason.
const TWO_PARTS: [(&str, Language); 0] = [];

fn folder() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("library");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.filter_map(|name| name.strip_suffix(".toml").map(ToOwned::to_owned)).collect()
}

#[test]
fn tpl_011_the_list_is_that_of_the_folder() {
    let listed: Vec<&str> = files::FILES.iter().map(|file| file.key).collect();
    assert!(listed.is_sorted(), "by key");
    assert_eq!(listed.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>(), folder());
    let ids: BTreeSet<_> = library().templates().iter().map(|template| template.template_id).collect();
    assert_eq!(ids.len(), listed.len());
    for key in listed {
        let template = library().by_key(key).unwrap();
        assert_eq!(library().get(template.template_id).unwrap().key, key);
        assert_eq!(template.template_id.as_uuid().get_version_num(), 8);
    }
}

#[test]
fn tpl_017_all_types_are_there_in_each_channel_and_language() {
    let wanted = [
        "appointment_confirmation",
        "appointment_reminder",
        "rescheduling_request",
        "payment_due",
        "treatment_phase_transition",
        "emergency_instructions",
        "satisfaction_survey",
        "re_engagement",
    ];
    let with = |requirement: &str| {
        library().templates().iter().filter(|one| one.requirements.iter().any(|of| of == requirement)).count()
    };
    for key in wanted {
        assert!(library().by_key(key).unwrap().requirements.iter().any(|of| of == "TPL-017"), "{key}");
    }
    assert!(with("TPL-017") >= wanted.len());
    for number in (16..=58).filter(|number| *number != 54) {
        assert!(with(&format!("CAM-{number:03}")) > 0, "CAM-{number:03}");
    }
    for template in library().templates() {
        assert_eq!(template.content.variants().count(), 6, "{}", template.key);
        assert_eq!(template.names.len(), 2, "{}", template.key);
    }
}

#[test]
fn con_013_con_014_every_template_can_be_published() {
    let mut faults = Vec::new();
    for template in library().templates() {
        match check(&template.content) {
            Ok(compiled) => faults.extend(
                publish_faults(&template.content, &compiled, template.purpose)
                    .into_iter()
                    .map(|fault| (template.key.clone(), fault)),
            ),
            Err(found) => faults.extend(found.into_iter().map(|fault| (template.key.clone(), fault))),
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn texts_fit_one_part_of_gsm_7_and_begin_with_the_practice() {
    let mut wrong = Vec::new();
    let mut count = 0;
    each(|template, channel, language, content| {
        let Content::Sms(sms) = content else { return };
        let segments = carepost_kernel::segments::count(&sms.text);
        let allowed = if TWO_PARTS.contains(&(template.key.as_str(), language)) { 2 } else { 1 };
        let fits = segments.encoding == Encoding::Gsm7 && segments.count <= allowed;
        if !fits || !sms.text.starts_with("Maple Street Dental: ") {
            wrong.push((template.key.clone(), channel, language, segments, sms.text.clone()));
        }
        if template.purpose == Purpose::Marketing && !sms.text.contains("STOP") {
            wrong.push((template.key.clone(), channel, language, segments, "no STOP".to_owned()));
        }
        count += 1;
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(count, library().templates().len() * 2);
}

#[test]
fn con_014_every_email_has_both_parts_with_practice_and_postal_address() {
    let mut count = 0;
    each(|template, _, language, content| {
        let Content::Email(email) = content else { return };
        let (html, text) = (email.html.as_deref().unwrap(), email.text.as_deref().unwrap());
        for part in [html, text] {
            for wanted in ["Maple Street Dental", "12 Maple Street, Springfield"] {
                assert!(part.contains(wanted), "{} {language:?}: {part}", template.key);
            }
            assert!(!part.contains("{{") && !part.contains(['\u{2E28}', '\u{2E29}']), "{}: {part}", template.key);
        }
        assert!(!text.contains('<') && text.lines().count() > 5, "{}: {text}", template.key);
        assert!(html.split("<a ").skip(1).all(|link| link.starts_with("href=\"https://")), "{}: {html}", template.key);
        for part in [html, text] {
            assert!(part.contains("https://care.example.com/p/sample"), "{}: {part}", template.key);
        }
        assert!(html.contains("@media"), "{}: MJML's own styles are kept", template.key);
        assert!(!html.contains("fonts.googleapis"), "{}", template.key);
        assert!((1..=78).contains(&email.subject.chars().count()), "{}: {}", template.key, email.subject);
        count += 1;
    });
    assert_eq!(count, library().templates().len() * 2);
}

fn each(mut look: impl FnMut(&LibraryTemplate, Channel, Language, &Content)) {
    for template in library().templates() {
        let compiled = check(&template.content).unwrap_or_else(|faults| panic!("{}: {faults:#?}", template.key));
        for (channel, language) in template.content.variants() {
            let values = samples(&template.content, language);
            let input = RenderInput { channel, language, zone: "America/New_York", values: &values };
            let rendered = compiled.render(&input).unwrap();
            assert_eq!(rendered.language, language);
            look(template, channel, language, &rendered.content);
        }
    }
}

#[test]
fn a_file_of_another_name_or_form_is_refused() {
    let parse = |text| parse("visit", Purpose::Treatment, carepost_kernel::Topic::Care, text);
    assert!(parse("type = \"other\"\nrequirements = []\ncategory = \"Other\"\n[name]\nen = \"x\"").is_err());
    assert!(
        parse("type = \"visit\"\nunknown = 1\nrequirements = []\ncategory = \"Other\"\n[name]\nen = \"x\"").is_err()
    );
    assert!(parse("type = \"visit\"\nrequirements = []\ncategory = \"Other\"\n[name]\nen = \"x\"").is_ok());
}

/// The samples of fixtures, as the API takes them, hold a content that can be published.
#[test]
fn the_samples_of_templates_can_be_published() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/templates");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let mut body: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let purpose: Purpose = serde_json::from_value(body["purpose"].take()).unwrap();
        let parts = ["variables", "partials", "sms", "email", "in_app"];
        body.as_object_mut().unwrap().retain(|name, _| parts.contains(&name.as_str()));
        let content: TemplateContent = serde_json::from_value(body).unwrap();
        let compiled = check(&content).unwrap_or_else(|faults| panic!("{}: {faults:#?}", file.display()));
        assert_eq!(publish_faults(&content, &compiled, purpose), [], "{}", file.display());
        count += 1;
    }
    assert_eq!(count, 2);
}
