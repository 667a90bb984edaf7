-- Parked receipts whose attempt is known by now: the safety net for receipts that crossed their answer. Leans on parked_receipts_age, provider_refs_pkey.
WITH recent AS MATERIALIZED (
    -- By itself and bounded: an account that other software sends with, too, parks all of that software's receipts.
    SELECT tenant_id, provider_account_id, provider_ref
    FROM parked_receipts
    WHERE received_at >= $1
    ORDER BY received_at DESC
    LIMIT $2
)
SELECT DISTINCT recent.tenant_id, recent.provider_account_id, recent.provider_ref, ref.message_id, ref.channel,
       ref.attempt_no
FROM recent
JOIN provider_refs AS ref USING (tenant_id, provider_account_id, provider_ref)
