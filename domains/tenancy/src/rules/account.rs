//! What a provider account must look like, whichever the vendor; and an account after a change.

use carepost_kernel::{Reach, Secret};
use serde_json::Value;

use super::names::check_name;
use super::url::check_outward;
use crate::error::FieldProblem;
use crate::types::{AccountChange, AccountStatus, NewAccount, ProviderAccount, RouteChange};

const SETTINGS_MAX_BYTES: usize = 16 * 1024;

/// A route with every field decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) route_order: i16,
    pub(crate) route_weight: i16,
    pub(crate) rate_per_second: Option<u32>,
    pub(crate) max_in_flight: u32,
    pub(crate) timeout_ms: u32,
}

impl Route {
    /// What an account has where nobody said otherwise.
    const DEFAULT: Self =
        Self { route_order: 0, route_weight: 1, rate_per_second: None, max_in_flight: 64, timeout_ms: 10_000 };

    /// The route of an account.
    pub(crate) const fn of(account: &ProviderAccount) -> Self {
        Self {
            route_order: account.route_order,
            route_weight: account.route_weight,
            rate_per_second: account.rate_per_second,
            max_in_flight: account.max_in_flight,
            timeout_ms: account.timeout_ms,
        }
    }

    /// The route of a new account.
    pub(crate) fn new(change: &RouteChange) -> Result<Self, FieldProblem> {
        Self::DEFAULT.changed(change)
    }

    /// The route after a change, within its bounds.
    pub(crate) fn changed(self, change: &RouteChange) -> Result<Self, FieldProblem> {
        let route = Self {
            route_order: change.route_order.unwrap_or(self.route_order),
            route_weight: change.route_weight.unwrap_or(self.route_weight),
            rate_per_second: change.rate_per_second.unwrap_or(self.rate_per_second),
            max_in_flight: change.max_in_flight.unwrap_or(self.max_in_flight),
            timeout_ms: change.timeout_ms.unwrap_or(self.timeout_ms),
        };
        let is_rate = |rate: u32| (1..=100_000).contains(&rate);
        let table = [
            ((0..=1_000).contains(&route.route_order), "/route_order", "must be between 0 and 1,000"),
            ((1..=1_000).contains(&route.route_weight), "/route_weight", "must be between 1 and 1,000"),
            (route.rate_per_second.is_none_or(is_rate), "/rate_per_second", "must be between 1 and 100,000"),
            ((1..=10_000).contains(&route.max_in_flight), "/max_in_flight", "must be between 1 and 10,000"),
            ((100..=120_000).contains(&route.timeout_ms), "/timeout_ms", "must be between 100 and 120,000"),
        ];
        match table.into_iter().find(|(holds, ..)| !holds) {
            Some((_, pointer, problem)) => Err(FieldProblem::new(pointer, problem)),
            None => Ok(route),
        }
    }
}

/// Checks what all vendors have in common.
pub(crate) fn check(account: &NewAccount, reach: Reach) -> Result<Route, FieldProblem> {
    check_name("/name", &account.name)?;
    let is_vendor = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if account.vendor.is_empty() || !account.vendor.bytes().all(is_vendor) {
        return Err(FieldProblem::new("/vendor", "no such vendor"));
    }
    if !account.settings.is_object() || account.settings.to_string().len() > SETTINGS_MAX_BYTES {
        return Err(FieldProblem::new("/settings", "must be an object of at most 16 kB"));
    }
    if let Some(credentials) = &account.credentials {
        let parsed = serde_json::from_str::<Value>(credentials.expose());
        if credentials.expose().len() > SETTINGS_MAX_BYTES || !parsed.is_ok_and(|value| value.is_object()) {
            return Err(FieldProblem::new("/credentials", "must be an object of at most 16 kB"));
        }
    }
    if let Some(base_url) = &account.base_url {
        check_outward("/base_url", base_url, reach)?;
    }
    Route::new(&account.route)
}

/// The account as it would be: what the vendor's own check sees. `credentials` are the present ones, opened.
pub(crate) fn changed(
    account: &ProviderAccount,
    credentials: Option<Secret<String>>,
    change: &AccountChange,
) -> Result<NewAccount, FieldProblem> {
    if account.status == AccountStatus::Closed {
        return Err(FieldProblem::new("/status", "a closed account does not change any more"));
    }
    let route = Route::of(account).changed(&change.route)?;
    Ok(NewAccount {
        name: change.name.clone().unwrap_or_else(|| account.name.clone()),
        channel: account.channel,
        vendor: account.vendor.clone(),
        settings: change.settings.clone().unwrap_or_else(|| account.settings.clone()),
        credentials: change.credentials.clone().or(credentials),
        sandbox: account.sandbox,
        route: RouteChange {
            route_order: Some(route.route_order),
            route_weight: Some(route.route_weight),
            rate_per_second: Some(route.rate_per_second),
            max_in_flight: Some(route.max_in_flight),
            timeout_ms: Some(route.timeout_ms),
        },
        base_url: change.base_url.clone().unwrap_or_else(|| account.base_url.clone()),
    })
}
