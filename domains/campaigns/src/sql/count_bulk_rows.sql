-- Rows of a bulk send by state and verdict. Leans on bulk_send_rows_pkey.
SELECT state, verdict, verdict_code, verdict_channel, count(*) AS rows
FROM bulk_send_rows
WHERE tenant_id = $1 AND bulk_send_id = $2
GROUP BY state, verdict, verdict_code, verdict_channel
ORDER BY state, verdict, verdict_channel, verdict_code
