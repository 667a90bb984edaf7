-- Messages from outside that were stored before an instant and not followed to their end: a process died over them. Leans on inbound_messages_open.
SELECT tenant_id, inbound_id, provider_account_id, channel, received_at, keyword, reply, payload_sealed
FROM inbound_messages
WHERE tenant_id = ANY ($1::uuid[]) AND handled_at IS NULL AND received_at < $2
ORDER BY tenant_id, inbound_id
LIMIT $3
