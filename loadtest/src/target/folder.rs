//! A folder that goes away with its owner.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use uuid::Uuid;

/// A fresh, empty folder.
#[derive(Debug)]
pub(crate) struct TemporaryFolder {
    path: PathBuf,
    is_kept: bool,
}

impl TemporaryFolder {
    /// Makes one below `parent`.
    pub(crate) fn create(parent: Option<PathBuf>, now: Timestamp) -> anyhow::Result<Self> {
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        std::fs::create_dir_all(&parent).with_context(|| format!("make folder {}", parent.display()))?;
        let parent = parent.canonicalize().with_context(|| format!("resolve folder {}", parent.display()))?;
        let unique = Uuid::new_v4().simple().to_string();
        let path = parent.join(format!("carepost-loadtest-{}-{}", now.as_second(), &unique[..8]));
        std::fs::create_dir(&path).with_context(|| format!("make folder {}", path.display()))?;
        Ok(Self { path, is_kept: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it where it is, for whoever wants to look.
    pub(crate) const fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // What is left over is named after this program and does no harm.
        let _removed = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_its_owner() {
        let folder = TemporaryFolder::create(None, Timestamp::UNIX_EPOCH).unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
