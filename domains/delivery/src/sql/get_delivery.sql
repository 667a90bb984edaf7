-- One delivery with all that is needed to work on it. Leans on deliveries_pkey, messages_pkey.
SELECT delivery.tenant_id, delivery.message_id, delivery.channel, delivery.state, delivery.reason, delivery.due_at,
       delivery.attempt_no, delivery.failures, delivery.provider_account_id, delivery.recipient_hash, delivery.code,
       message.purpose, message.priority, message.strategy, message.channels, message.created_at,
       message.scheduled_at, message.expires_at, message.payload_sealed,
       octet_length(message.payload_sealed) AS payload_bytes
FROM deliveries AS delivery
JOIN messages AS message USING (tenant_id, message_id)
WHERE delivery.tenant_id = $1 AND delivery.message_id = $2 AND delivery.channel = $3
