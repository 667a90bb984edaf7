-- Something has changed, and what was put off because of it is due now, a page at a time. For some recipients all that waits on the channel is read: rare, and no index of its own is worth its cost for each message. Leans on deliveries_due, deliveries_pkey.
WITH page AS MATERIALIZED (
    SELECT message_id, channel
    FROM deliveries
    WHERE tenant_id = $1
      AND channel = ANY ($2::smallint[])
      AND priority = ANY ($7::smallint[])
      AND is_open
      AND due_at > $3
      AND due_at <= $4
      AND reason = ANY ($5::smallint[])
      AND ($8::bytea[] IS NULL OR recipient_hash = ANY ($8))
    LIMIT $6
    -- What the ledger has in its hands leaves anyway; to wait for it in another order than its own would be a deadlock.
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE deliveries AS held
SET due_at = $3
FROM page
WHERE held.tenant_id = $1
  AND held.message_id = page.message_id
  AND held.channel = page.channel
RETURNING held.channel
