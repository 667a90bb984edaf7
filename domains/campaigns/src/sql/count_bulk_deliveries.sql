-- Deliveries of a bulk send's messages by channel and state. Leans on bulk_send_rows_pkey, deliveries_pkey.
SELECT held.channel, held.state, count(*) AS deliveries
FROM bulk_send_rows AS line
JOIN deliveries AS held ON held.tenant_id = line.tenant_id AND held.message_id = line.message_id
WHERE line.tenant_id = $1 AND line.bulk_send_id = $2
GROUP BY held.channel, held.state
ORDER BY held.channel, held.state
