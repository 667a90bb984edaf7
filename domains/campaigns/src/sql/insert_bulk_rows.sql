-- Stores rows of a list; those whose recipient or address is there already are left out and not returned. Leans on bulk_send_rows_once.
INSERT INTO bulk_send_rows (tenant_id, bulk_send_id, row_no, target_hash, recipient_id, row_sealed, state, due_at)
SELECT $1, $2, row_no, target_hash, recipient_id, row_sealed, $7, $8
FROM unnest($3::integer[], $4::bytea[], $5::uuid[], $6::bytea[]) AS line (row_no, target_hash, recipient_id, row_sealed)
ON CONFLICT (tenant_id, bulk_send_id, target_hash) DO NOTHING
RETURNING row_no
