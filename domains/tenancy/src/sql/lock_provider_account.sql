-- An account's row for a change: nobody else changes it until we are done. Leans on the primary key.
SELECT tenant_id, provider_account_id, name, channel, vendor, settings, credentials_sealed, base_url, sandbox, route_order,
    route_weight, rate_per_second, max_in_flight, timeout_ms, status, webhook_token_hash, webhook_token_sealed, version,
    created_at, updated_at
FROM provider_accounts
WHERE tenant_id = $1 AND provider_account_id = $2
FOR UPDATE
