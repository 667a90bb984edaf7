-- Rows of a send are about to go to these recipients and addresses. Leans on bulk_send_claims_pkey.
INSERT INTO bulk_send_claims (tenant_id, bulk_send_id, claim_hash, row_no, names_person)
SELECT $1, $2, claim_hash, row_no, names_person
FROM unnest($3::bytea[], $4::integer[], $5::boolean[]) AS claim (claim_hash, row_no, names_person)
ON CONFLICT (tenant_id, bulk_send_id, claim_hash, row_no) DO NOTHING
