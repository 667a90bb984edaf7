//! As whom PostgreSQL runs: it refuses root.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{EmbeddedError, io_error};

/// The user of the server's processes and files; `None` where it is our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account(Option<Ids>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    /// Ourselves, or under root `postgres`, or else `nobody`.
    pub(super) fn choose() -> Result<Self, EmbeddedError> {
        // A process owns its own folder there, which spares a call into libc.
        let myself = std::fs::metadata("/proc/self").map_err(io_error("read /proc/self"))?;
        if myself.uid() != 0 {
            return Ok(Self(None));
        }
        let users = std::fs::read_to_string("/etc/passwd").map_err(io_error("read /etc/passwd"))?;
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| find(&users, name))
            .map(|ids| Self(Some(ids)))
            .ok_or(EmbeddedError::NoAccount)
    }

    /// A program to be run as this user, from `/`, without our environment.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env_clear().env("LC_ALL", "C");
        if let Some(ids) = self.0 {
            // std drops our supplementary groups along with the user.
            command.uid(ids.user).gid(ids.group);
        }
        command
    }

    /// Gives a file or folder to this user.
    pub(super) fn own(self, path: &Path) -> Result<(), EmbeddedError> {
        self.0.map_or(Ok(()), |ids| {
            chown(path, Some(ids.user), Some(ids.group))
                .map_err(io_error(format!("change owner of {}", path.display())))
        })
    }

    /// The first folder on the way to `path` that this user may not pass through.
    pub(super) fn first_closed_ancestor(self, path: &Path) -> Option<PathBuf> {
        let ids = self.0?;
        let is_closed = |folder: &&Path| {
            std::fs::metadata(folder).is_ok_and(|found| {
                let passing = match found.uid() {
                    owner if owner == ids.user => 0o100,
                    _ if found.gid() == ids.group => 0o010,
                    _ => 0o001,
                };
                found.mode() & passing == 0
            })
        };
        let ancestors: Vec<&Path> = path.ancestors().skip(1).collect();
        ancestors.into_iter().rev().find(|folder| is_closed(folder)).map(Path::to_path_buf)
    }
}

/// The ids of a user in the text of `/etc/passwd` (passwd(5)).
fn find(users: &str, name: &str) -> Option<Ids> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        Some(Ids { user, group: fields.next()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users = "root:x:0:0::/root:/bin/sh\npostgresql:x:7:8::/:\npostgres:x:101:104:,,,:/var/lib:/bin/bash\n";
        assert_eq!(find(users, "postgres"), Some(Ids { user: 101, group: 104 }));
        assert_eq!(find(users, "nobody"), None);
        assert_eq!(find("broken:x:a:b", "broken"), None);
    }
}
