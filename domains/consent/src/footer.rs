//! The footer that an email needs (CAN-SPAM, 15 U.S.C. 7704(a)(5)): who writes, from which postal address, and the way
//! out, in English or Spanish. Added where the text has none; adding it twice changes nothing.

use crate::tokens::TOKEN_LEN;

/// Stands in front of the footer in HTML.
const MARKER: &str = "<!--carepost:footer-->";
/// Divides a text from its footer (RFC 3676, section 4.3). Mail programs fold away what comes after it.
const DIVIDER: &str = "\n-- \n";

/// What stands in a footer. All values are the practice's own and public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer<'a> {
    /// The practice's name.
    pub practice_name: &'a str,
    /// Its postal address, on one line or several.
    pub postal_address: &'a str,
    /// The preference page of the reader.
    pub preferences_url: &'a str,
    /// The reader's way out.
    pub unsubscribe_url: &'a str,
    /// The reader's language: `es`, and English for all others.
    pub language: &'a str,
}

struct Words {
    language: &'static str,
    preferences: &'static str,
    unsubscribe: &'static str,
}

const ENGLISH: Words =
    Words { language: "en", preferences: "Choose which messages you get", unsubscribe: "Unsubscribe" };
const SPANISH: Words =
    Words { language: "es", preferences: "Elija qué mensajes recibe", unsubscribe: "Cancelar suscripción" };

impl Footer<'_> {
    /// The plain text with a footer.
    #[must_use]
    pub fn add_to_text(&self, text: &str) -> String {
        if self.is_in(text, text.contains(&self.signature())) {
            return text.to_owned();
        }
        let Words { preferences, unsubscribe, .. } = self.words();
        let Self { preferences_url, unsubscribe_url, .. } = self;
        format!(
            "{}\n{}{preferences}: {preferences_url}\n{unsubscribe}: {unsubscribe_url}\n",
            text.trim_end_matches(['\r', '\n']),
            self.signature(),
        )
    }

    /// The HTML with a footer: before the end of its body, or at its end.
    #[must_use]
    pub fn add_to_html(&self, html: &str) -> String {
        if self.is_in(html, html.contains(MARKER)) {
            return html.to_owned();
        }
        let (before, after) = html.split_at(end_of_body(html));
        format!("{before}{}{after}", self.html())
    }

    /// Whether a body has what a footer is for: ours, or a postal address and a way out of the practice's own making.
    fn is_in(&self, body: &str, is_marked: bool) -> bool {
        let words: Vec<&str> = self.postal_address.split_whitespace().collect();
        let is_there = |text: &str| body.contains(text) || body.contains(&escape(text));
        let has_address = !words.is_empty() && words.iter().all(|word| is_there(word));
        let has_way_out = [self.preferences_url, self.unsubscribe_url].into_iter().any(|url| has_link(body, url));
        is_marked || (has_address && has_way_out)
    }

    fn signature(&self) -> String {
        let address: Vec<&str> = self.postal_address.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        format!("{DIVIDER}{}\n{}\n", self.practice_name.trim(), address.join("\n"))
    }

    fn html(&self) -> String {
        // Grey on white at 7 to 1, and links that are underlined: WCAG 2.2, 1.4.3 and 1.4.1.
        const STYLE: &str = "margin:24px 0 0;padding:12px 0 0;border-top:1px solid #767676;\
             font:14px/1.5 sans-serif;color:#595959;background:#ffffff";
        const LINK: &str = "color:#0b5394;text-decoration:underline";
        let Words { language, preferences, unsubscribe } = self.words();
        let address: Vec<String> =
            self.postal_address.lines().map(str::trim).filter(|line| !line.is_empty()).map(escape).collect();
        format!(
            "{MARKER}<div lang=\"{language}\" style=\"{STYLE}\"><p style=\"margin:0\">{}<br>{}</p>\
             <p style=\"margin:8px 0 0\"><a href=\"{}\" style=\"{LINK}\">{preferences}</a> &middot; \
             <a href=\"{}\" style=\"{LINK}\">{unsubscribe}</a></p></div>",
            escape(self.practice_name.trim()),
            address.join("<br>"),
            escape(self.preferences_url),
            escape(self.unsubscribe_url),
        )
    }

    fn words(&self) -> &'static Words {
        if self.language.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("es")) { &SPANISH } else { &ENGLISH }
    }
}

/// Whether a body has a link to the page that this one leads to, with whatever token: each link has a token of its own.
fn has_link(body: &str, url: &str) -> bool {
    let Some(token_at) = url.rfind('/').map(|slash| slash + 1) else { return false };
    let page = &url[..token_at];
    let is_token = |rest: &str| rest.bytes().take_while(|byte| is_of_token(*byte)).count() == TOKEN_LEN;
    let leads_there = |page: &str| body.match_indices(page).any(|(at, _)| is_token(&body[at + page.len()..]));
    leads_there(page) || leads_there(&escape(page))
}

/// Whether a character may stand in a token: URL-safe base64.
const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Where the last `</body` begins; the end where there is none.
fn end_of_body(html: &str) -> usize {
    const CLOSING: &[u8] = b"</body";
    let mut windows = html.as_bytes().windows(CLOSING.len());
    windows.rposition(|window| window.eq_ignore_ascii_case(CLOSING)).unwrap_or(html.len())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
