//! Where the master key and the administrator's token come from.

use std::path::{Path, PathBuf};

use carepost_kernel::Secret;

use super::Reader;

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Configured.
    Given(Secret<String>),
    /// A file in the data folder, made at the first start.
    Generated(PathBuf),
    /// There is none.
    Absent,
}

/// Master key and administrator's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// `CAREPOST_MASTER_KEY` or `CAREPOST_MASTER_KEY_FILE`: 32 bytes in base64, one key a line, the current one first.
    /// Default: with our own PostgreSQL `<data folder>/master-key`; with `DATABASE_URL` it must be set.
    pub master_key: KeySource,
    /// `CAREPOST_ADMIN_TOKEN` or `CAREPOST_ADMIN_TOKEN_FILE`: opens the platform routes; 32 characters or more.
    /// Default: with our own PostgreSQL `<data folder>/admin-token`; with `DATABASE_URL` these routes are closed.
    pub admin_token: KeySource,
}

/// A shorter token could be guessed.
const TOKEN_MIN_CHARS: usize = 32;

impl KeySettings {
    pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path, is_own_database: bool) -> Self {
        let master_key = match reader.secret("CAREPOST_MASTER_KEY") {
            Some(text) => KeySource::Given(text),
            None if is_own_database => KeySource::Generated(data_dir.join("master-key")),
            None => {
                if !reader.is_faulty("CAREPOST_MASTER_KEY") {
                    let problem = "must be set beside DATABASE_URL (or CAREPOST_MASTER_KEY_FILE): a lost key is lost \
                                   data, so none is made up; `openssl rand -base64 32` makes one";
                    reader.fault("CAREPOST_MASTER_KEY", problem);
                }
                KeySource::Absent
            }
        };
        let admin_token = match reader.secret("CAREPOST_ADMIN_TOKEN") {
            Some(text) => {
                if text.expose().len() < TOKEN_MIN_CHARS {
                    reader.fault("CAREPOST_ADMIN_TOKEN", "must have 32 characters or more");
                }
                KeySource::Given(text)
            }
            None if is_own_database => KeySource::Generated(data_dir.join("admin-token")),
            None => KeySource::Absent,
        };
        Self { master_key, admin_token }
    }
}
