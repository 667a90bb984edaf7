//! `carepost tenant`.

use carepost_consent::policy::{GatePolicy, Practice, Preset};
use carepost_kernel::Clock;
use carepost_tenancy::{NewTenant, PlacementChoice, Tenant, TenantSettings, TenantStatus};
use serde_json::{Value, json};

use super::tool::{self, PAGE, actor, find_tenant, read, read_json, with_storage};
use super::{PresetArgs, TenantCommand, out};
use crate::compose::Storage;
use crate::config::Config;
use crate::http::{Provisioner as _, install_preset, preset_policy};

/// Said where a practice begins without rules of its own.
const NO_PRESET: &str = "note: without --preset the built-in policy holds: text messages leave at any hour, nothing is \
                         capped, and no text is searched for health information (docs/gate.md)";

pub(super) async fn run(command: TenantCommand, config: &Config) -> anyhow::Result<()> {
    let shown = with_storage(config, async |storage| work(command, storage).await).await?;
    out::json(&shown);
    Ok(())
}

async fn work(command: TenantCommand, storage: &Storage) -> anyhow::Result<Value> {
    let directory = &storage.directory;
    Ok(match command {
        TenantCommand::Create { slug, name, own_schema, own_database_url_file, preset } => {
            let policy = policy(*preset, &name)?;
            let placement = match own_database_url_file {
                Some(path) => PlacementChoice::OwnDatabase { url: read(&path)? },
                None if own_schema => PlacementChoice::OwnSchema,
                None => PlacementChoice::Pooled,
            };
            let new = NewTenant { slug, display_name: name, placement, settings: TenantSettings::default() };
            let opener = &storage.opener;
            let made = directory.create_tenant(&actor(), new, |record| opener.provision(record)).await?;
            match policy {
                Some(policy) => {
                    let now = Clock::system().now();
                    install_preset(directory, &storage.placements, &made, &policy, &actor(), now).await?;
                }
                None => out::complain(NO_PRESET),
            }
            shown(&made)
        }
        TenantCommand::List => {
            let tenants = tool::all(async |cursor| directory.list_tenants(cursor, PAGE).await).await?;
            tenants.iter().map(short).collect()
        }
        TenantCommand::Show { tenant } => shown(&find_tenant(directory, &tenant).await?),
        TenantCommand::Pause { tenant } => set_status(storage, &tenant, TenantStatus::Paused).await?,
        TenantCommand::Resume { tenant } => set_status(storage, &tenant, TenantStatus::Active).await?,
        TenantCommand::Settings { tenant, patch_file } => {
            let patch = read_json(&patch_file)?;
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            shown(&directory.patch_settings(&actor(), tenant_id, &patch, None).await?.tenant)
        }
    })
}

/// The policy to begin with.
fn policy(args: PresetArgs, name: &str) -> anyhow::Result<Option<GatePolicy>> {
    let Some(preset) = args.preset else { return Ok(None) };
    let preset = match preset.as_str() {
        "medical" => Preset::Medical,
        _ => Preset::Orthodontics,
    };
    let practice = Practice {
        name: args.practice_name.unwrap_or_default(),
        postal_address: args.postal_address.unwrap_or_default(),
        portal_url: args.portal_url.unwrap_or_default(),
        phone: args.phone.unwrap_or_default(),
        zones: args.zones,
        states: args.states.into_iter().collect(),
        language: args.language.unwrap_or_else(|| Practice::default().language),
        ..Practice::default()
    };
    let faults = match preset_policy(preset, practice, name) {
        Ok(policy) => return Ok(Some(policy)),
        Err(faults) => faults,
    };
    let told: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.problem)).collect();
    anyhow::bail!("check the preset: {}", told.join("; "))
}

async fn set_status(storage: &Storage, named: &str, status: TenantStatus) -> anyhow::Result<Value> {
    let tenant_id = find_tenant(&storage.directory, named).await?.tenant_id;
    Ok(shown(&storage.directory.set_tenant_status(&actor(), tenant_id, status).await?))
}

fn short(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.tenant_id,
        "slug": tenant.slug,
        "display_name": tenant.display_name,
        "status": tenant.status,
        "placement_id": tenant.placement_id,
    })
}

fn shown(tenant: &Tenant) -> Value {
    let mut shown = short(tenant);
    shown["settings"] = json!(tenant.settings);
    shown["version"] = json!(tenant.version);
    shown["created_at"] = json!(tenant.created_at);
    shown["updated_at"] = json!(tenant.updated_at);
    shown
}
