//! Changes of configuration: decide, write with the trail in one transaction (TEN-3), correct the caches, tell.
//!
//! All of them are methods of [`Directory`](crate::Directory), which has the connections, the keys and the time.

mod accounts;
mod api_keys;
mod endpoints;
mod tenants;
mod trail;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carepost_kernel::SealError;
use zeroize::Zeroizing;

use crate::TenancyError;
use crate::error::Tried as _;

/// What sealed values are bound to, besides tenant and row.
pub(crate) const CREDENTIALS: &str = "provider credentials";
pub(crate) const WEBHOOK_TOKEN: &str = "webhook token";
pub(crate) const ENDPOINT_SECRET: &str = "webhook endpoint secret";

/// Random bytes of a token or secret.
const TOKEN_BYTES: usize = 32;

fn random_bytes<const LENGTH: usize>() -> Result<Zeroizing<[u8; LENGTH]>, TenancyError> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    rand::fill(bytes.as_mut()).map_err(|_| SealError::Refused).tried("draw random bytes")?;
    Ok(bytes)
}

/// 32 random bytes in URL-safe base64, without padding.
fn random_token() -> Result<Zeroizing<String>, TenancyError> {
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(random_bytes::<TOKEN_BYTES>()?.as_ref())))
}
