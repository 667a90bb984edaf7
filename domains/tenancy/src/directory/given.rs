//! A directory over no database: it knows what it is given, and nothing else. For simulations.

use std::sync::Arc;

use carepost_kernel::{Clock, DataKey, ProviderAccountId};

use super::cache::TenantAccounts;
use super::{Directory, Source};
use crate::TenancyError;
use crate::events::TenancyEvent;
use crate::keys::{MasterKeys, TenantHandle};
use crate::rules::key_text;
use crate::types::{AccountStatus, NewAccount, ProviderAccount, Sealed, Tenant};

impl Directory {
    /// An empty view over nothing. What needs the database fails as if it were away.
    #[must_use]
    pub fn given(master_keys: MasterKeys, clock: Clock) -> Self {
        Self::over(Source::Given, master_keys, clock)
    }

    /// Makes a tenant known with its data key and its accounts in route order, in the place of what was known of it,
    /// and tells. Accounts have neither credentials nor a webhook address.
    ///
    /// # Errors
    /// Never as it stands; a tenant without a key would be one.
    pub fn give(
        &self,
        tenant: Tenant,
        data_key: Arc<DataKey>,
        accounts: Vec<(ProviderAccountId, NewAccount, AccountStatus)>,
    ) -> Result<Arc<TenantHandle>, TenancyError> {
        let tenant_id = tenant.tenant_id;
        let accounts: Vec<ProviderAccount> =
            accounts.into_iter().map(|(account_id, new, status)| account(&tenant, (account_id, new, status))).collect();
        let account_ids: Vec<ProviderAccountId> = accounts.iter().map(|account| account.account_id).collect();
        let handle = TenantHandle::new(tenant, vec![data_key])
            .map(Arc::new)
            .ok_or(TenancyError::Row { table: "tenant_keys", column: "key_version" })?;
        self.caches().advance();
        self.caches().accounts.insert(tenant_id, Arc::new(TenantAccounts::new(accounts)));
        self.caches().tenants.insert(tenant_id, Arc::clone(&handle));
        self.tell(TenancyEvent::TenantChanged(tenant_id));
        for account_id in account_ids {
            self.tell(TenancyEvent::AccountChanged { tenant_id, account_id });
        }
        Ok(handle)
    }
}

/// The account as its row would be; it is of the tenant's version.
fn account(
    tenant: &Tenant,
    (account_id, new, status): (ProviderAccountId, NewAccount, AccountStatus),
) -> ProviderAccount {
    let route = new.route;
    ProviderAccount {
        account_id,
        tenant_id: tenant.tenant_id,
        name: new.name,
        channel: new.channel,
        vendor: new.vendor,
        settings: new.settings,
        sandbox: new.sandbox,
        route_order: route.route_order.unwrap_or(0),
        route_weight: route.route_weight.unwrap_or(1),
        rate_per_second: route.rate_per_second.flatten(),
        max_in_flight: route.max_in_flight.unwrap_or(64),
        timeout_ms: route.timeout_ms.unwrap_or(10_000),
        status,
        base_url: new.base_url,
        version: tenant.version,
        created_at: tenant.created_at,
        updated_at: tenant.updated_at,
        credentials: None,
        webhook_token: Sealed(Vec::new()),
        webhook_token_hash: key_text::hash(""),
    }
}
