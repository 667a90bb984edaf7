-- The next rows after one whose turn has come, with what the gate said of those that were held: carepost_campaigns::RowState waiting (1) and held (2). Leans on bulk_send_rows_due.
SELECT row_no, recipient_id, row_sealed, state, due_at, verdict, verdict_code, verdict_channel, verdicts
FROM bulk_send_rows
WHERE tenant_id = $1 AND bulk_send_id = $2 AND state IN (1, 2) AND due_at <= $3 AND (due_at, row_no) > ($5, $6)
ORDER BY due_at, row_no
LIMIT $4
