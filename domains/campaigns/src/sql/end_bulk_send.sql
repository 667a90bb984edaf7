-- A send has come to its end, unless a caller has changed its state meanwhile. Leans on bulk_sends_pkey.
UPDATE bulk_sends SET state = $4, updated_at = $5, ended_at = $5
WHERE tenant_id = $1 AND bulk_send_id = $2 AND state = $3
