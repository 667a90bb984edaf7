//! Links go over us where they may, and everything around them stays as it was.

use proptest::prelude::*;

use carepost_kernel::{EmailContent, SmsContent};

use super::*;
use crate::types::Recipient;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn key() -> DataKey {
    DataKey::new(1, &[3; 32])
}

/// Shortens a payload of one tenant below `https://care.example.com/`; gives the payload and what its links lead to.
fn shortened(sms: &str, email: Option<EmailContent>) -> (Payload, Vec<(Channel, String)>) {
    let (key, public_url) = (key(), "https://care.example.com/".parse().unwrap());
    let tenant_id = TenantId::new(now());
    let to = Recipient {
        phone: Some("+15005550006".to_owned()),
        email: Some("pat@example.com".to_owned()),
        ..Recipient::default()
    };
    let sms = Some(SmsContent { text: sms.to_owned(), media_urls: vec!["https://example.com/a.png".to_owned()] });
    let mut payload = Payload { to, sms, email, ..Payload::default() };
    let context =
        LinkContext { public_url: &public_url, tenant_id, data_key: &key, hash_key: &key, due_at: now(), now: now() };
    let links = shorten(&mut payload, context).unwrap();
    let open = |link: &NewLink| {
        assert_eq!(link.expires_at, now() + SignedDuration::from_hours(90 * 24));
        let address = payload.to.address(link.channel).unwrap();
        assert_eq!(link.recipient_hash, address_hash(&key, link.channel, address));
        let plain = key.open(&seal_owner(tenant_id, link.link_id), link.target_sealed.as_ref().unwrap()).unwrap();
        (link.channel, String::from_utf8(plain.to_vec()).unwrap())
    };
    let opened = links.iter().map(open).collect();
    for link in &links {
        let text = format!(
            "{} {:?}",
            payload.sms.as_ref().unwrap().text,
            payload.email.as_ref().and_then(|email| email.html.clone())
        );
        let found = text
            .split("https://care.example.com/l/")
            .skip(1)
            .filter_map(|rest| LinkToken::parse(rest.get(..TOKEN_LEN)?));
        let of_link: Vec<LinkToken> = found.filter(|token| token.hash(&key) == link.token_hash).collect();
        assert!(of_link.iter().all(|token| token.tag() == LinkTag::of(tenant_id)));
    }
    (payload, opened)
}

fn sms(text: &str) -> (String, Vec<String>) {
    let (payload, opened) = shortened(text, None);
    (payload.sms.unwrap().text, opened.into_iter().map(|(_, target)| target).collect())
}

#[test]
fn hub_022_an_address_in_a_text_becomes_a_short_one() {
    let (text, targets) = sms("Your form: https://forms.example.com/f?id=1&v=2.");
    let token = text.strip_prefix("Your form: https://care.example.com/l/").unwrap().strip_suffix('.').unwrap();
    assert_eq!((token.len(), targets), (TOKEN_LEN, vec!["https://forms.example.com/f?id=1&v=2".to_owned()]));
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
}

#[test]
fn hub_022_the_sentence_around_an_address_stays_the_sentences() {
    for (text, target) in [
        ("See https://a.example/x.", "https://a.example/x"),
        ("(https://a.example/x)", "https://a.example/x"),
        ("https://a.example/x_(y), or", "https://a.example/x_(y)"),
        ("Go: HTTPS://A.example/X!", "https://a.example/X"),
        ("http://a.example?", "http://a.example/"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("\u{ab}https://a.example/x\u{bb}", "https://a.example/x"),
        ("\u{bf}https://a.example/\u{e9}?", "https://a.example/%C3%A9"),
    ] {
        let (written, targets) = sms(text);
        assert_eq!(targets, [target], "{text}");
        assert!(written.contains("https://care.example.com/l/"), "{written}");
    }
}

#[test]
fn hub_022_what_must_not_be_tracked_stays_as_it_is() {
    for text in [
        "mailto:pat@example.com tel:+15005550006 sms:+15005550006",
        "https://care.example.com/p/abc https://care.example.com/u/def https://care.example.com/l/ghi",
        "https://lists.example/unsubscribe?id=1 https://lists.example/Opt-Out https://x.example/preferences",
        "ftp://a.example/x javascript:alert(1) https:// http:// www.example.com notahttps://a.example/",
        "https://user:secret@a.example/",
    ] {
        assert_eq!(sms(text), (text.to_owned(), Vec::new()));
    }
    let long = format!("https://a.example/{}", "x".repeat(2_048));
    assert_eq!(sms(&long).0, long);
    assert!(!may_track(Purpose::Emergency) && !may_track(Purpose::Treatment) && may_track(Purpose::Marketing));
}

#[test]
fn hub_022_one_address_is_one_link_and_a_message_has_twenty_at_most() {
    let (text, targets) = sms("https://a.example/x and https://a.example/x");
    let (first, second) = text.split_once(" and ").unwrap();
    assert_eq!((first, targets.len()), (second, 1));
    let many: Vec<String> = (0..25).map(|i| format!("https://a.example/{i}")).collect();
    let (text, targets) = sms(&many.join(" "));
    assert_eq!(targets.len(), MOST_LINKS);
    assert!(text.ends_with(
        "https://a.example/20 https://a.example/21 https://a.example/22 https://a.example/23 https://a.example/24"
    ));
}

#[test]
fn hub_022_html_leads_over_us_by_its_links_alone() {
    let html = "<!-- <a href=\"https://a.example/comment\">x</a> --><style>a{b:url(https://a.example/css)}</style>\
        <img alt='<a href=\"https://a.example/alt\">' src=\"https://a.example/i.png\">\
        <p title=\"a > b\">https://a.example/visible</p><a class=x HREF='https://a.example/1?a=1&amp;b=2' id=y>1</a>\
        <a href=https://a.example/2>2</a><area href = \"https://a.example/3\"/><a href>4</a><a data-href=\"https://a.example/5\">5</a>\
        <abbr href=\"https://a.example/6\">6</abbr><a href=\"mailto:pat@example.com\">7</a>\
        <a href=\"https://care.example.com/u/abc\">8</a><a href=\"https://own.example/out\">9</a>";
    let email = EmailContent {
        subject: "Visit".to_owned(),
        html: Some(html.to_owned()),
        text: Some("https://a.example/2 https://own.example/out".to_owned()),
        unsubscribe_url: Some("https://own.example/out".to_owned()),
        ..EmailContent::default()
    };
    let (payload, opened) = shortened("https://a.example/2", Some(email));
    let expected = [
        (Channel::Sms, "https://a.example/2"),
        (Channel::Email, "https://a.example/1?a=1&b=2"),
        (Channel::Email, "https://a.example/2"),
        (Channel::Email, "https://a.example/3"),
    ];
    assert_eq!(opened, expected.map(|(channel, target)| (channel, target.to_owned())), "each channel has its own");
    let email = payload.email.unwrap();
    let mut written = email.html.unwrap();
    for target in ["https://a.example/1?a=1&amp;b=2", "https://a.example/2", "https://a.example/3"] {
        let start = written.find("https://care.example.com/l/").unwrap();
        written.replace_range(start..start + "https://care.example.com/l/".len() + TOKEN_LEN, target);
    }
    assert_eq!(written, html, "all else is as it was");
    assert!(email.text.unwrap().ends_with(" https://own.example/out"));
    assert_eq!(payload.sms.unwrap().media_urls, ["https://example.com/a.png"], "the vendor fetches these");
}

#[test]
fn hub_022_a_token_of_another_form_is_none() {
    for text in [
        "",
        "abc",
        "AAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAA+A",
        "AAAAAAAAAAAAAAAAAAAAAB",
    ] {
        assert_eq!(LinkToken::parse(text), None, "{text}");
    }
    assert!(LinkToken::parse("AAAAAAAAAAAAAAAAAAAAAA").is_some());
}

#[test]
fn hub_022_machines_that_look_into_messages_do_not_count() {
    let visitor = |user_agent| Visitor { user_agent, is_prefetch: false };
    for machine in [
        None,
        Some(""),
        Some("facebookexternalhit/1.1 Facebot Twitterbot/1.0"),
        Some("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        Some("Mozilla/5.0 (Windows NT 10.0) BingPreview/1.0b"),
        Some("WhatsApp/2.23.20.0"),
        Some("Barracuda Sentinel (EE)"),
        Some("curl/8.5.0"),
        // Mail programs that load pictures before anybody looks: Apple's, Gmail's two, Yahoo's.
        Some("Mozilla/5.0"),
        Some("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"),
        Some("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"),
        Some("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),
    ] {
        assert!(visitor(machine).is_machine(), "{machine:?}");
    }
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
        Version/18.1 Mobile/15E148 Safari/604.1";
    assert!(!visitor(Some(phone)).is_machine());
    assert!(Visitor { user_agent: Some(phone), is_prefetch: true }.is_machine());
}

/// An email with a pixel: its HTML with the pixel's token taken out, and what is stored.
fn with_pixel(html: Option<&str>) -> (Option<String>, Option<NewLink>) {
    let (key, public_url) = (key(), "https://care.example.com/a&b".parse().unwrap());
    let tenant_id = TenantId::new(now());
    let to = Recipient { email: Some("pat@example.com".to_owned()), ..Recipient::default() };
    let email = EmailContent { html: html.map(str::to_owned), text: Some("See you".to_owned()), ..Default::default() };
    let mut payload = Payload { to, email: Some(email), ..Payload::default() };
    let context =
        LinkContext { public_url: &public_url, tenant_id, data_key: &key, hash_key: &key, due_at: now(), now: now() };
    let made = add_pixel(&mut payload, context).unwrap();
    let email = payload.email.unwrap();
    assert_eq!(email.text.as_deref(), Some("See you"));
    let Some(link) = &made else { return (email.html, made) };
    let written = email.html.unwrap();
    let (before, after) = written.split_once("https://care.example.com/a&amp;b/o/").unwrap();
    let token = LinkToken::parse(&after[..TOKEN_LEN]).unwrap();
    assert_eq!((token.hash(&key), token.tag()), (link.token_hash, LinkTag::of(tenant_id)));
    assert_eq!(link.recipient_hash, address_hash(&key, Channel::Email, "pat@example.com"));
    let ended = (link.channel, &link.target_sealed, link.expires_at);
    assert_eq!(ended, (Channel::Email, &None, now() + SignedDuration::from_hours(90 * 24)));
    (Some(format!("{before}{}", &after[TOKEN_LEN..])), made)
}

#[test]
fn hub_022_a_pixel_stands_at_the_end_of_the_body_and_nothing_else_changes() {
    const PIXEL: &str = "<img src=\"\" alt=\"\" width=\"1\" height=\"1\" border=\"0\" referrerpolicy=\"no-referrer\">";
    for (before, after) in [
        ("<p>See you</p>", ""),
        ("<html><body><p>See you</p>", "</body></html>"),
        ("<p>See you\u{e9}</p>", "</BODY\n></html>"),
        ("<p title='</body>'>1</p><!-- </body> -->2<style>/*</body>*/</style>", "</body><!-- </body> --></html>"),
        ("<p>1</p></body><p>2</p>", "</body>"),
        ("<p>1 < 2 </ body></bodyguard>", ""),
        ("<p>cut", "</body"),
    ] {
        let (written, made) = with_pixel(Some(&format!("{before}{after}")));
        assert_eq!((written, made.is_some()), (Some(format!("{before}{PIXEL}{after}")), true));
    }
}

#[test]
fn hub_022_an_email_without_html_gets_no_pixel() {
    for html in [None, Some("")] {
        assert_eq!(with_pixel(html), (html.map(str::to_owned), None));
    }
    let (key, public_url) = (key(), "https://care.example.com/".parse().unwrap());
    let tenant_id = TenantId::new(now());
    let context =
        LinkContext { public_url: &public_url, tenant_id, data_key: &key, hash_key: &key, due_at: now(), now: now() };
    let sms = Some(SmsContent { text: "See you".to_owned(), media_urls: Vec::new() });
    assert_eq!(add_pixel(&mut Payload { sms, ..Payload::default() }, context).unwrap(), None);
}

#[test]
fn hub_022_opening_and_following_are_two_things() {
    let message_id = MessageId::new(now());
    assert_ne!(click_key(message_id, Channel::Email), open_key(message_id, Channel::Email));
    assert_eq!(open_key(message_id, Channel::Email), open_key(message_id, Channel::Email));
}

proptest! {
    #[test]
    fn hub_022_what_is_no_link_stays_byte_by_byte(text in "\\PC{0,300}") {
        let mut none = |_: &str| None;
        prop_assert_eq!(&find::rewrite(&text, &mut none), &text);
        prop_assert_eq!(&html::rewrite(&text, &mut none), &text);
    }

    #[test]
    fn hub_022_no_markup_makes_it_panic(parts in prop::collection::vec(
        prop::sample::select(vec!["<a ", "</body", "href", "=", "\"", "'", ">", "</", "<!--", "-->", "<script", "x", " ", "/", "&amp;",
            "https://a.example/", "\u{e9}"]), 0..40)) {
        let text = parts.concat();
        let mut all = |_: &str| Some("https://care.example.com/l/x".to_owned());
        let _ = html::rewrite(&text, &mut all);
        prop_assert!(text.is_char_boundary(html::end_of_body(&text)));
        let _ = find::rewrite(&text, &mut all);
    }
}
