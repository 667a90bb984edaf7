-- A page of messages from outside, the newest first. Leans on inbound_messages_pkey.
SELECT inbound_id, provider_account_id, channel, received_at, keyword, reply, payload_sealed
FROM inbound_messages
WHERE tenant_id = $1 AND inbound_id < $2
ORDER BY inbound_id DESC
LIMIT $3
