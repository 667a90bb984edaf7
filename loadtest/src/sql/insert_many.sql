-- Ceiling: a batch of messages with their deliveries and keys in one statement, which is one commit.
WITH batch AS MATERIALIZED (
    SELECT message_id, payload, hash
    FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS row (message_id, payload, hash)
), message AS (
    INSERT INTO messages (tenant_id, message_id, created_at, purpose, priority, strategy, channels, expires_at, payload_sealed)
    SELECT $1, message_id, now(), 2, 3, 1, '\x01', now() + interval '3 days', payload FROM batch
), delivery AS (
    INSERT INTO deliveries (tenant_id, message_id, channel, state, reason, due_at, is_open, attempt_no, failures, recipient_hash, priority, segments)
    SELECT $1, message_id, 1, 0, 1, now(), true, 0, 0, hash, 3, 2 FROM batch
)
INSERT INTO idempotency_keys (tenant_id, key_hash, fingerprint, message_id, expires_at)
SELECT $1, hash, hash, message_id, now() + interval '7 days' FROM batch
