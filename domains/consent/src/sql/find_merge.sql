-- The merge of a record that still holds. Leans on recipient_merges_open.
SELECT merge_id, merged_id, survivor_id, moved
FROM recipient_merges
WHERE tenant_id = $1 AND merged_id = $2 AND undone_at IS NULL
