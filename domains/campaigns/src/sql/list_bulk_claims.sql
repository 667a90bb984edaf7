-- Which rows of a send go to these recipients and addresses. Leans on bulk_send_claims_pkey.
SELECT claim_hash, row_no, names_person
FROM bulk_send_claims
WHERE tenant_id = $1 AND bulk_send_id = $2 AND claim_hash = ANY ($3::bytea[])
