-- Takes out the receipts that came before the provider's id was known. Leans on parked_receipts_pkey.
DELETE FROM parked_receipts AS parked
USING unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::smallint[], $6::smallint[])
    AS ref (tenant_id, provider_account_id, provider_ref, message_id, channel, attempt_no)
WHERE parked.tenant_id = ref.tenant_id
  AND parked.provider_account_id = ref.provider_account_id
  AND parked.provider_ref = ref.provider_ref
RETURNING parked.tenant_id, parked.provider_account_id, parked.provider_ref, parked.receipt_key,
          parked.receipt_status, parked.failure_class, parked.code, parked.occurred_at, parked.received_at,
          ref.message_id, ref.channel, ref.attempt_no
