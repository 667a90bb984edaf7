-- Which rows of a send go to these recipients and addresses: carepost_campaigns::RowState enqueued (3), and of waiting (1) and held (2) those whose turn has come, for they may have been handed in. Leans on bulk_send_claims_pkey, bulk_send_rows_pkey.
SELECT claim.claim_hash, claim.row_no, claim.names_person, line.state = 3 AS is_sent
FROM bulk_send_claims AS claim
JOIN bulk_send_rows AS line
  ON line.tenant_id = claim.tenant_id AND line.bulk_send_id = claim.bulk_send_id AND line.row_no = claim.row_no
WHERE claim.tenant_id = $1 AND claim.bulk_send_id = $2 AND claim.claim_hash = ANY ($3::bytea[])
  AND (line.state = 3 OR (line.state IN (1, 2) AND line.due_at <= $4))
