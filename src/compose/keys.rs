//! The master key and the administrator's token: read, or made at the first start of our own database.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use aws_lc_rs::digest::{SHA256, digest};
use carepost_kernel::Secret;
use carepost_tenancy::MasterKeys;

use crate::config::{Config, KeySource};

/// What was read.
#[derive(Debug)]
pub struct Keys {
    /// Wrap the tenants' data keys.
    pub master: MasterKeys,
    /// SHA-256 of the administrator's token, where there is one.
    pub admin_token_hash: Option<[u8; 32]>,
}

/// Reads both, making what may be made.
///
/// # Errors
/// Where a file cannot be read or written, or the key is none.
pub fn load(config: &Config) -> anyhow::Result<Keys> {
    let database_is_there =
        config.database.url.is_none() && super::database::own_folder(config).join("cluster").exists();
    let master = match &config.keys.master_key {
        KeySource::Given(text) => text.clone(),
        KeySource::Generated(path) if database_is_there && !path.exists() => bail!(
            "read master key: {} is gone, but the database that it opens is there; put the key back, or take the \
             whole data folder away to begin anew",
            path.display()
        ),
        KeySource::Generated(path) => read_or_make(&config.data_dir, path)?,
        KeySource::Absent => bail!("read master key: there is none"),
    };
    Ok(Keys {
        master: MasterKeys::parse(master.expose())?,
        admin_token_hash: admin_token(config)?.map(|token| hash(&token)),
    })
}

/// The administrator's token, where there is one.
///
/// # Errors
/// Where its file cannot be read or written.
pub fn admin_token(config: &Config) -> anyhow::Result<Option<Secret<String>>> {
    Ok(match &config.keys.admin_token {
        KeySource::Given(token) => Some(token.clone()),
        KeySource::Generated(path) => Some(read_or_make(&config.data_dir, path)?),
        KeySource::Absent => None,
    })
}

fn hash(token: &Secret<String>) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.expose().as_bytes()).as_ref());
    hash
}

fn read_or_make(data_dir: &Path, path: &Path) -> anyhow::Result<Secret<String>> {
    match read(path)? {
        Some(text) => Ok(text),
        None => {
            make(data_dir, path).with_context(|| format!("write {}", path.display()))?;
            read(path)?.with_context(|| format!("read {}: it was there a moment ago", path.display()))
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Secret<String>>> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => bail!("read {}: it is empty", path.display()),
        Ok(text) => Ok(Some(Secret::new(text.trim().to_owned()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Writes a fresh secret, whole or not at all; one that somebody else has just written stays.
fn make(data_dir: &Path, path: &Path) -> anyhow::Result<()> {
    make_data_dir(data_dir)?;
    let secret = MasterKeys::generate_text()?;
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(secret.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(File::open(data_dir)?.sync_all()?),
    }
}

/// Makes the data folder, open to pass through: PostgreSQL's own user has its folder below. Secrets are 0600.
///
/// # Errors
/// Where it cannot be made.
pub fn make_data_dir(data_dir: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(data_dir)
        .with_context(|| format!("make data folder {}", data_dir.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_readable_for_its_owner_only() {
        let folder = std::env::temp_dir().join(format!("carepost-keys-{}", std::process::id()));
        let path = folder.join("master-key");
        let first = read_or_make(&folder, &path).unwrap();
        let second = read_or_make(&folder, &path).unwrap();
        assert_eq!(first, second);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
