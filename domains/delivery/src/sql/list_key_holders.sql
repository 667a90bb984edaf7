-- Which messages idempotency keys of one tenant belong to; a key that has run out belongs to none. Leans on idempotency_keys_pkey.
SELECT key_hash, fingerprint, message_id
FROM idempotency_keys
WHERE tenant_id = $1 AND key_hash = ANY ($2::bytea[]) AND expires_at > $3
