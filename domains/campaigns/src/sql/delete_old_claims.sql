-- Some of what a send that goes has reached. Leans on bulk_send_claims_pkey.
WITH page AS MATERIALIZED (
    SELECT claim_hash FROM bulk_send_claims WHERE tenant_id = $1 AND bulk_send_id = $2 LIMIT $3
)
DELETE FROM bulk_send_claims AS claim
USING page
WHERE claim.tenant_id = $1 AND claim.bulk_send_id = $2 AND claim.claim_hash = page.claim_hash
