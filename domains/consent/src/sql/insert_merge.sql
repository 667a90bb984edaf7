-- Writes down what a merge moved.
INSERT INTO recipient_merges (tenant_id, merge_id, merged_id, survivor_id, moved, actor_kind, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
