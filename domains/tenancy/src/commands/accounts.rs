//! Making, changing, pausing and closing provider accounts.

use carepost_audit::{Actor, AuditEvent, record};
use carepost_kernel::{Cursor, Page, ProviderAccountId, Secret, TenantId};
use serde_json::{Value, json};

use super::{CREDENTIALS, WEBHOOK_TOKEN, random_token};
use crate::error::{FieldProblem, Tried as _};
use crate::keys::{TenantHandle, owner};
use crate::rules::{account as rule, key_text};
use crate::store::accounts;
use crate::types::{AccountChange, AccountStatus, NewAccount, ProviderAccount, Sealed};
use crate::{Directory, TenancyError};

impl Directory {
    /// Makes an account. `validate` is the vendor's own check of settings and credentials. The credentials cannot be
    /// read back by anybody but the composition (TEN-2).
    ///
    /// # Errors
    /// `Invalid` names the wrong field; `Conflict` where the name is taken.
    pub async fn create_account(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        new: NewAccount,
        validate: impl Fn(&NewAccount) -> Result<(), FieldProblem>,
    ) -> Result<ProviderAccount, TenancyError> {
        const TRIED: &str = "create provider account";
        let route = rule::check(&new, self.reach())?;
        validate(&new)?;
        let handle = self.tenant(tenant_id).await?;
        let now = self.now();
        let account_id = ProviderAccountId::new(now);
        let token = random_token()?;
        let token_owner = owner(WEBHOOK_TOKEN, tenant_id, account_id.as_uuid());
        let account = ProviderAccount {
            account_id,
            tenant_id,
            name: new.name,
            channel: new.channel,
            vendor: new.vendor,
            settings: new.settings,
            sandbox: new.sandbox,
            route_order: route.route_order,
            route_weight: route.route_weight,
            rate_per_second: route.rate_per_second,
            max_in_flight: route.max_in_flight,
            timeout_ms: route.timeout_ms,
            status: AccountStatus::Active,
            base_url: new.base_url,
            version: 1,
            created_at: now,
            updated_at: now,
            credentials: seal_credentials(&handle, account_id, new.credentials.as_ref())?,
            webhook_token: Sealed(handle.seal(&token_owner, token.as_bytes()).tried("seal webhook token")?),
            webhook_token_hash: key_text::hash(&token),
        };
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        accounts::insert_account(&tx, &account).await?;
        let detail = json!({ "current": described(&account) });
        record(&tx, now, &account_event(actor, &account, "provider_account.create", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.account_changed(tenant_id, account_id).await;
        Ok(account)
    }

    /// Changes an account. `validate` sees the account as it would be, with its credentials; it is not asked where
    /// neither settings, credentials nor address change.
    ///
    /// # Errors
    /// `Invalid` names the wrong field; `Conflict` where the name is taken; of kind `NotFound` where it is no account
    /// of this tenant.
    pub async fn update_account(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        account_id: ProviderAccountId,
        change: AccountChange,
        validate: impl Fn(&NewAccount) -> Result<(), FieldProblem>,
    ) -> Result<ProviderAccount, TenancyError> {
        const TRIED: &str = "update provider account";
        let handle = self.tenant(tenant_id).await?;
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        let previous = accounts::lock_account(&tx, account_id).await?;
        let present = match previous.credentials {
            Some(_) => Some(self.open_credentials(&previous).await?),
            None => None,
        };
        let merged = rule::changed(&previous, present, &change)?;
        let route = rule::check(&merged, self.reach())?;
        let concerns_vendor = change.settings.is_some() || change.credentials.is_some() || change.base_url.is_some();
        if concerns_vendor {
            validate(&merged)?;
        }
        let credentials = match &change.credentials {
            Some(credentials) => seal_credentials(&handle, account_id, Some(credentials))?,
            None => previous.credentials.clone(),
        };
        let account = ProviderAccount {
            name: merged.name,
            settings: merged.settings,
            base_url: merged.base_url,
            route_order: route.route_order,
            route_weight: route.route_weight,
            rate_per_second: route.rate_per_second,
            max_in_flight: route.max_in_flight,
            timeout_ms: route.timeout_ms,
            status: change.status.unwrap_or(previous.status),
            credentials,
            version: previous.version + 1,
            updated_at: self.now(),
            ..previous.clone()
        };
        accounts::update_account(&tx, &account).await?;
        let detail = json!({
            "previous": described(&previous),
            "current": described(&account),
            "credentials_replaced": change.credentials.is_some(),
        });
        record(&tx, account.updated_at, &account_event(actor, &account, "provider_account.update", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.account_changed(tenant_id, account_id).await;
        Ok(account)
    }

    /// Pauses, resumes or closes an account. A closed one stays closed.
    ///
    /// # Errors
    /// As [`Self::update_account`].
    pub async fn set_account_status(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        account_id: ProviderAccountId,
        status: AccountStatus,
    ) -> Result<ProviderAccount, TenancyError> {
        let change = AccountChange { status: Some(status), ..AccountChange::default() };
        self.update_account(actor, tenant_id, account_id, change, |_| Ok(())).await
    }

    /// One page of a tenant's accounts, closed ones too, the oldest first. Not cached: what the caller just changed
    /// elsewhere shows.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn list_accounts(
        &self,
        tenant_id: TenantId,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ProviderAccount>, TenancyError> {
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried("list provider accounts")?;
        accounts::list_accounts(&tx, cursor, limit).await
    }
}

fn seal_credentials(
    handle: &TenantHandle,
    account_id: ProviderAccountId,
    credentials: Option<&Secret<String>>,
) -> Result<Option<Sealed>, TenancyError> {
    let Some(credentials) = credentials else { return Ok(None) };
    let owner = owner(CREDENTIALS, handle.tenant.tenant_id, account_id.as_uuid());
    handle.seal(&owner, credentials.expose().as_bytes()).tried("seal credentials").map(|sealed| Some(Sealed(sealed)))
}

/// What the trail keeps of an account: everything that a list shows, no secret.
fn described(account: &ProviderAccount) -> Value {
    json!({
        "name": account.name,
        "channel": account.channel,
        "vendor": account.vendor,
        "settings": account.settings,
        "sandbox": account.sandbox,
        "base_url": account.base_url,
        "route_order": account.route_order,
        "route_weight": account.route_weight,
        "rate_per_second": account.rate_per_second,
        "max_in_flight": account.max_in_flight,
        "timeout_ms": account.timeout_ms,
        "status": account.status,
        "has_credentials": account.has_credentials(),
    })
}

fn account_event(actor: &Actor, account: &ProviderAccount, action: &'static str, detail: Value) -> AuditEvent {
    AuditEvent {
        tenant_id: account.tenant_id,
        actor: actor.clone(),
        action,
        subject: ("provider_account", account.account_id.to_string()),
        detail,
    }
}
