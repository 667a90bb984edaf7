//! `carepost account`.

use carepost_kernel::Clock;
use carepost_providers::Vendor;
use carepost_tenancy::{AccountStatus, FieldProblem, NewAccount, ProviderAccount, RouteChange};
use serde_json::{Value, json};

use super::tool::{self, PAGE, actor, find_tenant, read, read_json, with_storage};
use super::{AccountArgs, AccountCommand, out};
use crate::compose::{Storage, Vendors};
use crate::config::Config;
use crate::http::Providers as _;

pub(super) async fn run(command: AccountCommand, config: &Config) -> anyhow::Result<()> {
    let shown = with_storage(config, async |storage| work(command, config, storage).await).await?;
    out::json(&shown);
    Ok(())
}

async fn work(command: AccountCommand, config: &Config, storage: &Storage) -> anyhow::Result<Value> {
    let directory = &storage.directory;
    Ok(match command {
        AccountCommand::Create(args) => create(*args, config, storage).await?,
        AccountCommand::List { tenant } => {
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            let accounts = tool::all(async |cursor| directory.list_accounts(tenant_id, cursor, PAGE).await).await?;
            accounts.iter().map(shown).collect()
        }
        AccountCommand::Close { tenant, id } => {
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            shown(&directory.set_account_status(&actor(), tenant_id, id, AccountStatus::Closed).await?)
        }
    })
}

async fn create(args: AccountArgs, config: &Config, storage: &Storage) -> anyhow::Result<Value> {
    let vendor: Vendor = args.vendor.parse()?;
    let settings = args.settings_file.as_deref().map(read_json).transpose()?;
    let credentials = args.credentials_file.as_deref().map(read).transpose()?;
    let tenant_id = find_tenant(&storage.directory, &args.tenant).await?.tenant_id;
    let route = RouteChange {
        route_order: args.route_order,
        rate_per_second: args.rate_per_second.map(Some),
        ..RouteChange::default()
    };
    let new = NewAccount {
        name: args.name,
        channel: vendor.channel(),
        vendor: args.vendor,
        settings: settings.unwrap_or_else(|| json!({})),
        credentials,
        sandbox: args.sandbox,
        route,
        base_url: args.base_url,
    };
    // The vendors' own checks; a sandbox account is checked on simulators of this command's own.
    let vendors = Vendors::open(config, storage, Clock::system(), config.http.public_url.clone()).await?;
    let check =
        |account: &NewAccount| vendors.check(account).map_err(|fault| FieldProblem::new(fault.pointer, fault.problem));
    Ok(shown(&storage.directory.create_account(&actor(), tenant_id, new, check).await?))
}

fn shown(account: &ProviderAccount) -> Value {
    json!({
        "id": account.account_id,
        "name": account.name,
        "vendor": account.vendor,
        "channel": account.channel,
        "settings": account.settings,
        "sandbox": account.sandbox,
        "has_credentials": account.has_credentials(),
        "status": account.status,
        "route_order": account.route_order,
        "rate_per_second": account.rate_per_second,
        "created_at": account.created_at,
    })
}
