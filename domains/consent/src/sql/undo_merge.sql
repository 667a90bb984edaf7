-- A merge does not hold any more. Leans on the primary key.
UPDATE recipient_merges SET undone_at = $3
WHERE tenant_id = $1 AND merge_id = $2
