-- Writes an account that lock_provider_account.sql has locked. Leans on the primary key.
UPDATE provider_accounts
SET name = $3, settings = $4, credentials_sealed = $5, base_url = $6, route_order = $7, route_weight = $8,
    rate_per_second = $9, max_in_flight = $10, timeout_ms = $11, status = $12, version = $13, updated_at = $14
WHERE tenant_id = $1 AND provider_account_id = $2
