//! A form's own mark: made with the page, bound to its token, good for some hours. A page of somebody else's cannot know
//! it, and a form that was left open for days does not undo what was chosen since.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carepost_tenancy::TenantHandle;
use jiff::{SignedDuration, Timestamp};

const LIFETIME: SignedDuration = SignedDuration::from_hours(4);
/// Unix seconds in front of the keyed hash.
const TIME_LEN: usize = 8;
const HASH_LEN: usize = 16;

/// Makes the mark of a form.
pub(super) fn make(tenant: &TenantHandle, token: &str, now: Timestamp) -> String {
    let made_at = now.as_second().to_be_bytes();
    URL_SAFE_NO_PAD.encode([made_at.as_slice(), &hash(tenant, token, made_at)].concat())
}

/// Whether a form bears a mark of this token that is still good.
pub(super) fn is_good(tenant: &TenantHandle, token: &str, mark: &str, now: Timestamp) -> bool {
    let Ok(binary) = URL_SAFE_NO_PAD.decode(mark) else { return false };
    let Ok(binary): Result<[u8; TIME_LEN + HASH_LEN], _> = binary.try_into() else { return false };
    let (made_at, found) = binary.split_at(TIME_LEN);
    let Ok(made_at): Result<[u8; TIME_LEN], _> = made_at.try_into() else { return false };
    let expected = hash(tenant, token, made_at);
    let is_ours = aws_lc_rs::constant_time::verify_slices_are_equal(found, &expected).is_ok();
    let Ok(since) = Timestamp::from_second(i64::from_be_bytes(made_at)) else { return false };
    is_ours && since <= now && now.duration_since(since) < LIFETIME
}

fn hash(tenant: &TenantHandle, token: &str, made_at: [u8; TIME_LEN]) -> [u8; HASH_LEN] {
    tenant.hash("preference form", &[made_at.as_slice(), token.as_bytes()].concat())
}
