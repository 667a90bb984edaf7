-- When the next row after one is looked at: carepost_campaigns::RowState waiting (1) and held (2). Leans on bulk_send_rows_due.
SELECT due_at
FROM bulk_send_rows
WHERE tenant_id = $1 AND bulk_send_id = $2 AND state IN (1, 2) AND (due_at, row_no) > ($3, $4)
ORDER BY due_at, row_no
LIMIT 1
