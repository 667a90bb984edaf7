//! Provider accounts. Credentials come and go as ciphertext.

use carepost_kernel::{Channel, Cursor, Page, ProviderAccountId, TenantId};
use carepost_store::{EngineConnection, Row, StoreError, TenantTx};

use super::{Reader, as_i32, page_bounds};
use crate::TenancyError;
use crate::error::Tried as _;
use crate::types::{ProviderAccount, Sealed};

/// The name is taken.
const NAME: &str = "provider_accounts_name";

pub(crate) async fn insert_account(tx: &TenantTx<'_>, account: &ProviderAccount) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/insert_provider_account.sql");
    let credentials = account.credentials.as_ref().map(|sealed| sealed.0.as_slice());
    let inserted = tx
        .execute(
            sql,
            &[
                &tx.tenant_id().as_uuid(),
                &account.account_id.as_uuid(),
                &account.name,
                &account.channel.as_i16(),
                &account.vendor,
                &account.settings,
                &credentials,
                &account.base_url,
                &account.sandbox,
                &account.route_order,
                &account.route_weight,
                &account.rate_per_second.map(as_i32),
                &as_i32(account.max_in_flight),
                &as_i32(account.timeout_ms),
                &account.status.as_str(),
                &account.webhook_token_hash.as_slice(),
                &account.webhook_token.0.as_slice(),
                &account.version,
                &account.created_at,
            ],
        )
        .await;
    named_once(inserted, "insert provider account").map(|_| ())
}

/// Writes the changed row; what never changes (channel, vendor, sandbox, token) stays.
pub(crate) async fn update_account(tx: &TenantTx<'_>, account: &ProviderAccount) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/update_provider_account.sql");
    let credentials = account.credentials.as_ref().map(|sealed| sealed.0.as_slice());
    let updated = tx
        .execute(
            sql,
            &[
                &tx.tenant_id().as_uuid(),
                &account.account_id.as_uuid(),
                &account.name,
                &account.settings,
                &credentials,
                &account.base_url,
                &account.route_order,
                &account.route_weight,
                &account.rate_per_second.map(as_i32),
                &as_i32(account.max_in_flight),
                &as_i32(account.timeout_ms),
                &account.status.as_str(),
                &account.version,
                &account.updated_at,
            ],
        )
        .await;
    match named_once(updated, "update provider account")? {
        1 => Ok(()),
        _ => Err(TenancyError::AccountNotFound(account.account_id)),
    }
}

fn named_once(done: Result<u64, StoreError>, tried: &'static str) -> Result<u64, TenancyError> {
    match done {
        Err(error) if error.is_unique(NAME) => Err(TenancyError::Conflict { tried, problem: "the name is taken" }),
        done => done.tried(tried),
    }
}

/// The account's row, locked until the transaction ends.
pub(crate) async fn lock_account(
    tx: &TenantTx<'_>,
    account_id: ProviderAccountId,
) -> Result<ProviderAccount, TenancyError> {
    let sql = include_str!("../sql/lock_provider_account.sql");
    let row =
        tx.query_opt(sql, &[&tx.tenant_id().as_uuid(), &account_id.as_uuid()]).await.tried("lock provider account")?;
    read_account(&row.ok_or(TenancyError::AccountNotFound(account_id))?)
}

pub(crate) async fn list_accounts(
    tx: &TenantTx<'_>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<ProviderAccount>, TenancyError> {
    let (after, limit, fetch) = page_bounds(cursor, limit);
    let sql = include_str!("../sql/list_provider_accounts.sql");
    let rows = tx.query(sql, &[&tx.tenant_id().as_uuid(), &after, &fetch]).await.tried("list provider accounts")?;
    let accounts = rows.iter().map(read_account).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(accounts, limit, |account| account.account_id.as_uuid()))
}

/// All accounts of a tenant, closed ones too, in route order.
pub(crate) async fn load_accounts(
    engine: &EngineConnection,
    tenant_id: TenantId,
) -> Result<Vec<ProviderAccount>, TenancyError> {
    let sql = include_str!("../sql/load_provider_accounts.sql");
    let rows = engine.query(sql, &[&tenant_id.as_uuid()]).await.tried("load provider accounts")?;
    rows.iter().map(read_account).collect()
}

pub(crate) async fn find_account_by_token(
    engine: &EngineConnection,
    token_hash: &[u8; 32],
) -> Result<Option<(TenantId, ProviderAccountId)>, TenancyError> {
    let sql = include_str!("../sql/find_provider_account_by_token.sql");
    let row = engine.query_opt(sql, &[&token_hash.as_slice()]).await.tried("find provider account by webhook token")?;
    let Some(row) = row else { return Ok(None) };
    let reader = Reader::new("provider_accounts", &row);
    let tenant_id = TenantId::from_uuid(reader.get("tenant_id")?);
    Ok(Some((tenant_id, ProviderAccountId::from_uuid(reader.get("provider_account_id")?))))
}

fn read_account(row: &Row) -> Result<ProviderAccount, TenancyError> {
    let reader = Reader::new("provider_accounts", row);
    let rate: Option<i32> = reader.get("rate_per_second")?;
    Ok(ProviderAccount {
        account_id: ProviderAccountId::from_uuid(reader.get("provider_account_id")?),
        tenant_id: TenantId::from_uuid(reader.get("tenant_id")?),
        name: reader.get("name")?,
        channel: Channel::from_i16(reader.get("channel")?).ok_or_else(|| reader.fault("channel"))?,
        vendor: reader.get("vendor")?,
        settings: reader.get("settings")?,
        sandbox: reader.get("sandbox")?,
        route_order: reader.get("route_order")?,
        route_weight: reader.get("route_weight")?,
        rate_per_second: rate.map(|_| reader.count("rate_per_second")).transpose()?,
        max_in_flight: reader.count("max_in_flight")?,
        timeout_ms: reader.count("timeout_ms")?,
        status: reader.named("status")?,
        base_url: reader.get("base_url")?,
        version: reader.get("version")?,
        created_at: reader.get("created_at")?,
        updated_at: reader.get("updated_at")?,
        credentials: reader.get::<Option<Vec<u8>>>("credentials_sealed")?.map(Sealed),
        webhook_token: Sealed(reader.get("webhook_token_sealed")?),
        webhook_token_hash: reader.hash("webhook_token_hash")?,
    })
}
