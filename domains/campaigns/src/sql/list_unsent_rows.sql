-- Rows of a send that are no message by their own mark, some at a time: carepost_campaigns::RowState waiting (1) and held (2). Leans on bulk_send_rows_due.
SELECT row_no
FROM bulk_send_rows
WHERE tenant_id = $1 AND bulk_send_id = $2 AND state IN (1, 2)
ORDER BY due_at, row_no
LIMIT $3
