-- Lets one record stand for another, or for itself again (null). Leans on the primary key.
UPDATE recipients
SET merged_into = $3, version = version + 1, updated_at = $4
WHERE tenant_id = $1 AND recipient_id = $2
