//! An email has one footer, whatever it came with.

use proptest::prelude::*;

use super::*;

fn footer(language: &str) -> Footer<'_> {
    Footer {
        practice_name: "Smith & Sons <Dental>",
        postal_address: "1 Invented Street\nSpringfield, IL 62701",
        preferences_url: "https://care.example.com/p/abc",
        unsubscribe_url: "https://care.example.com/u/def",
        language,
    }
}

#[test]
fn con_014_a_text_gets_name_address_and_the_way_out() {
    assert_eq!(
        footer("en").add_to_text("We expect you.\n\n"),
        "We expect you.\n\n-- \nSmith & Sons <Dental>\n1 Invented Street\nSpringfield, IL 62701\n\
         Choose which messages you get: https://care.example.com/p/abc\nUnsubscribe: https://care.example.com/u/def\n"
    );
    assert!(footer("es-MX").add_to_text("Hola").contains("Cancelar suscripción: https://care.example.com/u/def"));
}

#[test]
fn con_014_html_gets_them_escaped_before_the_end_of_its_body() {
    let html = footer("es").add_to_html("<html><BODY><p>Hola</p></BODY></html>");
    assert!(html.starts_with("<html><BODY><p>Hola</p><!--carepost:footer--><div lang=\"es\""), "{html}");
    assert!(html.ends_with("</div></BODY></html>"), "{html}");
    assert!(html.contains("Smith &amp; Sons &lt;Dental&gt;<br>1 Invented Street<br>Springfield, IL 62701"), "{html}");
    assert!(html.contains("<a href=\"https://care.example.com/u/def\""), "{html}");
    assert!(footer("en").add_to_html("<p>Hi").starts_with("<p>Hi<!--carepost:footer-->"));
}

#[test]
fn con_014_what_has_a_footer_of_its_own_stays_as_it_is() {
    // The token of the text's own link is never that of the footer: each is sealed anew.
    let token = "Ab-_1".repeat(TOKEN_LEN).chars().take(TOKEN_LEN).collect::<String>();
    let address = "1 Invented Street, Springfield, IL 62701";
    for page in ["p", "u"] {
        let link = format!("https://care.example.com/{page}/{token}");
        let own = format!("<p>Hi</p><p>Smith, {address}</p><a href=\"{link}\">Choose</a>");
        assert_eq!(footer("en").add_to_html(&own), own);
        let text = format!("Hi\n{address}\nStop: {link}.");
        assert_eq!(footer("en").add_to_text(&text), text);
        // An address without a way out is half of it, and so is a way out without an address.
        assert_ne!(footer("en").add_to_text(&link), link);
        for none in ["", "/", &token[1..], &format!("{token}x"), &format!("x/{token}")] {
            let half = format!("{address} https://care.example.com/{page}/{none}");
            assert_ne!(footer("en").add_to_text(&half), half);
        }
        let elsewhere = format!("{address} https://other.example.com/{page}/{token}");
        assert_ne!(footer("en").add_to_text(&elsewhere), elsewhere);
    }
}

proptest! {
    #[test]
    fn con_014_a_second_footer_is_never_added(body in "\\PC{0,200}", closes in any::<bool>()) {
        let html = if closes { format!("<body>{body}</body>") } else { body.clone() };
        for language in ["en", "es"] {
            let once = footer(language).add_to_html(&html);
            prop_assert_eq!(&footer(language).add_to_html(&once), &once);
            // Another letter of the same practice, with other tokens.
            let other = Footer { preferences_url: "https://care.example.com/p/x", ..footer(language) };
            prop_assert_eq!(&other.add_to_html(&once), &once);
            let once = footer(language).add_to_text(&body);
            prop_assert_eq!(&other.add_to_text(&once), &once);
        }
    }
}
