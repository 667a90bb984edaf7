//! What commands on the database share: the storage, beside a running server or without one.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use carepost_audit::Actor;
use carepost_kernel::{Clock, Cursor, Page, Secret, TenantId};
use carepost_tenancy::{Directory, Tenant};

use super::out;
use crate::compose::{Access, Storage, install_crypto, keys};
use crate::config::Config;

/// Rows that are asked for at a time.
pub(super) const PAGE: usize = 100;

/// Opens the storage, works, closes it, whatever the work came to.
pub(super) async fn with_storage<Outcome>(
    config: &Config,
    work: impl AsyncFnOnce(&Storage) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    install_crypto();
    let master = keys::load(config)?.master;
    let storage = Storage::open(config, master, Clock::system(), Access::Tool).await?;
    let outcome = work(&storage).await;
    let closed = storage.close().await;
    let outcome = outcome?;
    closed.map(|()| outcome)
}

/// Opening the storage migrates it.
pub(super) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let count = with_storage(config, async |storage| Ok(storage.placements.list().len())).await?;
    out::line(&format!("the control schema and {count} placement(s) are up to date"));
    Ok(())
}

/// Who works at this command line, for the trail.
pub(super) fn actor() -> Actor {
    use std::os::unix::fs::MetadataExt as _;
    let user = std::fs::metadata("/proc/self").map_or(0, |myself| myself.uid());
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    });
    Actor::Cli(name.unwrap_or_else(|| format!("uid-{user}")))
}

/// A tenant by its id or its slug.
pub(super) async fn find_tenant(directory: &Directory, named: &str) -> anyhow::Result<Tenant> {
    if let Ok(tenant_id) = named.parse::<TenantId>() {
        return Ok(directory.tenant(tenant_id).await?.tenant.clone());
    }
    let found = directory.find_tenant_by_slug(named).await?;
    found.with_context(|| format!("find tenant: none has the slug {named}"))
}

/// All pages of a list.
pub(super) async fn all<Item, Failure>(
    list: impl AsyncFn(Option<Cursor>) -> Result<Page<Item>, Failure>,
) -> Result<Vec<Item>, Failure> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = list(cursor).await?;
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(items);
        }
    }
}

/// The text of a file, or of standard input for `-`.
pub(super) fn read(path: &Path) -> anyhow::Result<Secret<String>> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("read standard input")?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?
    };
    if text.trim().is_empty() {
        bail!("read {}: it is empty", path.display());
    }
    Ok(Secret::new(text.trim().to_owned()))
}

/// A JSON document out of a file or standard input.
pub(super) fn read_json(path: &Path) -> anyhow::Result<serde_json::Value> {
    let text = read(path)?;
    // The parser's own text could quote a secret.
    serde_json::from_str(text.expose()).map_err(|error| {
        anyhow::anyhow!("read {}: not JSON at line {} column {}", path.display(), error.line(), error.column())
    })
}
