-- The next rows that the count has not looked at. Leans on bulk_send_rows_pkey.
SELECT row_no, recipient_id, row_sealed
FROM bulk_send_rows
WHERE tenant_id = $1 AND bulk_send_id = $2 AND row_no > $3
ORDER BY row_no
LIMIT $4
