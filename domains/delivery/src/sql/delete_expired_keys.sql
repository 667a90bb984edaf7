-- Forgets idempotency keys that have run out, a bounded number at a time. Leans on idempotency_keys_expiry.
DELETE FROM idempotency_keys
WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2))
