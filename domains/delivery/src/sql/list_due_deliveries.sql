-- The next page of one channel's due deliveries of one tenant, after a place in the order. Leans on deliveries_due, messages_pkey.
SELECT delivery.tenant_id, delivery.message_id, delivery.channel, delivery.state, delivery.reason, delivery.due_at,
       delivery.attempt_no, delivery.failures, delivery.provider_account_id, delivery.recipient_hash, delivery.code,
       message.purpose, message.priority, message.strategy, message.channels, message.created_at,
       message.scheduled_at, message.expires_at, message.payload_sealed
FROM deliveries AS delivery
JOIN messages AS message USING (tenant_id, message_id)
WHERE delivery.tenant_id = $1
  AND delivery.channel = $2
  AND delivery.is_open
  AND delivery.due_at <= $3
  AND (delivery.due_at, delivery.message_id) > ($4, $5)
ORDER BY delivery.due_at, delivery.message_id
LIMIT $6
