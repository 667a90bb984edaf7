-- Lets an address get messages again. Leans on the primary key.
UPDATE suppressions
SET lifted_at = $3, lifted_by_kind = $4, lifted_by_id = $5
WHERE tenant_id = $1 AND suppression_id = ANY ($2) AND lifted_at IS NULL
