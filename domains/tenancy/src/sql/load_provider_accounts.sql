-- All accounts of a tenant in route order, for the directory. Leans on the primary key.
SELECT tenant_id, provider_account_id, name, channel, vendor, settings, credentials_sealed, base_url, sandbox, route_order,
    route_weight, rate_per_second, max_in_flight, timeout_ms, status, webhook_token_hash, webhook_token_sealed, version,
    created_at, updated_at
FROM provider_accounts
WHERE tenant_id = $1
ORDER BY route_order, provider_account_id
