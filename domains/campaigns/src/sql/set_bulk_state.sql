-- A caller's deed changes a bulk send's state. Leans on bulk_sends_pkey.
UPDATE bulk_sends
SET state = $3,
    version = version + 1,
    updated_at = $4,
    counted_to = CASE WHEN $5 THEN 0 ELSE counted_to END,
    counted_at = CASE WHEN $5 THEN NULL ELSE counted_at END,
    started_at = CASE WHEN $6 THEN coalesce(started_at, $4) ELSE started_at END
WHERE tenant_id = $1 AND bulk_send_id = $2
