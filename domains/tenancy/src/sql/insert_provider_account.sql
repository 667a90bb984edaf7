-- Makes an account. The constraint provider_accounts_name answers where the name is taken.
INSERT INTO provider_accounts
    (tenant_id, provider_account_id, name, channel, vendor, settings, credentials_sealed, base_url, sandbox,
     route_order, route_weight, rate_per_second, max_in_flight, timeout_ms, status, webhook_token_hash,
     webhook_token_sealed, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)
