//! Seals: AES-256-GCM under a tenant's data key, and keyed hashes for look-ups (DEL-9).
//!
//! A sealed value is `version (1) | key version (2, big endian) | nonce (12) | ciphertext | tag (16)`. What it belongs
//! to is bound in as associated data, so that a sealed value copied to another row does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const HEADER: usize = 3;
const TAG: usize = 16;

/// Length of a data key and of a master key, in bytes.
pub const KEY_LEN: usize = 32;
/// Length of a look-up hash, in bytes.
pub const HASH_LEN: usize = 16;

/// Why a sealed value does not open. Never says what was inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not in the format above.
    #[error("open sealed value: malformed")]
    Malformed,
    /// Sealed under another version of the key.
    #[error("open sealed value: sealed under key version {0}, which is not the one at hand")]
    OtherKey(u16),
    /// The tag does not match: another key, another owner, or changed bytes.
    #[error("open sealed value: authentication failed")]
    Authentication,
    /// The operating system gave no randomness, or the value is too long to seal.
    #[error("seal value: the cipher refused")]
    Refused,
}

/// A tenant's data key, spread into a sealing key and a hashing key. Never serialized, never printed.
pub struct DataKey {
    version: u16,
    sealing: LessSafeKey,
    hashing: hmac::Key,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey(version {})", self.version)
    }
}

impl DataKey {
    /// Spreads 32 random bytes (HKDF-SHA-256, RFC 5869) into the keys for the two uses.
    ///
    /// # Panics
    /// Never: both lengths are the algorithms' own.
    #[must_use]
    pub fn new(version: u16, material: &[u8; KEY_LEN]) -> Self {
        let prk = Salt::new(HKDF_SHA256, b"carepost data key").extract(material);
        let derive = |purpose: &'static [u8]| {
            let mut key = Zeroizing::new([0_u8; KEY_LEN]);
            let info = [purpose];
            prk.expand(&info, Length).and_then(|okm| okm.fill(key.as_mut())).expect("32 bytes fit HKDF-SHA-256");
            key
        };
        let sealing = UnboundKey::new(&AES_256_GCM, derive(b"seal").as_ref()).expect("32 bytes are an AES-256 key");
        Self {
            version,
            sealing: LessSafeKey::new(sealing),
            hashing: hmac::Key::new(hmac::HMAC_SHA256, derive(b"hash").as_ref()),
        }
    }

    /// 32 fresh random bytes for a new key.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn generate() -> Result<Zeroizing<[u8; KEY_LEN]>, SealError> {
        let mut material = Zeroizing::new([0_u8; KEY_LEN]);
        rand::fill(material.as_mut()).map_err(|_| SealError::Refused)?;
        Ok(material)
    }

    /// The version that sealed values carry.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// Seals `plain`, bound to `owner` (for example tenant and message id).
    ///
    /// # Errors
    /// Where no randomness can be had.
    pub fn seal(&self, owner: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Refused)?;
        let mut sealed = Vec::with_capacity(HEADER + NONCE_LEN + plain.len() + TAG);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.version.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, body) = sealed.split_at_mut(HEADER + NONCE_LEN);
        let tag = self
            .sealing
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), body)
            .map_err(|_| SealError::Refused)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] closed for the same owner.
    ///
    /// # Errors
    /// Where the bytes are malformed, of another key version, or not authentic.
    pub fn open(&self, owner: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let version = key_version(sealed)?;
        if version != self.version {
            return Err(SealError::OtherKey(version));
        }
        let (nonce, body) = sealed[HEADER..].split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let length = self
            .sealing
            .open_in_place(nonce, Aad::from(owner), &mut plain)
            .map_err(|_| SealError::Authentication)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    /// A keyed hash for look-ups: HMAC-SHA-256 over `domain | 0 | value`, cut to 16 bytes.
    #[must_use]
    pub fn hash(&self, domain: &str, value: &[u8]) -> [u8; HASH_LEN] {
        let mut context = hmac::Context::with_key(&self.hashing);
        context.update(domain.as_bytes());
        context.update(&[0]);
        context.update(value);
        let mut hash = [0_u8; HASH_LEN];
        hash.copy_from_slice(&context.sign().as_ref()[..HASH_LEN]);
        hash
    }
}

/// The version of the key that a sealed value was closed with.
///
/// # Errors
/// Where the bytes are no sealed value.
pub fn key_version(sealed: &[u8]) -> Result<u16, SealError> {
    match sealed {
        [FORMAT, high, low, rest @ ..] if rest.len() >= NONCE_LEN + TAG => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err(SealError::Malformed),
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

#[cfg(test)]
mod tests;
