-- The oldest bulk send that is past retention and not under way: carepost_campaigns::BulkState counting (2), running (4), paused (5), cancelling (6) stay. Few sends are that old: all of them are looked through. Leans on bulk_sends_pkey.
SELECT tenant_id, bulk_send_id
FROM bulk_sends
WHERE coalesce(ended_at, updated_at) < $1 AND state NOT IN (2, 4, 5, 6)
LIMIT 1
