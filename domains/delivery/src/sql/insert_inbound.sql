-- Stores a message from outside, once, and says whether all that follows from it was done. Leans on inbound_messages_ref.
WITH stored AS (
    INSERT INTO inbound_messages (tenant_id, inbound_id, provider_account_id, provider_ref, channel, received_at,
                                  sender_hash, keyword, payload_sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT DO NOTHING
    RETURNING inbound_id, handled_at
)
SELECT inbound_id, handled_at FROM stored
UNION ALL
-- A copy of one that was there when this statement began.
SELECT inbound_id, handled_at
FROM inbound_messages
WHERE tenant_id = $1 AND provider_account_id = $3 AND provider_ref = $4
