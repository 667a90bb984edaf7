-- One page of a tenant's accounts, closed ones too, the oldest first. Leans on the primary key.
SELECT tenant_id, provider_account_id, name, channel, vendor, settings, credentials_sealed, base_url, sandbox, route_order,
    route_weight, rate_per_second, max_in_flight, timeout_ms, status, webhook_token_hash, webhook_token_sealed, version,
    created_at, updated_at
FROM provider_accounts
WHERE tenant_id = $1
  AND ($2::uuid IS NULL OR provider_account_id > $2)
ORDER BY provider_account_id
LIMIT $3
