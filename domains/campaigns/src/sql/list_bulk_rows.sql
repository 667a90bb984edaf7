-- A page of a bulk send's rows: ids and codes. Leans on bulk_send_rows_pkey.
SELECT row_no, recipient_id, state, due_at, verdict, verdict_code, verdict_channel, verdicts, message_id, error
FROM bulk_send_rows
WHERE tenant_id = $1 AND bulk_send_id = $2 AND row_no > $3
  AND ($4::smallint IS NULL OR state = $4)
  AND ($5::smallint IS NULL OR verdict = $5)
ORDER BY row_no
LIMIT $6
