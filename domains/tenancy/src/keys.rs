//! Master keys and the tenants' data keys under them (DEL-9).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::seal::{HASH_LEN, KEY_LEN, key_version};
use carepost_kernel::{DataKey, PlacementId, SealError, Secret, TenantId};
use zeroize::Zeroizing;

use crate::TenancyError;
use crate::error::Tried as _;
use crate::types::Tenant;

/// Master keys seal with this version number; which of them it was is written beside the wrapped key.
const MASTER_VERSION: u16 = 1;

/// A key that wraps the tenants' data keys. Kept outside the database.
#[derive(Debug)]
struct MasterKey {
    id: String,
    key: DataKey,
}

/// The master keys of a deployment: new keys are wrapped under the first, all of them unwrap.
#[derive(Debug)]
pub struct MasterKeys(Vec<MasterKey>);

impl MasterKeys {
    /// Reads keys, one a line: `id:base64` or `base64` of 32 bytes, the current one first. Empty lines and lines
    /// that begin with `#` are passed over. A key without an id is called by the start of its own digest.
    ///
    /// # Errors
    /// Names the first line that is no key; the text itself is not repeated.
    pub fn parse(text: &str) -> Result<Self, TenancyError> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for (i, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |problem| TenancyError::MasterKeys { line: i + 1, problem };
            let key = parse_line(line).map_err(fault)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(fault("the id is used twice"));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(TenancyError::MasterKeys { line: 1, problem: "there is no key" });
        }
        Ok(Self(keys))
    }

    /// A fresh key in the form that [`Self::parse`] reads.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn generate_text() -> Result<Secret<String>, TenancyError> {
        let material = DataKey::generate().tried("make master key")?;
        Ok(Secret::new(STANDARD.encode(material.as_ref())))
    }

    /// The id of the key that wraps new data keys.
    #[must_use]
    pub fn current_id(&self) -> &str {
        &self.current().id
    }

    fn current(&self) -> &MasterKey {
        self.0.first().expect("parse refuses a list without a key")
    }

    /// Makes and wraps a data key; returns it wrapped, with the id of the master key.
    pub(crate) fn new_data_key(&self, tenant_id: TenantId, version: u16) -> Result<(String, Vec<u8>), TenancyError> {
        let material = DataKey::generate().tried("make data key")?;
        let master = self.current();
        let wrapped = master.key.seal(&data_key_owner(tenant_id, version), material.as_ref()).tried("wrap data key")?;
        Ok((master.id.clone(), wrapped))
    }

    /// Unwraps a data key.
    pub(crate) fn unwrap_data_key(
        &self,
        tenant_id: TenantId,
        version: u16,
        master_key_id: &str,
        wrapped: &[u8],
    ) -> Result<DataKey, TenancyError> {
        let master = self
            .0
            .iter()
            .find(|master| master.id == master_key_id)
            .ok_or_else(|| TenancyError::MasterKeyMissing { tenant_id, master_key_id: master_key_id.to_owned() })?;
        let material = master.key.open(&data_key_owner(tenant_id, version), wrapped).tried("unwrap data key")?;
        let material: Zeroizing<[u8; KEY_LEN]> =
            Zeroizing::new(material.as_slice().try_into().map_err(|_| SealError::Malformed).tried("unwrap data key")?);
        Ok(DataKey::new(version, &material))
    }

    /// Seals the connection string of a placement.
    pub(crate) fn seal_url(&self, placement_id: PlacementId, url: &Secret<String>) -> Result<Vec<u8>, TenancyError> {
        self.current().key.seal(&url_owner(placement_id), url.expose().as_bytes()).tried("seal placement address")
    }

    /// Opens it, under whichever master key it was sealed.
    pub(crate) fn open_url(&self, placement_id: PlacementId, sealed: &[u8]) -> Result<Secret<String>, TenancyError> {
        let owner = url_owner(placement_id);
        let opened = self.0.iter().find_map(|master| master.key.open(&owner, sealed).ok());
        let plain = opened.ok_or(SealError::Authentication).tried("open placement address")?;
        secret_text(&plain, "open placement address")
    }
}

fn parse_line(line: &str) -> Result<MasterKey, &'static str> {
    let (id, encoded) = line.split_once(':').map_or((None, line), |(id, encoded)| (Some(id.trim()), encoded.trim()));
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| "not base64")?);
    let material: Zeroizing<[u8; KEY_LEN]> =
        Zeroizing::new(bytes.as_slice().try_into().map_err(|_| "not 32 bytes long")?);
    let is_id = |id: &str| {
        !id.is_empty()
            && id.len() <= 64
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let id = match id {
        Some(id) if is_id(id) => id.to_owned(),
        Some(_) => return Err("the id must be letters, digits, hyphens, dots and underscores"),
        None => {
            let named = Zeroizing::new([b"carepost master key id ".as_slice(), material.as_ref()].concat());
            hex::encode(&digest(&SHA256, &named).as_ref()[..4])
        }
    };
    Ok(MasterKey { id, key: DataKey::new(MASTER_VERSION, &material) })
}

/// A tenant with the keys to its data: what the hot path holds.
#[derive(Debug, Clone)]
pub struct TenantHandle {
    /// The tenant.
    pub tenant: Tenant,
    /// The key that seals new data.
    pub data_key: Arc<DataKey>,
    /// Every key that still opens something, the oldest first, the current one among them.
    keys: Vec<Arc<DataKey>>,
}

impl TenantHandle {
    /// Joins a tenant and its keys; `None` where it has no key.
    pub(crate) fn new(tenant: Tenant, mut keys: Vec<Arc<DataKey>>) -> Option<Self> {
        keys.sort_by_key(|key| key.version());
        let data_key = Arc::clone(keys.last()?);
        Some(Self { tenant, data_key, keys })
    }

    /// Seals under the current key.
    ///
    /// # Errors
    /// Where no randomness can be had.
    pub fn seal(&self, owner: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.data_key.seal(owner, plain)
    }

    /// Opens under the key version that the sealed value names.
    ///
    /// # Errors
    /// Where the bytes are malformed, of a version that is gone, or not authentic.
    pub fn open(&self, owner: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let version = key_version(sealed)?;
        let key = self.keys.iter().find(|key| key.version() == version).ok_or(SealError::OtherKey(version))?;
        key.open(owner, sealed)
    }

    /// The key for look-up hashes: see [`Self::hash`].
    #[must_use]
    pub fn hash_key(&self) -> &DataKey {
        self.keys.first().unwrap_or(&self.data_key)
    }

    /// Keyed hash for look-ups, always under the oldest key: a new sealing key must not lose what was hashed before.
    #[must_use]
    pub fn hash(&self, domain: &str, value: &[u8]) -> [u8; HASH_LEN] {
        self.hash_key().hash(domain, value)
    }
}

/// What a value of the room is bound to when it is sealed under a tenant's key.
pub(crate) fn owner(purpose: &'static str, tenant_id: TenantId, id: uuid::Uuid) -> Vec<u8> {
    [purpose.as_bytes(), &[0], tenant_id.as_uuid().as_bytes(), id.as_bytes()].concat()
}

/// Opened bytes as secret text.
pub(crate) fn secret_text(plain: &[u8], tried: &'static str) -> Result<Secret<String>, TenancyError> {
    let text = std::str::from_utf8(plain).map_err(|_| SealError::Malformed).tried(tried)?;
    Ok(Secret::new(text.to_owned()))
}

fn data_key_owner(tenant_id: TenantId, version: u16) -> Vec<u8> {
    [b"data key\0".as_slice(), tenant_id.as_uuid().as_bytes(), &version.to_be_bytes()].concat()
}

fn url_owner(placement_id: PlacementId) -> Vec<u8> {
    [b"placement address\0".as_slice(), placement_id.as_uuid().as_bytes()].concat()
}

#[cfg(test)]
mod tests;
