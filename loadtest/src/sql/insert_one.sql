-- Ceiling: one message with its delivery and its key in one statement, which is one commit.
WITH message AS (
    INSERT INTO messages (tenant_id, message_id, created_at, purpose, priority, strategy, channels, expires_at, payload_sealed)
    VALUES ($1, $2, now(), 2, 3, 1, '\x01', now() + interval '3 days', $3)
), delivery AS (
    INSERT INTO deliveries (tenant_id, message_id, channel, state, reason, due_at, is_open, attempt_no, failures, recipient_hash, priority, segments)
    VALUES ($1, $2, 1, 0, 1, now(), true, 0, 0, $4, 3, 2)
)
INSERT INTO idempotency_keys (tenant_id, key_hash, fingerprint, message_id, expires_at)
VALUES ($1, $4, $4, $2, now() + interval '7 days')
