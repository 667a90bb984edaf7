//! Tokens of the links that people are sent: the preference page `/p/{token}` and one-click unsubscribing `/u/{token}`.
//!
//! A token is its holder's capability: it names one person or one address of one tenant, for one use, until an instant.
//! It is `tenant id | sealed value` in URL-safe base64: the tenant stands there openly, so that its key can be found;
//! the rest is AES-256-GCM ciphertext under that key, bound to this use. There is nothing in it that tells of a person,
//! and a token that was made up, cut, taken from another tenant, used for the other page or kept too long opens alike to
//! nothing: whoever asks learns no more than that (see [`read`]).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use url::Url;
use uuid::Uuid;

use carepost_kernel::{Channel, MessageId, RecipientId, SealError, TenantId, Topic};
use carepost_tenancy::TenantHandle;

use crate::types::AddressKey;

/// Bytes of the sealed value once it is open: see [`encode`].
const PLAIN_LEN: usize = 59;
/// What a seal adds: format, key version, nonce and tag (`carepost_kernel::seal`).
const SEAL_LEN: usize = 31;
const TENANT_LEN: usize = 16;
const BINARY_LEN: usize = TENANT_LEN + SEAL_LEN + PLAIN_LEN;
/// Characters of a token: all of them are equally long, whatever they name.
pub const TOKEN_LEN: usize = (BINARY_LEN * 4).div_ceil(3);

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkUse {
    /// Seeing and changing preferences: 90 days.
    Preferences,
    /// Opting out, and nothing else: 400 days. CAN-SPAM (15 U.S.C. 7704(a)(3)(A)(ii)) wants 30 days after sending; people
    /// unsubscribe by old mail.
    Unsubscribe,
}

impl LinkUse {
    /// Both uses.
    pub const ALL: [Self; 2] = [Self::Preferences, Self::Unsubscribe];

    /// How long a token is good after it was made.
    #[must_use]
    pub const fn lifetime(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::Preferences => 90 * 24,
            Self::Unsubscribe => 400 * 24,
        })
    }

    const fn number(self) -> u8 {
        match self {
            Self::Preferences => 1,
            Self::Unsubscribe => 2,
        }
    }

    const fn segment(self) -> &'static str {
        match self {
            Self::Preferences => "p",
            Self::Unsubscribe => "u",
        }
    }
}

/// Whom a token names, and what it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject {
    /// The person, where one is known.
    pub recipient_id: Option<RecipientId>,
    /// The address that the link was sent to.
    pub address: Option<AddressKey>,
    /// What the message was about.
    pub topic: Option<Topic>,
    /// The message that the link stood in.
    pub message_id: Option<MessageId>,
}

/// A token that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What it is good for.
    pub link_use: LinkUse,
    /// Whom it names.
    pub subject: Subject,
    /// Until when it is good, to the second.
    pub expires_at: Timestamp,
}

/// Makes a token for a message that leaves now.
///
/// # Errors
/// Where no randomness can be had.
pub fn issue(tenant: &TenantHandle, link_use: LinkUse, subject: &Subject, now: Timestamp) -> Result<String, SealError> {
    make(tenant, link_use, subject, now.saturating_add(link_use.lifetime()).unwrap_or(Timestamp::MAX))
}

/// Makes a token on a page, out of the one that opened the page: as good as if it had come with that one, and no longer.
/// `None` where it would be good for nothing any more.
///
/// # Errors
/// Where no randomness can be had.
pub fn issue_beside(
    tenant: &TenantHandle,
    link_use: LinkUse,
    opened: &Link,
    now: Timestamp,
) -> Result<Option<String>, SealError> {
    let made_at = opened.expires_at.saturating_sub(opened.link_use.lifetime()).unwrap_or(Timestamp::MIN);
    let expires_at = made_at.saturating_add(link_use.lifetime()).unwrap_or(Timestamp::MAX).min(opened.expires_at);
    (now < expires_at).then(|| make(tenant, link_use, &opened.subject, expires_at)).transpose()
}

fn make(
    tenant: &TenantHandle,
    link_use: LinkUse,
    subject: &Subject,
    expires_at: Timestamp,
) -> Result<String, SealError> {
    let tenant_id = tenant.tenant.tenant_id;
    let sealed = tenant.seal(&owner(tenant_id), &encode(link_use, subject, expires_at))?;
    Ok(URL_SAFE_NO_PAD.encode([tenant_id.as_uuid().as_bytes().as_slice(), &sealed].concat()))
}

/// Whose token this would be, if it is one: the key to the rest. Proves nothing.
#[must_use]
pub fn tenant_of(token: &str) -> Option<TenantId> {
    let binary = decode_text(token)?;
    let bytes: [u8; TENANT_LEN] = binary.get(..TENANT_LEN)?.try_into().ok()?;
    Some(TenantId::from_uuid(Uuid::from_bytes(bytes)))
}

/// Whom a token names. `None` for whatever is no token of this tenant and this use at this instant, and never why.
#[must_use]
pub fn read(tenant: &TenantHandle, link_use: LinkUse, token: &str, now: Timestamp) -> Option<Subject> {
    open(tenant, link_use, token, now).map(|link| link.subject)
}

/// The same, and until when it is good.
#[must_use]
pub fn open(tenant: &TenantHandle, link_use: LinkUse, token: &str, now: Timestamp) -> Option<Link> {
    let binary = decode_text(token)?;
    let tenant_id = tenant.tenant.tenant_id;
    let (named, sealed) = binary.split_at(TENANT_LEN);
    if named != tenant_id.as_uuid().as_bytes() {
        return None;
    }
    let plain = tenant.open(&owner(tenant_id), sealed).ok()?;
    let plain: &[u8; PLAIN_LEN] = plain.as_slice().try_into().ok()?;
    let (subject, expires_at) = decode(link_use, plain)?;
    (now < expires_at).then_some(Link { link_use, subject, expires_at })
}

/// The address of the preference page.
#[must_use]
pub fn preferences_url(public_url: &Url, token: &str) -> String {
    address(public_url, LinkUse::Preferences, token)
}

/// The address for the footer of an email.
#[must_use]
pub fn unsubscribe_url(public_url: &Url, token: &str) -> String {
    address(public_url, LinkUse::Unsubscribe, token)
}

/// The address for the header `List-Unsubscribe`: RFC 8058 wants `https`, and a provider refuses any other.
#[must_use]
pub fn one_click_url(public_url: &Url, token: &str) -> Option<String> {
    (public_url.scheme() == "https").then(|| unsubscribe_url(public_url, token))
}

fn address(public_url: &Url, link_use: LinkUse, token: &str) -> String {
    format!("{}/{}/{token}", public_url.as_str().trim_end_matches('/'), link_use.segment())
}

fn decode_text(token: &str) -> Option<Vec<u8>> {
    if token.len() != TOKEN_LEN {
        return None;
    }
    URL_SAFE_NO_PAD.decode(token).ok().filter(|binary| binary.len() == BINARY_LEN)
}

/// What the sealed value is bound to: no other sealed value of the tenant can stand in its place.
fn owner(tenant_id: TenantId) -> Vec<u8> {
    [b"consent link\0".as_slice(), tenant_id.as_uuid().as_bytes()].concat()
}

/// `use (1) | recipient (16) | channel (1) | address hash (16) | topic (1) | message (16) | end, Unix seconds (8)`; what
/// is not known is zero.
fn encode(link_use: LinkUse, subject: &Subject, expires_at: Timestamp) -> [u8; PLAIN_LEN] {
    let mut plain = [0; PLAIN_LEN];
    plain[0] = link_use.number();
    plain[1..17].copy_from_slice(subject.recipient_id.map_or(Uuid::nil(), RecipientId::as_uuid).as_bytes());
    if let Some(address) = subject.address {
        plain[17] = address.channel as u8;
        plain[18..34].copy_from_slice(&address.address_hash);
    }
    plain[34] = subject.topic.map_or(0, |topic| topic as u8);
    plain[35..51].copy_from_slice(subject.message_id.map_or(Uuid::nil(), MessageId::as_uuid).as_bytes());
    plain[51..].copy_from_slice(&expires_at.as_second().to_be_bytes());
    plain
}

fn decode(link_use: LinkUse, plain: &[u8; PLAIN_LEN]) -> Option<(Subject, Timestamp)> {
    if plain[0] != link_use.number() {
        return None;
    }
    let id = |from: usize| Uuid::from_slice(&plain[from..from + 16]).ok().filter(|id| !id.is_nil());
    let address = match plain[17] {
        0 => None,
        number => Some(AddressKey {
            channel: Channel::from_i16(i16::from(number))?,
            address_hash: plain[18..34].try_into().ok()?,
        }),
    };
    let topic = match plain[34] {
        0 => None,
        number => Some(Topic::from_i16(i16::from(number))?),
    };
    let expires_at = Timestamp::from_second(i64::from_be_bytes(plain[51..].try_into().ok()?)).ok()?;
    let subject = Subject {
        recipient_id: id(1).map(RecipientId::from_uuid),
        address,
        topic,
        message_id: id(35).map(MessageId::from_uuid),
    };
    Some((subject, expires_at))
}

#[cfg(test)]
mod tests;
