//! Provider accounts: routes, look-ups, and their secrets for the composition.

use std::sync::Arc;

use carepost_kernel::{Chain, Channel, ProviderAccountId, Secret, TenantId};

use super::Directory;
use super::cache::TenantAccounts;
use crate::TenancyError;
use crate::commands::{CREDENTIALS, WEBHOOK_TOKEN};
use crate::error::Tried as _;
use crate::events::TenancyEvent;
use crate::keys::{owner, secret_text};
use crate::metrics::TENANCY_LOADS_TOTAL;
use crate::rules::key_text;
use crate::store::accounts;
use crate::types::ProviderAccount;

/// What a vendor is handed where an account has no credentials: in-app and sandbox accounts.
const NO_CREDENTIALS: &str = "{}";
/// 32 bytes in URL-safe base64.
const TOKEN_LEN: usize = 43;

impl Directory {
    /// The accounts of a channel in route order, paused ones among them, closed ones not.
    ///
    /// # Errors
    /// Of kind `Unavailable` where they are not cached and the database is away.
    pub async fn accounts(
        &self,
        tenant_id: TenantId,
        channel: Channel,
    ) -> Result<Arc<[Arc<ProviderAccount>]>, TenancyError> {
        Ok(self.tenant_accounts(tenant_id).await?.route(channel))
    }

    /// The accounts of a channel in route order, if they are known without the database.
    #[must_use]
    pub fn cached_accounts(&self, tenant_id: TenantId, channel: Channel) -> Option<Arc<[Arc<ProviderAccount>]>> {
        self.caches().accounts.get(&tenant_id).map(|accounts| accounts.route(channel))
    }

    /// One account of a tenant, whatever its status.
    ///
    /// # Errors
    /// [`TenancyError::AccountNotFound`]; of kind `Unavailable` as [`Self::accounts`].
    pub async fn account(
        &self,
        tenant_id: TenantId,
        account_id: ProviderAccountId,
    ) -> Result<Arc<ProviderAccount>, TenancyError> {
        let accounts = self.tenant_accounts(tenant_id).await?;
        accounts.find(account_id).ok_or(TenancyError::AccountNotFound(account_id))
    }

    /// Whose webhook address this is. Closed accounts are found too: their receipts still come in.
    ///
    /// # Errors
    /// [`TenancyError::UnknownWebhookToken`]; of kind `Unavailable` as [`Self::accounts`].
    pub async fn account_by_webhook_token(&self, token: &str) -> Result<Arc<ProviderAccount>, TenancyError> {
        if token.len() != TOKEN_LEN {
            return Err(TenancyError::UnknownWebhookToken);
        }
        let hash = key_text::hash(token);
        let cached = self.caches().tokens.get(&hash).map(|entry| *entry);
        if let Some((tenant_id, account_id)) = cached {
            return self.account(tenant_id, account_id).await;
        }
        let turn = self.caches().turn(&hash).await;
        if self.caches().is_refused(&hash, self.now()) {
            return Err(TenancyError::UnknownWebhookToken);
        }
        metrics::counter!(TENANCY_LOADS_TOTAL, "what" => "token").increment(1);
        let found = accounts::find_account_by_token(&self.engine().await?, &hash).await?;
        let Some((tenant_id, account_id)) = found else {
            self.caches().refuse(hash, self.now());
            return Err(TenancyError::UnknownWebhookToken);
        };
        self.caches().tokens.insert(hash, (tenant_id, account_id));
        drop(turn);
        self.account(tenant_id, account_id).await
    }

    /// The credentials of an account, a JSON object as text: for the composition alone, which hands them to the
    /// provider. An account without credentials has `{}`.
    ///
    /// # Errors
    /// Where the tenant cannot be read or the credentials do not open.
    pub async fn open_credentials(&self, account: &ProviderAccount) -> Result<Secret<String>, TenancyError> {
        let Some(sealed) = &account.credentials else { return Ok(NO_CREDENTIALS.into()) };
        let handle = self.tenant(account.tenant_id).await?;
        let owner = owner(CREDENTIALS, account.tenant_id, account.account_id.as_uuid());
        let plain = handle.open(&owner, &sealed.0).tried("open credentials")?;
        secret_text(&plain, "open credentials")
    }

    /// The token in an account's webhook address, to show the address and to check signatures over it.
    ///
    /// # Errors
    /// Where the tenant cannot be read or the token does not open.
    pub async fn open_webhook_token(&self, account: &ProviderAccount) -> Result<Secret<String>, TenancyError> {
        let handle = self.tenant(account.tenant_id).await?;
        let owner = owner(WEBHOOK_TOKEN, account.tenant_id, account.account_id.as_uuid());
        let plain = handle.open(&owner, &account.webhook_token.0).tried("open webhook token")?;
        secret_text(&plain, "open webhook token")
    }

    async fn tenant_accounts(&self, tenant_id: TenantId) -> Result<Arc<TenantAccounts>, TenancyError> {
        if let Some(accounts) = self.cached_account_set(tenant_id) {
            return Ok(accounts);
        }
        let _turn = self.caches().turn(tenant_id.as_uuid().as_bytes()).await;
        match self.cached_account_set(tenant_id) {
            Some(accounts) => Ok(accounts),
            None => self.load_accounts(tenant_id).await,
        }
    }

    pub(super) fn cached_account_set(&self, tenant_id: TenantId) -> Option<Arc<TenantAccounts>> {
        self.caches().accounts.get(&tenant_id).map(|entry| Arc::clone(&entry))
    }

    async fn load_accounts(&self, tenant_id: TenantId) -> Result<Arc<TenantAccounts>, TenancyError> {
        metrics::counter!(TENANCY_LOADS_TOTAL, "what" => "accounts").increment(1);
        let generation = self.caches().generation();
        let loaded = accounts::load_accounts(&self.engine().await?, tenant_id).await?;
        let accounts = Arc::new(TenantAccounts::new(loaded));
        self.caches().fill(&self.caches().accounts, tenant_id, Arc::clone(&accounts), generation);
        Ok(accounts)
    }

    /// Brings a tenant's changed accounts into the cache and tells. A failed load leaves it to the next reader.
    pub(crate) async fn account_changed(&self, tenant_id: TenantId, account_id: ProviderAccountId) {
        self.caches().advance();
        if let Err(error) = self.load_accounts(tenant_id).await {
            self.caches().accounts.remove(&tenant_id);
            tracing::warn!(tenant.id = %tenant_id, error = %Chain(&error), "could not read changed accounts at once");
        }
        self.tell(TenancyEvent::AccountChanged { tenant_id, account_id });
    }
}
