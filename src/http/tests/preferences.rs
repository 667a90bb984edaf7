//! The preference page and one-click unsubscribing as a browser without script meets them.

use actix_web::test::TestRequest;
use carepost_consent::commands::{
    Desk, create_recipient, get_preferences, get_recipient, list_consents, list_preference_history,
};
use carepost_consent::store::load_facts;
use carepost_consent::tokens::{LinkUse, Subject, issue};
use carepost_consent::types::{
    Actor, ActorKind, AddressKey, ConsentSource, ConsentState, ContactFacts, ContactPointInput, Preferences,
    RecipientInput, SuppressionReason,
};
use carepost_delivery::prepare::address_hash;
use carepost_kernel::{Channel, Clock, MessageId, Purpose, RecipientId, Topic};
use jiff::SignedDuration;
use url::form_urlencoded;

use super::support::{Reply, World, noon};

const EMAIL: &str = "pat.canary@example.com";
const PHONE: &str = "+15005550006";

/// A patient of the practice, and how they are reached.
struct Patient {
    recipient_id: RecipientId,
    email: AddressKey,
    phone: AddressKey,
}

impl Patient {
    fn subject(&self, topic: Option<Topic>) -> Subject {
        let message_id = Some(MessageId::new(noon()));
        Subject { recipient_id: Some(self.recipient_id), address: Some(self.email), topic, message_id }
    }
}

fn staff() -> Actor {
    Actor { kind: ActorKind::Staff, id: "desk-1".to_owned() }
}

/// Works in a transaction of the practice, and commits it.
async fn at<T>(world: &World, work: impl AsyncFnOnce(&Desk<'_, '_>) -> T) -> T {
    let (tenant, actor) = (world.handle().await, staff());
    let mut connection = world.placement.tenant(world.tenant.tenant_id).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let done = work(&Desk { tx: &tx, tenant: &tenant, actor: &actor, now: world.state.clock.now() }).await;
    tx.commit().await.unwrap();
    done
}

async fn patient(world: &World, language: &str) -> Patient {
    let point = |channel, address: &str| ContactPointInput {
        field: "/contact_points".to_owned(),
        channel,
        address: address.to_owned(),
        is_verified: Some(true),
        is_active: None,
        rank: None,
    };
    let input = RecipientInput {
        given_name: Some("Canary".to_owned()),
        language: Some(language.to_owned()),
        contact_points: vec![point(Channel::Sms, PHONE), point(Channel::Email, EMAIL)],
        ..RecipientInput::default()
    };
    let made = at(world, async |desk| create_recipient(desk, input).await.unwrap()).await;
    let handle = world.handle().await;
    let key =
        |channel, address| AddressKey { channel, address_hash: address_hash(handle.hash_key(), channel, address) };
    Patient { recipient_id: made.0.recipient_id, email: key(Channel::Email, EMAIL), phone: key(Channel::Sms, PHONE) }
}

async fn token(world: &World, link_use: LinkUse, subject: &Subject) -> String {
    let handle = world.handle().await;
    issue(&handle, link_use, subject, noon()).unwrap()
}

async fn get(world: &World, path: &str) -> Reply {
    world.send(TestRequest::get().uri(path)).await
}

async fn post(world: &World, path: &str, fields: &[(&str, &str)]) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let form = ("content-type", "application/x-www-form-urlencoded");
    world.send(TestRequest::post().uri(path).insert_header(form).set_payload(body)).await
}

async fn facts(world: &World, key: AddressKey) -> ContactFacts {
    let engine = world.placement.engine().await.unwrap();
    let now = world.state.clock.now();
    load_facts(&engine, world.tenant.tenant_id, &[key], now).await.unwrap().remove(0)
}

async fn wishes(world: &World, patient: &Patient) -> Preferences {
    at(world, async |desk| get_preferences(desk, patient.recipient_id).await.unwrap().preferences).await
}

/// Lets time pass.
fn wait(world: &mut World, time: SignedDuration) {
    world.state.clock = Clock::starting_at(world.state.clock.now() + time);
}

/// The values of a page's fields with a name, as a browser would send them back.
fn fields(html: &str, name: &str) -> Vec<String> {
    let is_sent = |tag: &&str| tag.contains("type=\"hidden\"") || tag.contains(" checked");
    html.split("<input ")
        .skip(1)
        .map(|tag| tag.split('>').next().unwrap())
        .filter(|tag| tag.contains(&format!("name=\"{name}\"")))
        .filter(is_sent)
        .map(|tag| tag.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn con_017_the_form_works_without_script() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let page = get(&world, &path).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let html = page.text();
    assert!(!html.contains("<script") && html.contains("<html lang=\"en\">"), "{html}");
    let ticked = fields(&html, "want");
    assert_eq!(ticked.len(), 14, "seven topics, two channels, all wanted");
    assert_eq!(fields(&html, "channel"), ["sms", "email"], "no choices for what there is no address for");

    // What a browser sends: all but one of the ticks, and what was filled in.
    let mark = fields(&html, "form").remove(0);
    let mut sent = vec![("form", mark.as_str()), ("channel", "sms"), ("channel", "email")];
    sent.extend(ticked.iter().filter(|want| *want != "marketing.sms").map(|want| ("want", want.as_str())));
    sent.extend([("quiet_from", "21:30"), ("quiet_until", "08:00"), ("most_per_week", "3")]);
    sent.extend([("digest", "daily"), ("first_channel", "email")]);
    sent.extend([("language", "es"), ("action", "save")]);
    for list in ["digest", "first_channel"] {
        assert!(html.contains(&format!("<select id=\"{list}\" name=\"{list}\"")), "{list}: {html}");
    }
    let saved = post(&world, &path, &sent).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let html = saved.text();
    assert!(html.contains("<html lang=\"es\">") && html.contains("role=\"status\""), "{html}");
    assert!(html.contains("Sus preferencias están guardadas."), "{html}");
    assert_eq!(fields(&html, "want").len(), 13);
    for said in
        ["<li>Agrupados: Una vez al día, a las 17:00</li>", "<li>Contactarme primero por: Correo electrónico</li>"]
    {
        assert!(html.contains(said), "{said}: {html}");
    }
    for chosen in ["value=\"daily\" selected", "value=\"email\" selected"] {
        assert!(html.contains(chosen), "{chosen}: {html}");
    }
    assert!(html.contains("id=\"quiet_from\" name=\"quiet_from\" value=\"21:30\""), "{html}");

    let now = wishes(&world, &patient).await;
    assert_eq!(now.off[&Topic::Marketing].iter().collect::<Vec<_>>(), [&Channel::Sms]);
    assert_eq!((now.off.len(), now.most_per_week), (1, Some(3)));
    let digest = now.digest.as_ref().unwrap();
    assert_eq!(
        (now.first_channel, digest.on, digest.at.to_string()),
        (Some(Channel::Email), None, "17:00:00".to_owned())
    );
    assert_eq!(now.quiet.unwrap().from.to_string(), "21:30:00");
    let person = at(&world, async |desk| get_recipient(desk, patient.recipient_id).await.unwrap()).await;
    assert_eq!(person.language, "es");
}

#[actix_web::test]
async fn con_002_con_003_what_is_saved_is_evidence_of_the_recipients_own() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let html = get(&world, &path).await.text();
    let mark = fields(&html, "form").remove(0);
    let fields = [("form", mark.as_str()), ("channel", "email"), ("want", "care.email"), ("action", "save")];
    assert_eq!(post(&world, &path, &fields).await.status, 200);
    let (history, consents) = at(&world, async |desk| {
        let history = list_preference_history(desk, patient.recipient_id).await.unwrap();
        (history, list_consents(desk, patient.recipient_id, None, 10).await.unwrap())
    })
    .await;
    assert_eq!((history.len(), history[0].source), (1, ConsentSource::Portal));
    let who = Actor { kind: ActorKind::Recipient, id: patient.recipient_id.to_string() };
    assert_eq!(history[0].actor, who);
    assert_eq!(consents.events.items.len(), 1);
    let event = &consents.events.items[0];
    assert_eq!((event.evidence.state, event.evidence.purpose), (ConsentState::Revoked, Some(Purpose::Marketing)));
    assert_eq!((event.source, &event.actor, event.key), (ConsentSource::Portal, &who, patient.email));
    assert!(event.wording.is_some() && event.wording_version.is_some() && event.language.as_deref() == Some("en"));
    // The same again is no news.
    assert_eq!(post(&world, &path, &fields).await.status, 200);
    let again = at(&world, async |desk| list_preference_history(desk, patient.recipient_id).await.unwrap()).await;
    assert_eq!(again.len(), 1);
}

#[actix_web::test]
async fn con_003_stop_all_stops_every_address_and_can_be_taken_back() {
    let mut world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let mark = fields(&get(&world, &path).await.text(), "form").remove(0);
    let stopped = post(&world, &path, &[("form", &mark), ("action", "stop")]).await;
    assert!(stopped.text().contains("All messages are stopped."), "{}", stopped.text());
    for key in [patient.email, patient.phone] {
        let facts = facts(&world, key).await;
        assert_eq!(facts.suppressions.len(), 1);
        assert_eq!(facts.suppressions[0].reason, SuppressionReason::OptedOut);
    }
    wait(&mut world, SignedDuration::from_secs(60));
    let resumed = post(&world, &path, &[("form", &mark), ("action", "resume")]).await;
    assert!(resumed.text().contains("You will get messages again."), "{}", resumed.text());
    for key in [patient.email, patient.phone] {
        assert!(facts(&world, key).await.suppressions.is_empty());
    }
}

#[actix_web::test]
async fn con_006_a_fault_is_told_in_words_and_nothing_is_saved() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let mark = fields(&get(&world, &path).await.text(), "form").remove(0);
    let sent = [("form", mark.as_str()), ("channel", "sms"), ("quiet_from", "21:30"), ("action", "save")];
    let reply = post(&world, &path, &sent).await;
    let html = reply.text();
    assert_eq!(reply.status, 422);
    assert!(html.contains("role=\"alert\"") && html.contains("<a href=\"#quiet_until\">"), "{html}");
    assert!(html.contains("aria-invalid=\"true\"") && html.contains("value=\"21:30\""), "what was filled in stays");
    assert_eq!(wishes(&world, &patient).await, Preferences::default());
    let broken = post(&world, &path, &[("form", &mark), ("name", "Pat")]).await;
    assert_eq!((broken.status, broken.text().contains("We could not read")), (400, true));
}

#[actix_web::test]
async fn con_017_a_form_without_its_mark_changes_nothing() {
    let mut world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let other = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let mark = fields(&get(&world, &path).await.text(), "form").remove(0);
    let of_other = fields(&get(&world, &other).await.text(), "form").remove(0);
    for wrong in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", of_other.as_str()] {
        let reply = post(&world, &path, &[("form", wrong), ("action", "stop")]).await;
        assert_eq!(reply.status, 422, "{wrong}");
        assert!(reply.text().contains("This page was open for a long time."), "{wrong}");
    }
    wait(&mut world, SignedDuration::from_hours(4));
    let late = post(&world, &path, &[("form", &mark), ("action", "stop")]).await;
    assert_eq!(late.status, 422, "a page that was left open");
    assert!(facts(&world, patient.email).await.suppressions.is_empty());
}

#[actix_web::test]
async fn con_008_a_form_from_before_an_opt_out_does_not_undo_it() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let html = get(&world, &path).await.text();
    let (mark, ticked) = (fields(&html, "form").remove(0), fields(&html, "want"));
    let subject = patient.subject(Some(Topic::Marketing));
    let unsubscribing = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &subject).await);
    assert_eq!(post(&world, &unsubscribing, &[("List-Unsubscribe", "One-Click")]).await.status, 200);

    let mut sent = vec![("form", mark.as_str()), ("channel", "sms"), ("channel", "email"), ("action", "save")];
    sent.extend(ticked.iter().map(|want| ("want", want.as_str())));
    let stale = post(&world, &path, &sent).await;
    assert_eq!(stale.status, 422, "{}", stale.text());
    assert_eq!(fields(&stale.text(), "want").len(), 13, "the page shows what holds");
    assert!(wishes(&world, &patient).await.off[&Topic::Marketing].contains(&Channel::Email));
    let consents = at(&world, async |desk| list_consents(desk, patient.recipient_id, None, 10).await.unwrap()).await;
    let states: Vec<ConsentState> = consents.events.items.iter().map(|event| event.evidence.state).collect();
    assert_eq!(states, [ConsentState::Revoked], "nobody gave consent");

    // Nor by way of a fault: its page still rests on what the form showed.
    let mut faulty = sent.clone();
    faulty.push(("quiet_from", "21:30"));
    let mark_again = fields(&post(&world, &path, &faulty).await.text(), "form").remove(0);
    sent[0].1 = &mark_again;
    assert_eq!(post(&world, &path, &sent).await.status, 422);
    // On the page anew, the same choice is the reader's own.
    let mark_anew = fields(&get(&world, &path).await.text(), "form").remove(0);
    sent[0].1 = &mark_anew;
    assert_eq!(post(&world, &path, &sent).await.status, 200);
    assert_eq!(wishes(&world, &patient).await, Preferences::default());
}

#[actix_web::test]
async fn con_017_whatever_is_wrong_with_a_link_the_page_is_the_same() {
    let mut world = World::new().await;
    let patient = patient(&world, "en").await;
    let good = token(&world, LinkUse::Preferences, &patient.subject(None)).await;
    let unsubscribing = token(&world, LinkUse::Unsubscribe, &patient.subject(None)).await;
    let gone = Subject { recipient_id: Some(RecipientId::new(noon())), ..Subject::default() };
    let gone = token(&world, LinkUse::Preferences, &gone).await;
    let mut forged = good.clone();
    let other = if good.ends_with('A') { "Q" } else { "A" };
    forged.replace_range(good.len() - 1.., other);
    let nobodys = format!("{}{}", "B".repeat(22), &good[22..]);
    let cut = good[..good.len() - 4].to_owned();
    let mut answers = Vec::new();
    for wrong in [&forged, &nobodys, &cut, &unsubscribing, &gone, "x"] {
        for reply in [get(&world, &format!("/p/{wrong}")).await, post(&world, &format!("/p/{wrong}"), &[]).await] {
            assert_eq!(reply.status, 404, "{wrong}");
            answers.push(reply.text());
        }
    }
    assert_eq!(get(&world, &format!("/u/{good}")).await.status, 404, "a token of the other page");
    assert_eq!(get(&world, &format!("/p/{good}")).await.status, 200);
    wait(&mut world, SignedDuration::from_hours(90 * 24));
    answers.push(get(&world, &format!("/p/{good}")).await.text());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "nobody learns why");
    assert!(answers[0].contains("This link does not work any more"));
}

#[actix_web::test]
async fn del_9_a_page_shows_no_name_and_no_address_and_is_kept_nowhere() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    for (link_use, start) in [(LinkUse::Preferences, "/p/"), (LinkUse::Unsubscribe, "/u/")] {
        let path = format!("{start}{}", token(&world, link_use, &patient.subject(Some(Topic::Marketing))).await);
        let reply = get(&world, &path).await;
        let html = reply.text();
        for canary in ["anary", "5550006", "pat.", &patient.recipient_id.to_string()] {
            assert!(!html.contains(canary), "{canary}: {html}");
        }
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{start}");
        }
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("form-action 'self'") && !policy.contains("unsafe"), "{policy}");
        assert!(reply.header("set-cookie").is_none());
    }
    let html =
        get(&world, &format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await)).await.text();
    assert!(html.contains("p•••@e•••.com") && html.contains("••••06"), "{html}");
}

#[actix_web::test]
async fn con_017_the_page_speaks_the_recipients_language_else_the_browsers() {
    let world = World::new().await;
    let spanish = patient(&world, "es").await;
    let of_person = format!("/p/{}", token(&world, LinkUse::Preferences, &spanish.subject(None)).await);
    let stranger =
        Subject { address: Some(AddressKey { channel: Channel::Email, address_hash: [9; 16] }), ..Subject::default() };
    let of_address = format!("/p/{}", token(&world, LinkUse::Preferences, &stranger).await);
    let asked = |path: String, language: &'static str| {
        TestRequest::get().uri(&path).insert_header(("accept-language", language))
    };
    let html = world.send(asked(of_person, "en")).await.text();
    assert!(html.contains("<html lang=\"es\">") && html.contains("Detener todos los mensajes"), "{html}");
    let html = world.send(asked(of_address.clone(), "es-MX,es;q=0.9")).await.text();
    assert!(html.contains("<html lang=\"es\">") && !html.contains("name=\"want\""), "an address has no topics: {html}");
    assert!(world.send(asked(of_address, "en")).await.text().contains("<html lang=\"en\">"));
}

#[actix_web::test]
async fn con_008_a_get_shows_a_button_and_never_unsubscribes() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &patient.subject(Some(Topic::Marketing))).await);
    for _ in 0..3 {
        let html = get(&world, &path).await.text();
        assert_eq!(html.matches("<button").count(), 1, "{html}");
        assert!(
            html.contains("name=\"List-Unsubscribe\" value=\"One-Click\"") && html.contains("Offers and news"),
            "{html}"
        );
    }
    let head = world.send(TestRequest::with_uri(&path).method(actix_web::http::Method::HEAD)).await;
    assert_ne!(head.status, 200, "only GET and POST are served");
    assert_eq!(wishes(&world, &patient).await, Preferences::default());
    assert_eq!(post(&world, &path, &[]).await.status, 400);
    assert_eq!(post(&world, &path, &[("List-Unsubscribe", "Maybe")]).await.status, 400);
    assert_eq!(wishes(&world, &patient).await, Preferences::default());
}

#[actix_web::test]
async fn con_008_one_click_opts_out_at_once_of_what_the_mail_was_about() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &patient.subject(Some(Topic::Marketing))).await);
    // As mail programs send it, twice.
    for _ in 0..2 {
        let reply = post(&world, &path, &[("List-Unsubscribe", "One-Click")]).await;
        assert_eq!((reply.status, reply.header("location"), reply.header("set-cookie")), (200, None, None));
        assert!(reply.text().contains("You are unsubscribed"), "{}", reply.text());
    }
    let off = wishes(&world, &patient).await.off;
    assert_eq!(off[&Topic::Marketing].iter().collect::<Vec<_>>(), [&Channel::Email]);
    assert_eq!(off.len(), 1, "reminders by email go on");
    let consents = at(&world, async |desk| list_consents(desk, patient.recipient_id, None, 10).await.unwrap()).await;
    assert_eq!(consents.events.items.len(), 1, "written down once");
    assert_eq!(consents.events.items[0].evidence.purpose, Some(Purpose::Marketing));
    assert!(facts(&world, patient.email).await.suppressions.is_empty());
}

#[actix_web::test]
async fn con_008_without_a_topic_or_a_person_the_whole_address_opts_out() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let stranger = AddressKey { channel: Channel::Email, address_hash: [9; 16] };
    for (subject, key) in [
        (patient.subject(None), patient.email),
        (Subject { address: Some(stranger), topic: Some(Topic::Marketing), ..Subject::default() }, stranger),
    ] {
        let path = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &subject).await);
        let parts = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
        let request = TestRequest::post().uri(&path).insert_header(("content-type", "multipart/form-data; boundary=b"));
        let reply = world.send(request.set_payload(parts)).await;
        assert_eq!((reply.status, reply.header("location")), (200, None), "{}", reply.text());
        let facts = facts(&world, key).await;
        assert_eq!(facts.suppressions[0].reason, SuppressionReason::OptedOut);
    }
    assert!(facts(&world, patient.phone).await.suppressions.is_empty(), "texts go on");
}

#[actix_web::test]
async fn con_017_a_page_that_is_seen_again_and_again_opens_the_settings_no_longer_than_its_message() {
    let mut world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &patient.subject(None)).await);
    let settings = async |world: &World| {
        let page = get(world, &path).await.text();
        let (_, rest) = page.split_once("href=\"../p/")?;
        rest.split_once('"').map(|(token, _)| format!("/p/{token}"))
    };
    wait(&mut world, SignedDuration::from_hours(89 * 24));
    let link = settings(&world).await.expect("the message's own link is good for one more day");
    assert_eq!(get(&world, &link).await.status, 200);
    wait(&mut world, SignedDuration::from_hours(24));
    assert_eq!(get(&world, &link).await.status, 404);
    assert!(settings(&world).await.is_none());
}

#[actix_web::test]
async fn con_008_a_link_works_for_more_than_a_year_and_is_not_used_without_end() {
    let mut world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &patient.subject(None)).await);
    assert!(get(&world, &path).await.text().contains("href=\"../p/"), "the way to all settings");
    wait(&mut world, SignedDuration::from_hours(399 * 24));
    let late = get(&world, &path).await;
    assert!(late.status == 200 && !late.text().contains("href=\"../p/"), "{}", late.text());
    let mut statuses = Vec::new();
    for _ in 0..22 {
        statuses.push(post(&world, &path, &[("List-Unsubscribe", "One-Click")]).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20);
    let refused = post(&world, &path, &[("List-Unsubscribe", "One-Click")]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    wait(&mut world, SignedDuration::from_hours(24));
    assert_eq!(get(&world, &path).await.status, 404);
}

#[actix_web::test]
async fn con_011_the_gate_hears_of_it_before_the_answer() {
    let world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &patient.subject(None)).await);
    assert_eq!(post(&world, &path, &[("List-Unsubscribe", "One-Click")]).await.status, 200);
    let told = super::support::lock(&world.engine.consent_changes).clone();
    assert_eq!(told, [(world.tenant.tenant_id, vec![patient.email])]);
}

#[actix_web::test]
async fn a_person_is_told_by_a_page_that_the_database_is_away() {
    let mut world = World::new().await;
    let patient = patient(&world, "en").await;
    let path = format!("/p/{}", token(&world, LinkUse::Preferences, &patient.subject(None)).await);
    let unsubscribing = format!("/u/{}", token(&world, LinkUse::Unsubscribe, &patient.subject(None)).await);
    world.state.placements = carepost_actors::Placements::default();
    let answers = [
        get(&world, &path).await,
        post(&world, &path, &[]).await,
        get(&world, &unsubscribing).await,
        post(&world, &unsubscribing, &[("List-Unsubscribe", "One-Click")]).await,
    ];
    for reply in answers {
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("60")));
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(reply.text().contains("nothing was changed"), "{}", reply.text());
    }
}
