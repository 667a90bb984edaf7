-- The next page of one channel's due deliveries of one tenant and priority, after a place in the order; the page itself has no order. Leans on deliveries_due, messages_pkey.
WITH page AS MATERIALIZED (
    -- By itself, so that no more than a page is ever read or joined, however much waits.
    SELECT tenant_id, message_id, channel, state, reason, due_at, attempt_no, failures, provider_account_id,
           recipient_hash, code
    FROM deliveries
    WHERE tenant_id = $1
      AND channel = $2
      AND priority = $3
      AND is_open
      AND due_at <= $4
      AND (due_at, message_id) > ($5, $6)
    ORDER BY due_at, message_id
    LIMIT $7
)
SELECT page.tenant_id, page.message_id, page.channel, page.state, page.reason, page.due_at,
       page.attempt_no, page.failures, page.provider_account_id, page.recipient_hash, page.code,
       message.purpose, message.priority, message.strategy, message.channels, message.created_at,
       message.scheduled_at, message.expires_at,
       octet_length(message.payload_sealed) AS payload_bytes,
       -- Large ones are read one by one, while there is room for them.
       CASE WHEN octet_length(message.payload_sealed) <= $8 THEN message.payload_sealed END AS payload_sealed
FROM page
JOIN messages AS message USING (tenant_id, message_id)
