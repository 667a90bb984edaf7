-- Rows of a send that was cancelled before their turn, some at a time: carepost_campaigns::RowState waiting (1), held (2), cancelled (6). Leans on bulk_send_rows_due, bulk_send_rows_pkey.
WITH page AS MATERIALIZED (
    SELECT row_no
    FROM bulk_send_rows
    WHERE tenant_id = $1 AND bulk_send_id = $2 AND state IN (1, 2)
    LIMIT $3
)
UPDATE bulk_send_rows AS line
SET state = 6
FROM page
WHERE line.tenant_id = $1 AND line.bulk_send_id = $2 AND line.row_no = page.row_no
