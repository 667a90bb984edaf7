-- The policy has changed: what the gate held is due now, some rows at a time. carepost_campaigns::RowState held (2). Leans on bulk_send_rows_due, bulk_send_rows_pkey.
WITH page AS MATERIALIZED (
    SELECT row_no
    FROM bulk_send_rows
    WHERE tenant_id = $1 AND bulk_send_id = $2 AND state = 2 AND due_at > $3
    LIMIT $4
)
UPDATE bulk_send_rows AS line
SET due_at = $3
FROM page
WHERE line.tenant_id = $1 AND line.bulk_send_id = $2 AND line.row_no = page.row_no
