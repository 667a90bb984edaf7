-- Appends receipts to the history, each once, where the delivery exists. Leans on delivery_events_pkey and deliveries_pkey.
INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no, state, failure_class,
                             code, provider_account_id, receipt_status, receipt_key)
SELECT receipt.tenant_id, receipt.message_id, receipt.event_id, receipt.channel, 4, receipt.at, receipt.attempt_no,
       receipt.state, receipt.failure_class, receipt.code, receipt.provider_account_id, receipt.receipt_status,
       receipt.receipt_key
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[], $6::smallint[], $7::smallint[],
            $8::smallint[], $9::text[], $10::uuid[], $11::smallint[], $12::bytea[])
    AS receipt (tenant_id, message_id, event_id, channel, at, attempt_no, state, failure_class, code,
                provider_account_id, receipt_status, receipt_key)
JOIN deliveries AS held USING (tenant_id, message_id, channel)
WHERE NOT EXISTS (
    SELECT FROM delivery_events AS known
    WHERE known.tenant_id = receipt.tenant_id
      AND known.message_id = receipt.message_id
      AND known.receipt_key = receipt.receipt_key
)
RETURNING event_id
