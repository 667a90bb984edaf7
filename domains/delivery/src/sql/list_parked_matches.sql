-- Parked receipts whose attempt is known by now: the safety net for receipts that crossed their answer. Leans on provider_refs_pkey.
SELECT parked.tenant_id, parked.provider_account_id, parked.provider_ref, ref.message_id, ref.channel, ref.attempt_no
FROM parked_receipts AS parked
JOIN provider_refs AS ref USING (tenant_id, provider_account_id, provider_ref)
LIMIT $1
