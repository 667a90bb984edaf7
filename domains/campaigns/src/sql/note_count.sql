-- The count has come so far; where it has come to the end, the send is ready: carepost_campaigns::BulkState counting (2). Leans on bulk_sends_pkey.
UPDATE bulk_sends
SET counted_to = $3,
    policy_version = $4,
    state = CASE WHEN $5 THEN $6 ELSE state END,
    counted_at = CASE WHEN $5 THEN $7 ELSE counted_at END,
    updated_at = $7
WHERE tenant_id = $1 AND bulk_send_id = $2 AND state = 2
