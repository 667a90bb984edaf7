//! A form's own mark: made with the page, bound to its token, good for some hours. A page of somebody else's cannot know
//! it. It keeps which version of the wishes the page showed: a form that was left open does not undo what was chosen
//! since.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carepost_tenancy::TenantHandle;
use jiff::{SignedDuration, Timestamp};

const LIFETIME: SignedDuration = SignedDuration::from_hours(4);
/// Unix seconds and the version of the wishes, in front of the keyed hash.
const PLAIN_LEN: usize = 16;
const HASH_LEN: usize = 16;

/// Makes the mark of a form that shows a version of the wishes.
pub(super) fn make(tenant: &TenantHandle, token: &str, version: i64, now: Timestamp) -> String {
    let plain = [now.as_second().to_be_bytes(), version.to_be_bytes()].concat();
    URL_SAFE_NO_PAD.encode([plain.as_slice(), &hash(tenant, token, &plain)].concat())
}

/// The version that a form showed, where it bears a mark of this token that is still good.
pub(super) fn read(tenant: &TenantHandle, token: &str, mark: &str, now: Timestamp) -> Option<i64> {
    let binary: [u8; PLAIN_LEN + HASH_LEN] = URL_SAFE_NO_PAD.decode(mark).ok()?.try_into().ok()?;
    let (plain, found) = binary.split_at(PLAIN_LEN);
    aws_lc_rs::constant_time::verify_slices_are_equal(found, &hash(tenant, token, plain)).ok()?;
    let (made_at, version) = plain.split_at(PLAIN_LEN / 2);
    let since = Timestamp::from_second(i64::from_be_bytes(made_at.try_into().ok()?)).ok()?;
    let is_good = since <= now && now.duration_since(since) < LIFETIME;
    is_good.then_some(i64::from_be_bytes(version.try_into().ok()?))
}

fn hash(tenant: &TenantHandle, token: &str, plain: &[u8]) -> [u8; HASH_LEN] {
    tenant.hash("preference form", &[plain, token.as_bytes()].concat())
}
