//! Short first-party links (HUB-022): the addresses in a text lead over `/l/{token}`, so that following one is known. The
//! open pixel `/o/{token}` is a link that leads nowhere: a picture of one point in an email's HTML, which tells that
//! somebody looked at it.
//!
//! Invariants:
//! - **LNK-1** A token is 22 characters that say nothing: six bytes name the tenant ([`LinkTag`]), ten are random. The
//!   address behind it is sealed, and stored by the token's keyed hash. Links lead to what is stored and nowhere else.
//! - **LNK-2** Links commit with their message (DEL-1): none is sent that would lead nowhere.
//! - **LNK-3** Emergencies and health care are never tracked, nor is a way out of a list, a phone number or an address
//!   of our own.
//! - **LNK-4** A message counts as clicked once, and as opened once, by the receipt path of DEL-6; machines that look into
//!   mail do not count.
//! - **LNK-5** Nobody's opening is watched unless the message was sent with that wish (decision C49): it tells less than
//!   a click, and readers cannot see it.
//!
//! Links and pixels end 90 days after the message was due.

mod find;
mod html;
mod pixel;

use std::collections::HashMap;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use carepost_kernel::{Channel, DataKey, LinkId, MessageId, Purpose, SealError, TenantId};
use carepost_tenancy::types::LinkTag;

use crate::prepare::address_hash;
use crate::types::Payload;

pub use pixel::add_pixel;

/// Characters of a token.
pub const TOKEN_LEN: usize = 22;
/// Links of one message; further addresses stay as they are.
pub const MOST_LINKS: usize = 20;
/// How long a link leads somewhere after its message was due.
const LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);
const TOKEN_BYTES: usize = 16;
/// No address is longer in a browser that is in use.
const TARGET_LIMIT_BYTES: usize = 2_048;

/// A link, or a pixel, as it is stored with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// Its id.
    pub link_id: LinkId,
    /// Keyed hash of its token.
    pub token_hash: [u8; 16],
    /// On which channel it goes out.
    pub channel: Channel,
    /// Keyed hash of the address that it goes to.
    pub recipient_hash: [u8; 16],
    /// Where it leads, sealed for (tenant, link); `None`: it is a pixel.
    pub target_sealed: Option<Vec<u8>>,
    /// It leads nowhere from here on.
    pub expires_at: Timestamp,
}

/// Whose links are made, and for which message.
#[derive(Debug, Clone, Copy)]
pub struct LinkContext<'a> {
    /// Where links begin: our public address.
    pub public_url: &'a Url,
    /// Whose they are.
    pub tenant_id: TenantId,
    /// The key that seals where they lead.
    pub data_key: &'a DataKey,
    /// The key of look-up hashes.
    pub hash_key: &'a DataKey,
    /// When the message is due.
    pub due_at: Timestamp,
    /// The present instant.
    pub now: Timestamp,
}

/// Whether messages of a purpose may have links or a pixel that are counted (LNK-3).
#[must_use]
pub const fn may_track(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Transactional | Purpose::Financial | Purpose::Marketing => true,
        Purpose::Emergency | Purpose::Treatment => false,
    }
}

/// Puts short links into the text message and the email of a payload, and gives what is to be stored for them.
///
/// # Errors
/// Where no randomness can be had.
pub fn shorten(payload: &mut Payload, context: LinkContext<'_>) -> Result<Vec<NewLink>, SealError> {
    let mut maker = Maker { context, links: Vec::new(), known: HashMap::new(), failure: None };
    if let Some(sms) = &mut payload.sms {
        let recipient_hash = hash_of(&payload.to, Channel::Sms, context);
        sms.text = find::rewrite(&sms.text, &mut |target| maker.link(target, Channel::Sms, recipient_hash, None));
    }
    if let Some(email) = &mut payload.email {
        let recipient_hash = hash_of(&payload.to, Channel::Email, context);
        let way_out = email.unsubscribe_url.as_deref();
        let mut link = |target: &str| maker.link(target, Channel::Email, recipient_hash, way_out);
        email.html = email.html.as_deref().map(|html| html::rewrite(html, &mut link));
        email.text = email.text.as_deref().map(|text| find::rewrite(text, &mut link));
    }
    match maker.failure {
        Some(failure) => Err(failure),
        None => Ok(maker.links),
    }
}

fn hash_of(to: &crate::types::Recipient, channel: Channel, context: LinkContext<'_>) -> [u8; 16] {
    address_hash(context.hash_key, channel, to.address(channel).unwrap_or_default())
}

/// Makes links; the same address on the same channel has one.
struct Maker<'a> {
    context: LinkContext<'a>,
    links: Vec<NewLink>,
    known: HashMap<(Channel, String), String>,
    failure: Option<SealError>,
}

impl Maker<'_> {
    /// The short address for a long one; `None` where it stays as it is.
    fn link(
        &mut self,
        text: &str,
        channel: Channel,
        recipient_hash: [u8; 16],
        way_out: Option<&str>,
    ) -> Option<String> {
        let target = self.target(text, way_out)?;
        let key = (channel, target);
        if let Some(short) = self.known.get(&key) {
            return Some(short.clone());
        }
        if self.links.len() >= MOST_LINKS {
            return None;
        }
        match make(Some(&key.1), channel, recipient_hash, self.context) {
            Ok((made, token)) => {
                self.links.push(made);
                let short = format!("{}/l/{token}", base(self.context.public_url));
                self.known.insert(key, short.clone());
                Some(short)
            }
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }

    /// What may be tracked, in the form that is stored.
    fn target(&self, text: &str, way_out: Option<&str>) -> Option<String> {
        let url = Url::parse(text).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        // Credentials in an address are secrets of somebody: they are not ours to keep.
        let is_plain =
            url.username().is_empty() && url.password().is_none() && url.as_str().len() <= TARGET_LIMIT_BYTES;
        let is_ours = url.host() == self.context.public_url.host() && is_below(&url, self.context.public_url);
        let is_way_out = way_out == Some(text) || reads_like_a_way_out(url.as_str());
        (is_web && is_plain && !is_ours && !is_way_out).then(|| url.into())
    }
}

/// A link to a target, or a pixel, with the token that its address ends in.
fn make(
    target: Option<&str>,
    channel: Channel,
    recipient_hash: [u8; 16],
    context: LinkContext<'_>,
) -> Result<(NewLink, String), SealError> {
    let LinkContext { tenant_id, data_key, hash_key, due_at, now, .. } = context;
    let mut binary = [0; TOKEN_BYTES];
    rand::fill(&mut binary).map_err(|_| SealError::Refused)?;
    binary[..LinkTag::LEN].copy_from_slice(LinkTag::of(tenant_id).as_bytes());
    let link_id = LinkId::new(now);
    let seal = |target: &str| data_key.seal(&seal_owner(tenant_id, link_id), target.as_bytes());
    let made = NewLink {
        link_id,
        token_hash: token_hash(hash_key, &binary),
        channel,
        recipient_hash,
        target_sealed: target.map(seal).transpose()?,
        expires_at: due_at.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX),
    };
    Ok((made, URL_SAFE_NO_PAD.encode(binary)))
}

fn base(public_url: &Url) -> &str {
    public_url.as_str().trim_end_matches('/')
}

/// Pages of ours are found by their own tokens; a host that is ours may have other people's pages beside them.
fn is_below(url: &Url, public_url: &Url) -> bool {
    url.path().starts_with(public_url.path())
}

/// Mail programs and people look for these; a detour over us would be in their way.
fn reads_like_a_way_out(url: &str) -> bool {
    const WORDS: [&str; 6] = ["unsubscribe", "optout", "opt-out", "opt_out", "preferences", "desuscri"];
    let url = url.to_ascii_lowercase();
    WORDS.iter().any(|word| url.contains(word))
}

/// A token, read: which tenants it may be of, and how it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkToken([u8; TOKEN_BYTES]);

impl LinkToken {
    /// Reads the text of an address; `None` where it is no token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TOKEN_LEN {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The tag of the tenant.
    #[must_use]
    pub fn tag(&self) -> LinkTag {
        let mut tag = [0; LinkTag::LEN];
        tag.copy_from_slice(&self.0[..LinkTag::LEN]);
        LinkTag::from_bytes(tag)
    }

    /// By which its row is found.
    #[must_use]
    pub fn hash(&self, hash_key: &DataKey) -> [u8; 16] {
        token_hash(hash_key, &self.0)
    }
}

fn token_hash(hash_key: &DataKey, binary: &[u8; TOKEN_BYTES]) -> [u8; 16] {
    hash_key.hash("link", binary)
}

/// The bytes that a link's address is bound to.
#[must_use]
pub fn seal_owner(tenant_id: TenantId, link_id: LinkId) -> Vec<u8> {
    [b"link\0".as_slice(), tenant_id.as_uuid().as_bytes(), link_id.as_uuid().as_bytes()].concat()
}

/// Equal for all clicks of one message on one channel: the ledger merges the first of them (LNK-4).
#[must_use]
pub fn click_key(message_id: MessageId, channel: Channel) -> String {
    format!("link:{message_id}:{}", channel.as_str())
}

/// As [`click_key`], for the times that a message is opened.
#[must_use]
pub fn open_key(message_id: MessageId, channel: Channel) -> String {
    format!("open:{message_id}:{}", channel.as_str())
}

/// What a request says of whoever follows a link or loads a pixel, as far as it tells a person from a machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor<'a> {
    /// The header `User-Agent`; it is looked at and not kept.
    pub user_agent: Option<&'a str>,
    /// A header says that it is fetched ahead of a wish (`Sec-Purpose: prefetch` and its elders).
    pub is_prefetch: bool,
}

/// Words in the names of programs that look into messages before people do, or show what is behind a link, in small
/// letters. Machines that call themselves a browser are not found.
const MACHINES: [&str; 42] = [
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "prefetch",
    "slurp",
    "monitor",
    "validator",
    "fetcher",
    "facebookexternalhit",
    "facebookcatalog",
    "meta-external",
    "whatsapp",
    "skype",
    "teams",
    "snap url",
    "googleimageproxy",
    "google-safety",
    "google-read-aloud",
    "feedfetcher",
    "yahoomailproxy",
    "yahoo! slurp",
    "barracuda",
    "mimecast",
    "proofpoint",
    "urldefense",
    "symantec",
    "fireeye",
    "trendmicro",
    "sophos",
    "cisco",
    "forcepoint",
    "ironport",
    "curl/",
    "wget/",
    "python",
    "go-http-client",
    "java/",
    "okhttp",
    "libwww",
    "headless",
];

impl Visitor<'_> {
    /// It is no person, or nobody can tell that it is one.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        let name = self.user_agent.unwrap_or_default().trim().to_ascii_lowercase();
        // Apple's mail privacy protection says no more than this, and what Gmail fetches ahead ends with it.
        let is_mail_proxy = name.ends_with("mozilla/5.0");
        self.is_prefetch || name.is_empty() || is_mail_proxy || MACHINES.iter().any(|machine| name.contains(machine))
    }
}

#[cfg(test)]
mod tests;
