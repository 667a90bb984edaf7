-- The policy has changed: what the gate held is due now. carepost_campaigns::RowState held (2). Leans on bulk_send_rows_due.
UPDATE bulk_send_rows
SET due_at = $3
WHERE tenant_id = $1 AND bulk_send_id = $2 AND state = 2 AND due_at > $3
