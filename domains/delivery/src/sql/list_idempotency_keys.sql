-- Whom claimed keys belong to. Leans on idempotency_keys_pkey.
SELECT held.tenant_id, held.key_hash, held.fingerprint, held.message_id
FROM unnest($1::uuid[], $2::bytea[]) AS wanted (tenant_id, key_hash)
JOIN idempotency_keys AS held USING (tenant_id, key_hash)
