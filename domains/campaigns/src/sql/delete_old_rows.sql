-- Some rows of a send that goes. Leans on bulk_send_rows_pkey.
WITH page AS MATERIALIZED (
    SELECT row_no FROM bulk_send_rows WHERE tenant_id = $1 AND bulk_send_id = $2 LIMIT $3
)
DELETE FROM bulk_send_rows AS line
USING page
WHERE line.tenant_id = $1 AND line.bulk_send_id = $2 AND line.row_no = page.row_no
