-- Stores a message from outside, once. Leans on inbound_messages_ref.
INSERT INTO inbound_messages (tenant_id, inbound_id, provider_account_id, provider_ref, channel, received_at,
                              sender_hash, keyword, payload_sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
