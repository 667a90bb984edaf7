-- Claims idempotency keys for new messages; a key that has run out is taken over. Returns the messages whose key is theirs. Leans on idempotency_keys_pkey.
INSERT INTO idempotency_keys AS held (tenant_id, key_hash, fingerprint, message_id, expires_at)
SELECT tenant_id, key_hash, fingerprint, message_id, expires_at
FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::uuid[], $5::timestamptz[])
    AS claim (tenant_id, key_hash, fingerprint, message_id, expires_at)
ON CONFLICT (tenant_id, key_hash) DO UPDATE
    SET fingerprint = excluded.fingerprint, message_id = excluded.message_id, expires_at = excluded.expires_at
    -- The time comes from the engine's clock, as all times in rows do.
    WHERE held.expires_at <= $6
RETURNING message_id
