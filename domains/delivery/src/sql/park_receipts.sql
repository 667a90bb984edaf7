-- Keeps receipts that match nothing yet; a copy of one changes nothing. Leans on parked_receipts_pkey.
INSERT INTO parked_receipts (tenant_id, provider_account_id, provider_ref, receipt_key, receipt_status, failure_class,
                             code, occurred_at, received_at)
SELECT tenant_id, provider_account_id, provider_ref, receipt_key, receipt_status, failure_class, code, occurred_at,
       received_at
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::smallint[], $6::smallint[], $7::text[],
            $8::timestamptz[], $9::timestamptz[])
    AS receipt (tenant_id, provider_account_id, provider_ref, receipt_key, receipt_status, failure_class, code,
                occurred_at, received_at)
ON CONFLICT DO NOTHING
