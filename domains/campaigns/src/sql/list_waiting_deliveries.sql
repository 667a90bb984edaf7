-- Deliveries of a send's messages that may yet leave (carepost_delivery::DeliveryState below unknown, 20), by row. Leans on bulk_send_rows_pkey, deliveries_pkey.
SELECT line.row_no, held.message_id, held.channel, held.state, held.attempt_no, held.failures
FROM bulk_send_rows AS line
JOIN deliveries AS held ON held.tenant_id = line.tenant_id AND held.message_id = line.message_id
WHERE line.tenant_id = $1 AND line.bulk_send_id = $2 AND line.row_no > $3 AND held.is_open AND held.state < 20
ORDER BY line.row_no
LIMIT $4
